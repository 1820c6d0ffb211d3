#include "services/master/shell/registry_link.h"

#include "libs/telemetry/log.h"
#include "meros/v1/master.pb.h"
#include "services/master/shell/registry_codec.h"

namespace meros::master {
namespace {

namespace pb = ::meros::registry::v1;

absl::Status StatusOf(const pb::Response& response) {
  return absl::Status(static_cast<absl::StatusCode>(response.code()), response.message());
}

// host:port of the leader that the registry names.
std::string LeaderAddress(const pb::LeaseResult& lease) {
  v1::MasterInfo info;
  if (!info.ParseFromString(lease.address())) return "";
  return info.pid();
}

LeaseAnswer AnswerOf(uint64_t attempt, absl::Duration ttl, const pb::Response& response) {
  LeaseAnswer answer;
  answer.attempt = attempt;
  const absl::Status status = StatusOf(response);
  if (status.ok()) {
    answer.kind = LeaseAnswer::Kind::kGranted;
    answer.epoch = response.lease().epoch();
    answer.ttl = response.lease().ttl_ms() > 0 ? absl::Milliseconds(response.lease().ttl_ms()) : ttl;
  } else if (absl::IsFailedPrecondition(status) || absl::IsDeadlineExceeded(status)) {
    answer.kind = LeaseAnswer::Kind::kHeldByOther;
    answer.leader_address = LeaderAddress(response.lease());
  }
  return answer;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RegistryLink>> RegistryLink::Make(RegistryLinkOptions options,
                                                                 Post post,
                                                                 MasterMetrics* metrics) {
  std::vector<std::unique_ptr<Stub>> stubs;
  for (const std::string& address : options.addresses) {
    auto channel = rpc::MakeChannel(address, options.tls);
    if (!channel.ok()) return channel.status();
    stubs.push_back(pb::RegistryService::NewStub(*channel));
  }
  auto link = std::unique_ptr<RegistryLink>(
      new RegistryLink(std::move(options), std::move(post), metrics));
  link->stubs_ = std::move(stubs);
  return link;
}

bool RegistryLink::connected() const {
  MutexLock lock(&mutex_);
  return session_ != nullptr && answered_;
}

std::shared_ptr<RegistryLink::Session> RegistryLink::Dial() {
  uint64_t number = 0;
  Stub* stub = nullptr;
  auto session = Session::Create();
  {
    MutexLock lock(&mutex_);
    if (stopping_) return nullptr;
    if (session_ != nullptr) return session_;
    session_ = session;
    answered_ = false;
    number = ++session_number_;
    ++sessions_open_;
    stub = stubs_[next_stub_ % stubs_.size()].get();
  }
  stub->async()->Session(session->context(), session->reactor());
  session->Start({.on_frame = [this, number](pb::SessionResponse f) { OnFrame(number, std::move(f)); },
                  .on_closed = [this, number](const absl::Status& s) { OnClosed(number, s); }});
  return session;
}

bool RegistryLink::Encode(absl::Time now, const Effect& effect, pb::Request* request, Open* open) {
  open->sent = now;
  if (const auto* acquire = std::get_if<AcquireLease>(&effect)) {
    *open = {Kind::kLease, acquire->attempt, now, acquire->ttl, {}};
    request->mutable_acquire_lease()->set_candidate_id(options_.candidate_id);
    request->mutable_acquire_lease()->set_address(options_.master_info);
    request->mutable_acquire_lease()->set_ttl_ms(absl::ToInt64Milliseconds(acquire->ttl));
  } else if (const auto* renew = std::get_if<RenewLease>(&effect)) {
    *open = {Kind::kLease, renew->attempt, now, renew->ttl, {}};
    request->mutable_renew_lease()->set_epoch(renew->epoch);
  } else if (const auto* release = std::get_if<ReleaseLease>(&effect)) {
    request->mutable_release_lease()->set_epoch(release->epoch);
  } else if (const auto* read = std::get_if<ReadRegistry>(&effect)) {
    *open = {Kind::kRead, read->epoch, now, absl::ZeroDuration(), {}};
    request->mutable_list()->add_kinds(pb::RECORD_KIND_AGENT);
    request->mutable_list()->add_kinds(pb::RECORD_KIND_FRAMEWORK);
  } else if (const auto* write = std::get_if<WriteRegistry>(&effect)) {
    *open = {Kind::kWrite, write->token, now, absl::ZeroDuration(), {}};
    request->mutable_commit()->set_epoch(write->epoch);
    *request->mutable_commit()->add_mutations() = EncodeRecord(write->record, now);
  } else {
    return false;
  }
  return true;
}

void RegistryLink::Send(absl::Time now, std::vector<Effect> requests) {
  FailOverdue(now);
  std::shared_ptr<Session> session = Dial();
  pb::SessionRequest frame;
  std::vector<uint64_t> ids;
  for (const Effect& effect : requests) {
    pb::Request request;
    Open open;
    if (!Encode(now, effect, &request, &open)) continue;
    {
      MutexLock lock(&mutex_);
      request.set_id(next_id_++);
      open_.emplace(request.id(), std::move(open));
    }
    ids.push_back(request.id());
    *frame.add_requests() = std::move(request);
  }
  if (ids.empty() || (session != nullptr && session->Send(std::move(frame)))) return;
  OpenRequests failed;
  {
    MutexLock lock(&mutex_);
    for (uint64_t id : ids) {
      auto it = open_.find(id);
      if (it == open_.end()) continue;
      failed.emplace(id, std::move(it->second));
      open_.erase(it);
    }
  }
  Fail(std::move(failed), absl::UnavailableError("no session with the registry"));
}

void RegistryLink::OnFrame(uint64_t session, pb::SessionResponse frame) {
  {
    MutexLock lock(&mutex_);
    if (session == session_number_) answered_ = true;
  }
  for (pb::Response& response : *frame.mutable_responses()) OnResponse(std::move(response));
}

void RegistryLink::OnResponse(pb::Response response) {
  Open open;
  {
    MutexLock lock(&mutex_);
    auto it = open_.find(response.id());
    if (it == open_.end()) return;
    if (it->second.kind == Kind::kRead && response.code() == 0) {
      for (pb::Record& record : *response.mutable_list()->mutable_records()) {
        it->second.records.push_back(std::move(record));
      }
      if (!response.list().last()) return;
    }
    open = std::move(it->second);
    open_.erase(it);
  }
  const absl::Status status = StatusOf(response);
  switch (open.kind) {
    case Kind::kLease:
      return post_(AnswerOf(open.number, open.ttl, response));
    case Kind::kWrite:
      metrics_->registry_write_time.Observe(runtime::ProcessClock::Get().Now() - open.sent);
      if (!status.ok()) {
        MEROS_LOG(WARNING) << "the registry refused a write"
                           << telemetry::Field("status", status);
      }
      return post_(RegistryWritten{open.number, status, AgentId()});
    case Kind::kRead: {
      absl::StatusOr<RegistrySnapshot> snapshot =
          status.ok() ? DecodeRecords(open.records) : absl::StatusOr<RegistrySnapshot>(status);
      if (!snapshot.ok()) {
        MEROS_LOG(ERROR) << "cannot read the registry"
                         << telemetry::Field("status", snapshot.status());
        RegistrySnapshot failed;
        failed.epoch = open.number;
        failed.status = snapshot.status();
        return post_(std::move(failed));
      }
      snapshot->epoch = open.number;
      return post_(*std::move(snapshot));
    }
    case Kind::kNothing:
      return;
  }
}

void RegistryLink::OnClosed(uint64_t session, const absl::Status& status) {
  OpenRequests failed;
  {
    MutexLock lock(&mutex_);
    if (session == session_number_) {
      if (!answered_) ++next_stub_;
      session_ = nullptr;
      failed.swap(open_);
    }
  }
  MEROS_LOG(INFO) << "the session with the registry ended" << telemetry::Field("status", status);
  Fail(std::move(failed), absl::UnavailableError("the session with the registry ended"));
  MutexLock lock(&mutex_);
  --sessions_open_;
  changed_.SignalAll();
}

void RegistryLink::Fail(OpenRequests failed, const absl::Status& status) {
  for (auto& [id, open] : failed) {
    if (open.kind == Kind::kLease) {
      LeaseAnswer answer;
      answer.attempt = open.number;
      post_(std::move(answer));
    } else if (open.kind == Kind::kWrite) {
      post_(RegistryWritten{open.number, status, AgentId()});
    } else if (open.kind == Kind::kRead) {
      RegistrySnapshot snapshot;
      snapshot.epoch = open.number;
      snapshot.status = status;
      post_(std::move(snapshot));
    }
  }
}

void RegistryLink::FailOverdue(absl::Time now) {
  OpenRequests overdue;
  {
    MutexLock lock(&mutex_);
    for (auto it = open_.begin(); it != open_.end();) {
      if (now - it->second.sent < options_.request_timeout) break;  // ids grow with time
      overdue.emplace(it->first, std::move(it->second));
      it = open_.erase(it);
    }
  }
  Fail(std::move(overdue), absl::DeadlineExceededError("the registry did not answer"));
}

void RegistryLink::Stop() {
  std::shared_ptr<Session> session;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    session = session_;
  }
  if (session != nullptr) session->Close(absl::OkStatus());
  MutexLock lock(&mutex_);
  while (sessions_open_ > 0) {
    changed_.WaitFor(&mutex_, absl::Seconds(2));
    if (sessions_open_ > 0 && session != nullptr) session->Cancel();
  }
}

}  // namespace meros::master

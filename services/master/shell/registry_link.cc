#include "services/master/shell/registry_link.h"

#include <optional>
#include <utility>

#include "libs/telemetry/log.h"

namespace meros::master {

namespace registry_pb = ::meros::registry::v1;

absl::StatusOr<std::unique_ptr<RegistryLink>> RegistryLink::Make(RegistryLinkOptions options,
                                                                 Post post,
                                                                 MasterMetrics* metrics) {
  std::vector<std::unique_ptr<Stub>> stubs;
  for (const std::string& address : options.addresses) {
    auto channel = rpc::MakeChannel(address, options.tls);
    if (!channel.ok()) return channel.status();
    stubs.push_back(registry_pb::RegistryService::NewStub(*channel));
  }
  auto link =
      std::unique_ptr<RegistryLink>(new RegistryLink(std::move(options), std::move(post), metrics));
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
  session->Start(
      {.on_frame = [this,
                    number](registry_pb::SessionResponse f) { OnFrame(number, std::move(f)); },
       .on_closed = [this, number](const absl::Status& s) { OnClosed(number, s); }});
  return session;
}

void RegistryLink::Send(absl::Time now, std::vector<Effect> requests) {
  SendAll(now, requests, [](registry_pb::Request*) {});
}

void RegistryLink::Claim(absl::Time now, const AcquireLease& question,
                         const registry_pb::ElectionWin& won) {
  SendAll(now, {question}, [&](registry_pb::Request* request) {
    *request->mutable_acquire_lease()->mutable_won() = won;
  });
}

void RegistryLink::SendAll(absl::Time now, const std::vector<Effect>& requests,
                           const Adorn& adorn) {
  std::vector<Input> unanswered;
  uint64_t number = 0;
  {
    MutexLock lock(&mutex_);
    unanswered = exchange_.FailOverdue(now);
    number = session_number_;
  }
  if (!unanswered.empty()) {
    MoveOn(number, absl::DeadlineExceededError("the registry did not answer"));
  }
  PostAll(std::move(unanswered));
  std::shared_ptr<Session> session = Dial();
  registry_pb::SessionRequest frame;
  std::vector<uint64_t> ids;
  {
    MutexLock lock(&mutex_);
    for (const Effect& effect : requests) {
      registry_pb::Request request;
      if (!exchange_.Ask(now, effect, &request)) continue;
      adorn(&request);
      ids.push_back(request.id());
      *frame.add_requests() = std::move(request);
    }
  }
  if (ids.empty() || (session != nullptr && session->Send(std::move(frame)))) return;
  {
    MutexLock lock(&mutex_);
    unanswered = exchange_.FailThese(ids, absl::UnavailableError("no session with the registry"));
  }
  PostAll(std::move(unanswered));
}

void RegistryLink::PostAll(std::vector<Input> inputs) {
  for (Input& input : inputs) post_(std::move(input));
}

void RegistryLink::OnFrame(uint64_t session, registry_pb::SessionResponse frame) {
  {
    MutexLock lock(&mutex_);
    if (session == session_number_) answered_ = true;
  }
  for (registry_pb::Response& response : *frame.mutable_responses()) {
    OnResponse(session, std::move(response));
  }
}

void RegistryLink::MoveOn(uint64_t session, const absl::Status& why) {
  std::shared_ptr<Session> left;
  std::vector<Input> unanswered;
  {
    MutexLock lock(&mutex_);
    if (session != session_number_ || session_ == nullptr || stubs_.size() < 2) return;
    left = std::exchange(session_, nullptr);
    ++session_number_;  // its end is no news
    ++next_stub_;
    unanswered = exchange_.FailAll(why);
  }
  MEROS_LOG(WARNING) << "trying the next registry" << telemetry::Field("why", why);
  left->Cancel();
  PostAll(std::move(unanswered));
}

void RegistryLink::OnResponse(uint64_t session, registry_pb::Response response) {
  std::optional<RegistryExchange::Answer> answer;
  {
    MutexLock lock(&mutex_);
    answer = exchange_.Take(std::move(response));
  }
  if (!answer.has_value()) return;
  if (answer->is_write) {
    metrics_->registry_write_time.Observe(runtime::ProcessClock::Get().Now() - answer->asked);
    if (!answer->status.ok()) {
      MEROS_LOG(WARNING) << "the registry refused a write"
                         << telemetry::Field("status", answer->status);
    }
  } else if (!answer->status.ok() && std::holds_alternative<RegistrySnapshot>(answer->input)) {
    MEROS_LOG(ERROR) << "cannot read the registry" << telemetry::Field("status", answer->status);
  }
  const absl::Status status = answer->status;
  post_(std::move(answer->input));
  if (absl::IsUnavailable(status)) MoveOn(session, status);
}

void RegistryLink::OnClosed(uint64_t session, const absl::Status& status) {
  std::vector<Input> unanswered;
  bool was_good = false;
  {
    MutexLock lock(&mutex_);
    if (session == session_number_) {
      was_good = answered_;
      if (!answered_) ++next_stub_;
      session_ = nullptr;
      unanswered = exchange_.FailAll(absl::UnavailableError("the session with the registry ended"));
    }
  }
  if (was_good) {
    MEROS_LOG(WARNING) << "the session with the registry ended"
                       << telemetry::Field("status", status);
  } else {
    // One a second or so while the registry is away: readiness and metrics tell, too.
    MEROS_LOG(DEBUG) << "no session with the registry" << telemetry::Field("status", status);
  }
  PostAll(std::move(unanswered));
  MutexLock lock(&mutex_);
  --sessions_open_;
  changed_.SignalAll();
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

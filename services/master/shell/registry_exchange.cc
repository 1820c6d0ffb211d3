#include "services/master/shell/registry_exchange.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "meros/v1/master.pb.h"
#include "services/master/shell/registry_codec.h"

namespace meros::master {
namespace {

namespace pb = ::meros::registry::v1;

absl::Status StatusOf(const pb::Response& response) {
  return absl::Status(static_cast<absl::StatusCode>(response.code()), response.message());
}

// What the registry says of the leader.
void NameLeader(const pb::LeaseResult& lease, LeaseAnswer* answer) {
  v1::MasterInfo info;
  if (!info.ParseFromString(lease.address())) return;
  answer->leader_address = info.pid();
  answer->leader_region = info.domain().fault_domain().region().name();
}

LeaseAnswer AnswerOf(uint64_t attempt, absl::Duration ttl, const pb::Response& response) {
  LeaseAnswer answer;
  answer.attempt = attempt;
  const absl::Status status = StatusOf(response);
  if (status.ok()) {
    answer.kind = LeaseAnswer::Kind::kGranted;
    answer.epoch = response.lease().epoch();
    answer.ttl =
        response.lease().ttl_ms() > 0 ? absl::Milliseconds(response.lease().ttl_ms()) : ttl;
  } else if (absl::IsFailedPrecondition(status) || absl::IsDeadlineExceeded(status)) {
    answer.kind = LeaseAnswer::Kind::kHeldByOther;
    NameLeader(response.lease(), &answer);
  }
  return answer;
}

}  // namespace

std::string RegistryExchange::NewCandidate() {
  if (std::exchange(is_used_, false)) {
    ++given_up_;
    open_.clear();
  }
  return given_up_ == 0 ? options_.candidate_id
                        : absl::StrCat(options_.candidate_id, "/", given_up_);
}

bool RegistryExchange::Ask(absl::Time now, const Effect& effect, pb::Request* request) {
  Open open;
  open.sent = now;
  if (const auto* acquire = std::get_if<AcquireLease>(&effect)) {
    open = {Kind::kLease, acquire->attempt, now, acquire->ttl, {}};
    request->mutable_acquire_lease()->set_candidate_id(NewCandidate());
    request->mutable_acquire_lease()->set_address(options_.master_info);
    request->mutable_acquire_lease()->set_ttl_ms(absl::ToInt64Milliseconds(acquire->ttl));
  } else if (const auto* renew = std::get_if<RenewLease>(&effect)) {
    open = {Kind::kLease, renew->attempt, now, renew->ttl, {}};
    request->mutable_renew_lease()->set_epoch(renew->epoch);
  } else if (const auto* release = std::get_if<ReleaseLease>(&effect)) {
    request->mutable_release_lease()->set_epoch(release->epoch);
  } else if (const auto* read = std::get_if<ReadRegistry>(&effect)) {
    open = {Kind::kRead, read->epoch, now, absl::ZeroDuration(), {}};
    request->mutable_list()->add_kinds(pb::RECORD_KIND_AGENT);
    request->mutable_list()->add_kinds(pb::RECORD_KIND_FRAMEWORK);
    request->mutable_list()->add_kinds(pb::RECORD_KIND_ROLE);
    request->mutable_list()->add_kinds(pb::RECORD_KIND_MAINTENANCE_SCHEDULE);
    request->mutable_list()->add_kinds(pb::RECORD_KIND_MACHINE);
    request->mutable_list()->add_kinds(pb::RECORD_KIND_MINIMUM_CAPABILITY);
  } else if (const auto* write = std::get_if<WriteRegistry>(&effect)) {
    open = {Kind::kWrite, write->token, now, absl::ZeroDuration(), {}};
    request->mutable_commit()->set_epoch(write->epoch);
    for (pb::Mutation& mutation : EncodeRecord(*write->record, now)) {
      *request->mutable_commit()->add_mutations() = std::move(mutation);
    }
  } else {
    return false;
  }
  // A grant that the core did not take, because it came too late, is not followed by these.
  is_used_ = is_used_ || !std::holds_alternative<AcquireLease>(effect);
  request->set_id(next_id_++);
  open_.emplace(request->id(), std::move(open));
  return true;
}

std::optional<RegistryExchange::Answer> RegistryExchange::Take(pb::Response response) {
  const auto it = open_.find(response.id());
  if (it == open_.end()) return std::nullopt;
  if (it->second.kind == Kind::kRead && response.code() == 0) {
    for (pb::Record& record : *response.mutable_list()->mutable_records()) {
      it->second.records.push_back(std::move(record));
    }
    if (!response.list().last()) return std::nullopt;
  }
  const Open open = std::move(it->second);
  open_.erase(it);
  Answer answer = {.input = {}, .status = StatusOf(response), .asked = open.sent};
  switch (open.kind) {
    case Kind::kLease:
      answer.input = AnswerOf(open.number, open.ttl, response);
      break;
    case Kind::kWrite:
      answer.input = RegistryWritten{open.number, answer.status, AgentId()};
      answer.is_write = true;
      break;
    case Kind::kRead:
      answer.input = Read(open, answer.status);
      answer.status = std::get<RegistrySnapshot>(answer.input).status;
      break;
    case Kind::kNothing:
      return std::nullopt;
  }
  return answer;
}

Input RegistryExchange::Read(const Open& open, const absl::Status& status) {
  absl::StatusOr<RegistrySnapshot> snapshot =
      status.ok() ? DecodeRecords(open.records) : absl::StatusOr<RegistrySnapshot>(status);
  if (!snapshot.ok()) {
    RegistrySnapshot failed;
    failed.epoch = open.number;
    failed.status = snapshot.status();
    return failed;
  }
  snapshot->epoch = open.number;
  return *std::move(snapshot);
}

std::vector<Input> RegistryExchange::FailThese(const std::vector<uint64_t>& ids,
                                               const absl::Status& status) {
  std::vector<Input> failed;
  for (uint64_t id : ids) {
    const auto it = open_.find(id);
    if (it == open_.end()) continue;
    Fail(it->second, status, &failed);
    open_.erase(it);
  }
  return failed;
}

std::vector<Input> RegistryExchange::FailAll(const absl::Status& status) {
  std::vector<Input> failed;
  for (const auto& [id, open] : std::exchange(open_, {})) Fail(open, status, &failed);
  return failed;
}

std::vector<Input> RegistryExchange::FailOverdue(absl::Time now) {
  const absl::Status status = absl::DeadlineExceededError("the registry did not answer");
  std::vector<Input> failed;
  while (!open_.empty() && now - open_.begin()->second.sent >= options_.request_timeout) {
    Fail(open_.begin()->second, status, &failed);
    open_.erase(open_.begin());
  }
  return failed;
}

void RegistryExchange::Fail(const Open& open, const absl::Status& status, std::vector<Input>* out) {
  switch (open.kind) {
    case Kind::kLease: {
      LeaseAnswer answer;
      answer.attempt = open.number;
      out->push_back(std::move(answer));
      return;
    }
    case Kind::kWrite:
      out->push_back(RegistryWritten{open.number, status, AgentId()});
      return;
    case Kind::kRead:
      out->push_back(Read(open, status));
      return;
    case Kind::kNothing:
      return;
  }
}

}  // namespace meros::master

#include "services/master/core/awaiting_leader.h"

#include <iterator>
#include <utility>

#include "libs/base/check.h"
#include "services/master/core/dispatch.h"

namespace meros::master {
namespace {

// The master that the caller lost; empty if it lost none or the input opens no session.
absl::string_view LostMasterOf(const Input& input) {
  if (const auto* subscribe = std::get_if<Subscribe>(&input)) return subscribe->lost_master;
  if (const auto* first = std::get_if<AgentRegister>(&input)) return first->agent.lost_master;
  if (const auto* again = std::get_if<AgentReregister>(&input)) return again->agent.lost_master;
  return "";
}

}  // namespace

bool AwaitingLeader::Keep(absl::Time now, absl::string_view leader, Input* input) {
  const StreamId stream = StreamOf(*input);
  if (stream == 0 || kept_.size() >= options_.max_deferred_inputs ||
      options_.leader_wait == absl::ZeroDuration()) {
    return false;
  }
  const absl::string_view lost = LostMasterOf(*input);
  if (lost.empty() || (!leader.empty() && leader != lost)) return false;
  if (places_.contains(stream)) return false;  // it opens its session twice
  const auto* agent = std::get_if<AgentReregister>(input);
  const size_t reported = agent != nullptr ? agent->tasks.size() : 0;
  if (reported > 0 && !HasRoomFor(reported)) return false;
  if (agent != nullptr && agent->digest.value_or(tasks::HoldingsDigest()).tasks > 0) {
    reports_.Add(stream, agent->agent_id);
  }
  kept_.push_back({now + options_.leader_wait, std::string(lost), std::move(*input), reported});
  tasks_ += reported;
  places_.emplace(stream, std::prev(kept_.end()));
  return true;
}

std::optional<StreamId> AwaitingLeader::NextToAsk() {
  while (const std::optional<StreamId> stream = reports_.Next(options_.max_agent_reports)) {
    Kept& kept = *places_.at(*stream);
    const size_t promised = std::get<AgentReregister>(kept.input).digest->tasks;
    if (promised <= options_.max_early_tasks && HasRoomFor(promised)) {
      kept.tasks = promised;
      tasks_ += promised;
      return stream;
    }
    reports_.Remove(*stream);  // it reports when there is a leader
  }
  return std::nullopt;
}

bool AwaitingLeader::KeepReport(Input* input) {
  const auto* report = std::get_if<AgentReregister>(input);
  if (report == nullptr || report->digest.has_value() || !reports_.IsAsked(report->stream)) {
    return false;
  }
  Kept& kept = *places_.at(report->stream);
  if (report->agent_id != std::get<AgentReregister>(kept.input).agent_id) return false;
  const size_t reported = report->tasks.size();
  if (reported > kept.tasks && !HasRoomFor(reported - kept.tasks)) return false;
  reports_.Remove(report->stream);
  tasks_ = tasks_ - kept.tasks + reported;
  kept.tasks = reported;
  kept.input = std::move(*input);
  return true;
}

void AwaitingLeader::Forget(StreamId stream) {
  auto place = places_.find(stream);
  if (place == places_.end()) return;
  std::vector<Waiting> forgotten;
  Take(place->second, &forgotten);
}

AwaitingLeader::Place AwaitingLeader::Take(Place place, std::vector<Waiting>* taken) {
  const StreamId stream = StreamOf(place->input);
  taken->push_back({std::move(place->input), reports_.IsAsked(stream)});
  reports_.Remove(stream);
  places_.erase(stream);
  tasks_ -= place->tasks;
  return kept_.erase(place);
}

std::vector<AwaitingLeader::Waiting> AwaitingLeader::Take(size_t max, size_t max_tasks) {
  std::vector<Waiting> taken;
  for (size_t tasks = 0; taken.size() < max && tasks < max_tasks && !kept_.empty();) {
    tasks += kept_.front().tasks;
    Take(kept_.begin(), &taken);
  }
  return taken;
}

std::vector<AwaitingLeader::Waiting> AwaitingLeader::TakeDue(absl::Time now) {
  std::vector<Waiting> taken;
  while (NextDeadline() <= now) Take(kept_.begin(), &taken);
  return taken;
}

std::vector<AwaitingLeader::Waiting> AwaitingLeader::TakeOthersThan(absl::string_view leader) {
  std::vector<Waiting> taken;
  for (auto place = kept_.begin(); place != kept_.end();) {
    place = place->lost == leader ? std::next(place) : Take(place, &taken);
  }
  return taken;
}

std::vector<AwaitingLeader::Waiting> AwaitingLeader::TakeAll() {
  std::vector<Waiting> taken;
  while (!kept_.empty()) Take(kept_.begin(), &taken);
  return taken;
}

void AwaitingLeader::CheckInvariants() const {
  MEROS_CHECK(kept_.size() == places_.size()) << kept_.size() << " and " << places_.size();
  size_t tasks = 0, reporting = 0;
  for (const Kept& kept : kept_) {
    tasks += kept.tasks;
    reporting += reports_.IsAwaiting(StreamOf(kept.input));
  }
  MEROS_CHECK(tasks == tasks_) << tasks << " and " << tasks_;
  MEROS_CHECK(reporting == reports_.waiting() + reports_.asked()) << reporting;
}

}  // namespace meros::master

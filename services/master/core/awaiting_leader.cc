#include "services/master/core/awaiting_leader.h"

#include <algorithm>
#include <utility>

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
  size_t reported = 0;
  if (const auto* again = std::get_if<AgentReregister>(input)) {
    reported = again->tasks.size();
    const bool has_more =
        again->digest.value_or(tasks::HoldingsDigest()) != tasks::HoldingsDigest();
    if (has_more) reports_.Add(stream, again->agent_id);
  }
  kept_.push_back({now + options_.leader_wait, std::string(lost), std::move(*input), reported});
  tasks_ += reported;
  places_.emplace(stream, std::prev(kept_.end()));
  return true;
}

std::optional<StreamId> AwaitingLeader::NextToAsk() {
  if (tasks_ >= options_.max_early_tasks) return std::nullopt;
  const std::optional<StreamId> stream = reports_.Next(options_.max_agent_reports);
  if (!stream.has_value()) return std::nullopt;
  Kept& kept = *places_.at(*stream);
  kept.tasks = std::min<size_t>(std::get<AgentReregister>(kept.input).digest->tasks,
                                options_.max_early_tasks);  // the agent may say what it likes
  tasks_ += kept.tasks;
  return stream;
}

bool AwaitingLeader::KeepReport(Input* input) {
  const auto* report = std::get_if<AgentReregister>(input);
  if (report == nullptr || report->digest.has_value() || !reports_.IsAsked(report->stream)) {
    return false;
  }
  Kept& kept = *places_.at(report->stream);
  if (report->agent_id != std::get<AgentReregister>(kept.input).agent_id) return false;
  reports_.Remove(report->stream);
  tasks_ = tasks_ - kept.tasks + report->tasks.size();
  kept.tasks = report->tasks.size();
  kept.input = std::move(*input);
  return true;
}

void AwaitingLeader::Forget(StreamId stream) {
  auto place = places_.find(stream);
  if (place == places_.end()) return;
  std::vector<Input> forgotten;
  Erase(place->second, &forgotten);
}

AwaitingLeader::Place AwaitingLeader::Erase(Place place, std::vector<Input>* taken) {
  const StreamId stream = StreamOf(place->input);
  reports_.Remove(stream);
  places_.erase(stream);
  tasks_ -= place->tasks;
  taken->push_back(std::move(place->input));
  return kept_.erase(place);
}

std::vector<Input> AwaitingLeader::Take(size_t max, size_t max_tasks) {
  std::vector<Input> taken;
  std::vector<Input> asked;
  for (size_t tasks = 0; taken.size() < max && tasks < max_tasks && !kept_.empty();) {
    const bool is_asked = reports_.IsAsked(StreamOf(kept_.front().input));
    if (!is_asked) tasks += kept_.front().tasks;
    Erase(kept_.begin(), is_asked ? &asked : &taken);
  }
  return taken;
}

std::vector<Input> AwaitingLeader::TakeDue(absl::Time now) {
  std::vector<Input> taken;
  while (NextDeadline() <= now) Erase(kept_.begin(), &taken);
  return taken;
}

std::vector<Input> AwaitingLeader::TakeOthersThan(absl::string_view leader) {
  std::vector<Input> taken;
  for (auto place = kept_.begin(); place != kept_.end();) {
    place = place->lost == leader ? std::next(place) : Erase(place, &taken);
  }
  return taken;
}

std::vector<Input> AwaitingLeader::TakeAll() {
  std::vector<Input> taken;
  while (!kept_.empty()) Erase(kept_.begin(), &taken);
  return taken;
}

}  // namespace meros::master

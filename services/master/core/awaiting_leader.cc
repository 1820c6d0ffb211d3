#include "services/master/core/awaiting_leader.h"

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
  if (stream == 0 || kept_.size() >= limit_ || wait_ == absl::ZeroDuration()) return false;
  const absl::string_view lost = LostMasterOf(*input);
  if (lost.empty() || (!leader.empty() && leader != lost)) return false;
  if (!streams_.insert(stream).second) return false;  // it opens its session twice
  kept_.push_back({now + wait_, std::string(lost), std::move(*input)});
  return true;
}

std::vector<Input> AwaitingLeader::Take(size_t max) {
  std::vector<Input> taken;
  for (; taken.size() < max && !kept_.empty(); kept_.pop_front()) TakeFirst(&taken);
  return taken;
}

std::vector<Input> AwaitingLeader::TakeDue(absl::Time now) {
  std::vector<Input> taken;
  for (; NextDeadline() <= now; kept_.pop_front()) TakeFirst(&taken);
  return taken;
}

void AwaitingLeader::TakeFirst(std::vector<Input>* taken) {
  Input& input = kept_.front().input;
  if (streams_.erase(StreamOf(input)) > 0) taken->push_back(std::move(input));
}

std::vector<Input> AwaitingLeader::TakeOthersThan(absl::string_view leader) {
  std::vector<Input> taken;
  for (Kept& kept : std::exchange(kept_, {})) {
    if (!streams_.contains(StreamOf(kept.input))) continue;
    if (kept.lost == leader) {
      kept_.push_back(std::move(kept));
    } else {
      streams_.erase(StreamOf(kept.input));
      taken.push_back(std::move(kept.input));
    }
  }
  return taken;
}

}  // namespace meros::master

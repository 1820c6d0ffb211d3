#include "services/allocator/core/gangs.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "libs/base/check.h"

namespace meros::allocator {

BundleCounts Gang::Wanted() const {
  BundleCounts counts;
  counts.reserve(state.bundles.size());
  for (const GangBundle& bundle : state.bundles) counts.push_back(bundle.count);
  return counts;
}

size_t Gang::bundle_count() const {
  const BundleCounts wanted = Wanted();
  return std::accumulate(wanted.begin(), wanted.end(), size_t{0});
}

bool IsNone(const BundleCounts& counts) {
  return std::all_of(counts.begin(), counts.end(), [](uint32_t count) { return count == 0; });
}

void Gangs::Put(absl::Time now, GangState state) {
  const GangKey key = state.key;
  (void)Remove(key);
  Gang gang;
  gang.serial = ++last_serial_;
  gang.deadline = now + state.remaining;
  gang.state = std::move(state);
  by_key_[key] = gang.serial;
  gangs_.emplace(gang.serial, std::move(gang));
}

void Gangs::Erase(uint64_t serial) {
  if (serial == holder_) EndHold();
  const auto found = gangs_.find(serial);
  by_key_.erase(found->second.state.key);
  gangs_.erase(found);
}

bool Gangs::Remove(const GangKey& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return false;
  Erase(found->second);
  return true;
}

void Gangs::DropFramework(const FrameworkId& framework) {
  for (auto it = by_key_.lower_bound(GangKey{framework, ""});
       it != by_key_.end() && it->first.framework == framework;
       it = by_key_.lower_bound(GangKey{framework, ""})) {
    Erase(it->second);
  }
}

bool Gangs::OnRejected(uint64_t serial, absl::Time retry_at) {
  const auto found = gangs_.find(serial);
  if (found == gangs_.end() || found->second.phase != GangPhase::kProposed) return false;
  found->second.phase = GangPhase::kWaiting;
  found->second.retry_at = retry_at;
  return true;
}

std::vector<Gang*> Gangs::TakeTurns(size_t more) {
  std::vector<Gang*> turns;
  auto next = gangs_.size() > more ? gangs_.upper_bound(turn_) : gangs_.begin();
  for (size_t left = std::min(more, gangs_.size()); left > 0; --left) {
    if (next == gangs_.end()) next = gangs_.begin();
    turn_ = next->first;
    turns.push_back(&next->second);
    next->second.is_fresh = false;
    ++next;
  }
  for (auto& [serial, gang] : gangs_) {
    if (std::exchange(gang.is_fresh, false)) turns.push_back(&gang);
  }
  std::sort(turns.begin(), turns.end(),
            [](const Gang* a, const Gang* b) { return a->serial < b->serial; });
  return turns;
}

Gang* Gangs::holder() { return holder_ == 0 ? nullptr : &gangs_.at(holder_); }

bool Gangs::HoldsFor(const FrameworkId& framework) const {
  return holder_ != 0 && holder()->state.key.framework == framework;
}

bool Gangs::HoldsFor(const GangKey& key) const {
  return holder_ != 0 && holder()->state.key == key;
}

void Gangs::BeginHold(Gang* gang, absl::Time until) {
  MEROS_CHECK(holder_ == 0 && !gang->hold_until) << gang->state.key.id;
  holder_ = gang->serial;
  gang->hold_until = until;
  missing_ = gang->Wanted();
}

void Gangs::EndHold() {
  MEROS_CHECK(places_.empty());
  holder_ = 0;
  missing_.clear();
  // The next in line is looked at before what was set aside goes to others.
  for (auto& [serial, gang] : gangs_) {
    if (gang.phase != GangPhase::kWaiting || gang.hold_until) continue;
    gang.is_fresh = true;
    break;
  }
}

absl::Time Gangs::NextDeadline() const {
  return holder_ == 0 ? absl::InfiniteFuture() : *holder()->hold_until;
}

void Gangs::Place(const AgentId& agent, const BundleCounts& counts) {
  const bool is_new = places_.emplace(agent, counts).second;
  MEROS_CHECK(is_new) << agent;
  for (size_t i = 0; i < counts.size(); ++i) missing_[i] -= counts[i];
}

void Gangs::Unplace(const AgentId& agent) {
  const auto found = places_.find(agent);
  MEROS_CHECK(found != places_.end()) << agent;
  for (size_t i = 0; i < missing_.size(); ++i) missing_[i] += found->second[i];
  places_.erase(found);
}

void Gangs::CheckInvariants(const Mirror& mirror) const {
  MEROS_CHECK(by_key_.size() == gangs_.size());
  for (const auto& [key, serial] : by_key_) {
    MEROS_CHECK(gangs_.at(serial).state.key == key && gangs_.at(serial).serial == serial) << key.id;
    MEROS_CHECK(mirror.FindFramework(key.framework) != nullptr) << key.framework;
  }
  size_t aside = 0;
  for (const auto& [id, agent] : mirror.agents()) aside += agent->aside ? 1 : 0;
  MEROS_CHECK(aside == places_.size()) << aside << " set aside, " << places_.size() << " placed";
  if (holder_ == 0) return;
  const Gang& gang = *holder();
  MEROS_CHECK(gang.phase == GangPhase::kWaiting) << gang.state.key.id;
  BundleCounts counts = missing_;
  for (const auto& [id, placed] : places_) {
    const SetAside& part = *mirror.FindAgent(id)->aside;
    MEROS_CHECK(part.client->framework_id == gang.state.key.framework) << id;
    ResourceQuantities amount;
    for (size_t i = 0; i < placed.size(); ++i) {
      counts[i] += placed[i];
      for (uint32_t n = 0; n < placed[i]; ++n) amount += gang.state.bundles[i].amount;
    }
    MEROS_CHECK(!IsNone(placed) && part.resources.Contains(amount)) << id;
    const uint32_t bundles = std::accumulate(placed.begin(), placed.end(), uint32_t{0});
    MEROS_CHECK(!gang.state.distinct_agents || bundles == 1) << id;
  }
  MEROS_CHECK(counts == gang.Wanted()) << gang.state.key.id;
}

}  // namespace meros::allocator

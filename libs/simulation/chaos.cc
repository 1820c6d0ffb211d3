// The part of World that breaks things, and the part that mends them.
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/simulation/world.h"
#include "libs/simulation/world_slot.h"

namespace meros::simulation {

void World::StartChaos() {
  is_chaotic_ = true;
  for (const Chaos kind : {Chaos::kCrash, Chaos::kPartition, Chaos::kClog, Chaos::kPause})
    ScheduleChaos(kind);
}

absl::Duration World::MeanTimeTo(Chaos kind) const {
  const ChaosFaults& chaos = options_.faults.chaos;
  switch (kind) {
    case Chaos::kCrash: return chaos.crash_every;
    case Chaos::kPartition: return chaos.partition_every;
    case Chaos::kClog: return chaos.clog_every;
    case Chaos::kPause: return chaos.pause_every;
  }
  return absl::InfiniteDuration();
}

void World::ScheduleChaos(Chaos kind) {
  const absl::Duration mean = MeanTimeTo(kind);
  if (mean == absl::InfiniteDuration()) return;
  events_.After(UniformDuration(&chaos_rng_, absl::ZeroDuration(), 2 * mean),
                [this, kind, round = chaos_round_] {
                  if (round != chaos_round_) return;
                  DoChaos(kind);
                  ScheduleChaos(kind);
                });
}

void World::DoChaos(Chaos kind) {
  const ChaosFaults& chaos = options_.faults.chaos;
  const std::string victim = PickNode();
  if (victim.empty()) return;
  switch (kind) {
    case Chaos::kCrash: return CrashAndRestartLater(victim);
    case Chaos::kPartition: return Partition(victim);
    case Chaos::kClog: return ClogSome();
    case Chaos::kPause:
      return Pause(victim, UniformDuration(&chaos_rng_, absl::ZeroDuration(), chaos.pause_max));
  }
}

// A node that chaos may touch; empty when there is none.
std::string World::PickNode() {
  std::vector<std::string> names;
  for (const auto& [name, slot] : slots_) {
    if (slot->options.may_crash) names.push_back(name);
  }
  return names.empty() ? "" : names[chaos_rng_.Uniform(0, names.size() - 1)];
}

void World::CrashAndRestartLater(const std::string& name) {
  if (!IsUp(name)) return;
  Crash(name);
  const ChaosFaults& chaos = options_.faults.chaos;
  const bool loses_disk =
      FindSlot(name)->options.may_lose_disk && chaos_rng_.Chance(chaos.wipe_chance);
  if (loses_disk) {
    Note(name, "disk lost");
    disk(name).Wipe();
  }
  events_.After(UniformDuration(&chaos_rng_, absl::ZeroDuration(), chaos.restart_after_max),
                [this, name] { Restart(name); });
}

// Cuts `victim` off from a random part of the others, in one direction or both.
void World::Partition(const std::string& victim) {
  const double share = chaos_rng_.UniformDouble();
  const uint64_t direction = chaos_rng_.Uniform(0, 3);  // 0 out, 1 in, else both
  const absl::Duration duration =
      UniformDuration(&chaos_rng_, absl::ZeroDuration(), options_.faults.chaos.partition_max);
  Note(victim, absl::StrCat("partition ", direction, " share ", share));
  for (const auto& [other, slot] : slots_) {
    if (other == victim || !chaos_rng_.Chance(share)) continue;
    const std::string peer = other;
    if (direction != 1) net_.Cut(victim, peer);
    if (direction != 0) net_.Cut(peer, victim);
    events_.After(duration, [this, victim, peer] {
      net_.Heal(victim, peer);
      net_.Heal(peer, victim);
    });
  }
}

// Swizzle: clogs some nodes one after another and frees them in another order.
void World::ClogSome() {
  const absl::Duration clog_max = options_.faults.chaos.clog_max;
  for (const auto& [name, slot] : slots_) {
    if (!chaos_rng_.Chance(0.5)) continue;
    const std::string clogged = name;
    const absl::Time until = Now() + UniformDuration(&chaos_rng_, absl::ZeroDuration(), clog_max);
    Note(clogged, "clog");
    for (const auto& [other, other_slot] : slots_) {
      net_.Clog(clogged, other, until);
      net_.Clog(other, clogged, until);
    }
  }
}

void World::HealAll() {
  ++chaos_round_;
  is_chaotic_ = false;
  net_.Calm();
  Note("world", "heal all");
  for (const auto& [name, slot] : slots_) {
    slot->disk->Calm();
    Restart(name);
  }
}

}  // namespace meros::simulation

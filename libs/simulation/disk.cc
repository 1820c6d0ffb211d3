#include "libs/simulation/disk.h"

#include <algorithm>

namespace meros::simulation {

SimDisk::SimDisk(EventQueue* events, const DiskFaults& faults, uint64_t seed)
    : events_(*events), faults_(faults), rng_(seed), failures_(seed) {}

void SimDisk::Commit(Writes writes, Atomicity atomicity, Done done) {
  const bool is_slow = rng_.Chance(faults_.slow_sync_chance);
  const absl::Duration slow_max = std::max(faults_.slow_sync_max, faults_.sync_max);
  const absl::Duration sync =
      UniformDuration(&rng_, faults_.sync_min, is_slow ? slow_max : faults_.sync_max);
  Pending pending = {.writes = std::move(writes), .atomicity = atomicity, .done = std::move(done)};
  if (is_full_) {
    pending.result = absl::ResourceExhaustedError("no space left on device");
  } else if (rng_.Chance(faults_.full_chance)) {
    pending.result = NextFailure();
  }
  pending_.push_back(std::move(pending));
  busy_until_ = std::max(busy_until_, events_.Now()) + sync;  // one sync at a time
  events_.At(busy_until_, [this, incarnation = incarnation_] { Finish(incarnation); });
}

absl::Status SimDisk::NextFailure() {
  switch (failures_++ % 4) {
    case 1:
      return absl::PermissionDeniedError("read-only file system");
    case 2:
      return absl::DataLossError("database disk image is malformed");
    case 3:
      return absl::UnavailableError("input/output error");
    default:
      return absl::ResourceExhaustedError("no space left on device");
  }
}

void SimDisk::Finish(uint64_t incarnation) {
  if (incarnation != incarnation_) return;  // asked for before the crash
  Pending pending = std::move(pending_.front());
  pending_.pop_front();
  if (pending.result.ok()) Apply(pending.writes);
  pending.done(pending.result);
}

void SimDisk::Apply(const Writes& writes) {
  for (const auto& [key, value] : writes) {
    if (value.has_value()) {
      contents_[key] = *value;
    } else {
      contents_.erase(key);
    }
  }
}

void SimDisk::ApplyTorn(const Writes& writes) {
  const size_t kept = rng_.Uniform(0, writes.size());
  Writes part(writes.begin(), writes.begin() + static_cast<ptrdiff_t>(kept));
  if (!part.empty() && part.back().second.has_value()) {
    std::string& last = *part.back().second;
    last.resize(rng_.Uniform(0, last.size()));
  }
  Apply(part);
}

void SimDisk::Crash() {
  ++incarnation_;
  size_t kept = rng_.Uniform(0, pending_.size());
  for (const Pending& pending : pending_) {
    if (!pending.result.ok()) continue;
    if (kept > 0) {
      --kept;
      Apply(pending.writes);
    } else {
      if (pending.atomicity == Atomicity::kTearable) ApplyTorn(pending.writes);
      break;
    }
  }
  pending_.clear();
  busy_until_ = absl::InfinitePast();
}

void SimDisk::Wipe() { contents_.clear(); }

void SimDisk::Calm() {
  is_full_ = false;
  faults_.slow_sync_chance = faults_.full_chance = 0;
}

}  // namespace meros::simulation

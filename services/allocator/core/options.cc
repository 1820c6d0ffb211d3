#include "services/allocator/core/options.h"

#include "absl/strings/str_cat.h"

namespace meros::allocator {
namespace {

absl::Status CheckDuration(absl::string_view name, absl::Duration value, absl::Duration least,
                           absl::Duration most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " is ", absl::FormatDuration(value),
                                                 ", must be from ", absl::FormatDuration(least),
                                                 " to ", absl::FormatDuration(most)));
}

absl::Status CheckCount(absl::string_view name, size_t value, size_t least) {
  if (value >= least) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is ", value, ", must be at least ", least));
}

}  // namespace

bool MinAllocatable::SatisfiedBy(const Resources& resources) const {
  if (any_of.empty()) return true;
  for (const ResourceQuantities& quantities : any_of) {
    if (resources.Contains(quantities)) return true;
  }
  return false;
}

absl::Status Options::Validate() const {
  absl::Status status;
  status.Update(CheckDuration("allocation_interval", allocation_interval, absl::Milliseconds(1),
                              absl::Hours(1)));
  status.Update(
      CheckDuration("event_interval", event_interval, absl::ZeroDuration(), absl::Hours(1)));
  status.Update(
      CheckDuration("proposal_pace", proposal_pace, absl::ZeroDuration(), absl::Seconds(1)));
  status.Update(
      CheckDuration("proposal_timeout", proposal_timeout, absl::Seconds(1), absl::Hours(24)));
  status.Update(CheckDuration("snapshot_backoff_min", snapshot_backoff_min, absl::Milliseconds(1),
                              absl::Hours(1)));
  status.Update(CheckDuration("snapshot_backoff_max", snapshot_backoff_max, snapshot_backoff_min,
                              absl::Hours(1)));
  status.Update(
      CheckDuration("sweep_interval", sweep_interval, allocation_interval, absl::Hours(24 * 365)));
  status.Update(
      CheckDuration("recovery_timeout", recovery_timeout, absl::ZeroDuration(), absl::Hours(24)));
  status.Update(
      CheckDuration("preemption_delay", preemption_delay, absl::ZeroDuration(), absl::Hours(24)));
  status.Update(
      CheckDuration("preemption_interval", preemption_interval, absl::Seconds(1), absl::Hours(24)));
  status.Update(
      CheckDuration("gang_hold_max", gang_hold_max, absl::ZeroDuration(), absl::Hours(24)));
  status.Update(CheckCount("gang_looks_max", gang_looks_max, 1));
  status.Update(
      CheckDuration("hoarding_window", hoarding_window, absl::Seconds(1), absl::Hours(24)));
  if (!(hoarding_share >= 0 && hoarding_share <= 1)) {
    status.Update(absl::InvalidArgumentError(
        absl::StrCat("hoarding_share is ", hoarding_share, ", must be from 0 to 1")));
  }
  if (!(recovery_factor >= 0 && recovery_factor <= 1)) {
    status.Update(absl::InvalidArgumentError(
        absl::StrCat("recovery_factor is ", recovery_factor, ", must be from 0 to 1")));
  }
  status.Update(CheckCount("proposals_waiting_max", proposals_waiting_max, 1));
  status.Update(CheckCount("filters_per_pair_max", filters_per_pair_max, 1));
  return status;
}

}  // namespace meros::allocator

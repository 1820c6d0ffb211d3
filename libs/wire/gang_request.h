// REQUEST calls that ask for gangs: bundles of resources on several agents, all at once or not at
// all. Bounds are in limits.h; those that an operator sets are the master's.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/resources/quantities.h"
#include "libs/wire/field_path.h"
#include "meros/v1/scheduler/scheduler.pb.h"

namespace meros::wire {

// So many times the same amounts, each on one agent.
struct Bundle {
  resources::ResourceQuantities amount;  // not empty
  uint32_t count = 1;                    // > 0
};

// The bundles of a gang; empty when it is withdrawn. REQUIRES: gang_id is set.
// ERRORS: InvalidArgument with the path of the first field that breaks a rule: gang_id is an id;
// the deadline is positive; bundles name no agent, have positive counts, and consist of scalars
// without reservation, disk or provider that are neither revocable nor shared.
absl::StatusOr<std::vector<Bundle>> BundlesFromProto(const v1::scheduler::Call::Request& request,
                                                     const FieldPath& path);

// InfiniteDuration if unset. REQUIRES: BundlesFromProto has accepted it.
absl::Duration GangDeadline(const v1::scheduler::Call::Request& request);

}  // namespace meros::wire

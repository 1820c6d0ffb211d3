// The shapes of Mesos' allocator benchmarks that come in three sizes: roles with small and large
// quotas, the same cluster without and with quota, and reading metrics. In process.
//
// Thread rule: thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace meros::allocator {

// One size of a shape. Times are of the core alone, medians of three clusters.
struct SizedResult {
  int size = 0;               // agents, roles or frameworks, as the shape counts
  absl::Duration adding;      // all roles and frameworks, one by one, with the runs they cause
  size_t events = 0;          // of `adding`
  absl::Duration cycle;       // in which everything is free and wanted
  size_t proposals = 0;       // of that cycle
  absl::Duration idle_cycle;  // over all agents when everything is taken
  absl::Duration metrics;     // to publish and print all metrics, once
  int64_t heap_bytes = 0;     // that one cluster takes, when everything is taken
};

struct SizedShape {
  std::string name;
  std::vector<SizedResult> sizes;  // three, ascending

  // With what power of its size the cycle grows: the slope of a line through the logarithms.
  double Exponent() const;
};

// Agents of 2 cpus, 2 GiB of memory and disk, everywhere.
//
// large_and_small_quota, 30, 300 and 3,000 agents: as many roles, one framework each; of six roles
// five have a quota of half an agent and one of two agents.
// nonquota, quota, 10, 100 and 1,000 roles: two agents and two frameworks a role; the quota of each
// role is two agents, so that both make the same proposals.
// metrics, 100, 300 and 1,000 frameworks: each in a role with quota, an agent each.
std::vector<SizedShape> RunSizedShapes(uint64_t seed);

}  // namespace meros::allocator

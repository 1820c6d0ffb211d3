// How long the core takes for a run over all agents (targets T7, T7q and T8 of the performance
// table), and for the shapes that the allocator of Mesos is measured with. In process, without
// network or master; the caller says so beside the figures.
//
// Thread rule: thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace meros::allocator {

struct CycleBenchmarkOptions {
  int agents = 20'000;
  int frameworks = 2'000;
  int roles = 1;  // frameworks are dealt out to them
  int cycles = 10;
  uint64_t seed = 1;
};

struct CycleBenchmarkResult {
  // One per cycle, in order: to load the books as a snapshot, and the run in which everything is
  // free and wanted, so that each agent becomes a proposal.
  std::vector<absl::Duration> loads;
  std::vector<absl::Duration> offer_cycles;
  // The run that follows a change of every agent when everything is taken: what a full cluster
  // costs.
  std::vector<absl::Duration> full_cycles;
  size_t proposals = 0;        // of one offer cycle
  int64_t resident_bytes = 0;  // growth of the process by one cluster
};

// T7.
CycleBenchmarkResult RunCycleBenchmark(const CycleBenchmarkOptions& options);

// T7q: one framework in each of `roles` roles, each with a guarantee and a limit; `loads` is the
// time to add everything one by one, runs that this causes included.
CycleBenchmarkResult RunQuotaCycleBenchmark(const CycleBenchmarkOptions& options);

// T8: roles three levels deep, guarantees and limits on all levels; `roles` counts the lowest.
CycleBenchmarkResult RunDeepCycleBenchmark(const CycleBenchmarkOptions& options);

// One figure of a shape.
struct ShapeResult {
  std::string name;
  absl::Duration total;  // of the core, for all events
  size_t events = 0;
};

// 10,000 agents and 1,000 frameworks at `scale` 1: agents added one by one and changed; all
// resources declined by 200 frameworks one after the other; a look at what is refused; half and
// nearly all of the frameworks suppressed; agents with 100 reservations that differ in a label.
std::vector<ShapeResult> RunReferenceShapes(double scale, uint64_t seed);

}  // namespace meros::allocator

// How long the core takes for a run over all agents: target T7 of docs/performance (20,000 agents,
// 2,000 frameworks in one role; floor 1 s, target 50 ms). In process, without network or master;
// the caller says so beside the figures.
//
// Thread rule: thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace meros::allocator {

struct CycleBenchmarkOptions {
  int agents = 20'000;  // each with 24 cpus, 4 GiB of memory, 4 GiB of disk and 1,001 ports
  int frameworks = 2'000;
  int roles = 1;  // frameworks are dealt out to them
  int cycles = 10;
  uint64_t seed = 1;
};

struct CycleBenchmarkResult {
  // One per cycle, in order. Everything is free and wanted, each agent becomes a proposal.
  std::vector<absl::Duration> offer_cycles;
  // The batch that follows when everything is taken: what the cycle costs a full cluster.
  std::vector<absl::Duration> full_cycles;
  // The batch when everything is free, and everyone has refused everything; on a tenth of the
  // agents and frameworks, because each pair is a refusal.
  std::vector<absl::Duration> refused_cycles;
  size_t proposals = 0;      // of one offer cycle
  size_t refused_pairs = 0;  // looks at (framework, agent) of one refused cycle
};

// Takes about cycles x 0.3 s at -O2, most of it to load snapshots.
CycleBenchmarkResult RunCycleBenchmark(const CycleBenchmarkOptions& options);

}  // namespace meros::allocator

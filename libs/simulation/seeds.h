// Runs a scenario over many seeds, some of them twice to prove that a seed fixes everything, and
// says of a failure all that is needed to see it again: seed, reason, last events and the command
// that replays it.
//
//   int main(int argc, char** argv) {
//     return simulation::SeedsMain(argc, argv, "sim", &RunCluster);
//   }
//
//   meros-sim --time=60s          fresh seeds for a minute
//   meros-sim --seeds=2000        so many, however long it takes
//   meros-sim --seed=42           one seed again, with its trace
//   meros-sim --corpus=FILE       first the seeds that once failed, one a line
//
// From some number of seeds on, every probe (probes.h) must have been met.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/runtime/clock.h"
#include "libs/simulation/probes.h"

namespace meros::simulation {

// What one run of one seed came to.
struct SeedResult {
  absl::Status status;
  uint64_t hash = 0;
  uint64_t events = 0;  // recorded in the trace
  std::string report;   // faults drawn, last events; shown on failure and replay
};

using Scenario = std::function<SeedResult(uint64_t seed)>;

struct SeedOptions {
  std::string replay_command = "";           // the seed is appended
  std::vector<uint64_t> corpus;              // run first, each twice
  uint64_t first_seed = 1;                   // then this one and those that follow
  absl::Duration limit = absl::Seconds(60);  // of real time, for the seeds that follow
  uint64_t seeds_max = UINT64_MAX;           // of those that follow
  uint64_t twice_every = 8;                  // each so manieth of them runs twice
  // A run of so many seeds or more fails if one of the probes was never met.
  uint64_t probes_after = 2000;
  const Probes* probes = &Probes::OfProcess();
  const runtime::Clock* clock = &runtime::ProcessClock::Get();
};

struct SeedSummary {
  uint64_t seeds = 0;
  uint64_t run_twice = 0;
  uint64_t events = 0;
  bool is_ok = true;
  std::string failure;  // for people, with the replay command
};

// Stops at the first failure.
SeedSummary RunSeeds(const SeedOptions& options, const Scenario& scenario);

// The whole of a simulation program: flags, seeds, report on stdout. Also a seed that ends the
// process, by a failed check or a signal, has its replay command on stderr. `name` is the program's
// without "meros-". Returns the exit status.
int SeedsMain(int argc, char** argv, const std::string& name, const Scenario& scenario);

}  // namespace meros::simulation

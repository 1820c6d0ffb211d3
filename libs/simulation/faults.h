// How hostile a simulated world is. Each seed draws its own mix, so that over many seeds every
// fault meets every other, and some worlds are calm enough to find what only long undisturbed runs
// show.
//
// Thread rule: immutable.
#pragma once

#include <cstddef>
#include <string>

#include "absl/time/time.h"
#include "libs/base/rng.h"

namespace meros::simulation {

struct NetFaults {
  absl::Duration latency_min = absl::Microseconds(50);
  absl::Duration latency_max = absl::Milliseconds(2);
  double spike_chance = 0;  // a message takes up to `spike_max` instead
  absl::Duration spike_max = absl::Seconds(2);
  // Calls only; a stream is a TCP connection, which loses nothing until it breaks.
  double loss_chance = 0;
  double duplicate_chance = 0;
  // Per message on a stream: the stream breaks, and both ends lose what is still on its way.
  double break_chance = 0;
  // How long an end of a stream does not notice that the other cannot be reached.
  absl::Duration stream_timeout = absl::Seconds(20);
};

struct DiskFaults {
  absl::Duration sync_min = absl::Microseconds(200);
  absl::Duration sync_max = absl::Milliseconds(5);
  double slow_sync_chance = 0;  // a sync takes up to `slow_sync_max` instead
  absl::Duration slow_sync_max = absl::Seconds(10);
  double full_chance = 0;  // a commit fails, as on a full or a broken disk, and changes nothing
};

// Mean time between faults over all nodes; infinite for never.
struct ChaosFaults {
  absl::Duration crash_every = absl::InfiniteDuration();
  absl::Duration restart_after_max = absl::Seconds(20);
  double wipe_chance = 0;  // a crashed node comes back without its disk, where the node allows it
  double effect_crash_chance = 0;  // per effect: the node dies before applying it
  absl::Duration partition_every = absl::InfiniteDuration();
  absl::Duration partition_max = absl::Seconds(30);
  absl::Duration clog_every = absl::InfiniteDuration();
  absl::Duration clog_max = absl::Seconds(10);
  absl::Duration pause_every = absl::InfiniteDuration();
  absl::Duration pause_max = absl::Seconds(30);  // longer than a lease
};

// Sizes that production sets generously and a simulation sets meanly.
struct Knobs {
  size_t batch_max = 1024;  // inputs stepped before their effects are applied
  size_t mailbox_max = 4096;
  double timeout_scale = 1;  // bindings multiply the timeouts of their options by this
};

struct Faults {
  NetFaults net;
  DiskFaults disk;
  ChaosFaults chaos;
  Knobs knobs;

  // For the head of a failure report.
  std::string ToString() const;
};

// No faults: for tests of the ordinary.
inline Faults Calm() { return {}; }

// Draws a mix. Cost: a few dozen draws from `rng`.
Faults DrawFaults(Rng* rng);

// How long what has begun may go on when no new faults come: a pause, a clog, a slow sync, a stream
// of which an end does not know yet that it has ended.
absl::Duration Aftermath(const Faults& faults);

// Uniform in [low, high], in nanoseconds.
absl::Duration UniformDuration(Rng* rng, absl::Duration low, absl::Duration high);

}  // namespace meros::simulation

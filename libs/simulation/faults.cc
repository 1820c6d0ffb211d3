#include "libs/simulation/faults.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace meros::simulation {
namespace {

// Zero in half of the worlds, else log-uniform in [low, high]: rare faults find other bugs than
// frequent ones.
double DrawChance(Rng* rng, double low, double high) {
  if (rng->Chance(0.5)) return 0;
  return low * std::pow(high / low, rng->UniformDouble());
}

// Never in half of the worlds, else uniform in [low, high].
absl::Duration DrawInterval(Rng* rng, absl::Duration low, absl::Duration high) {
  return rng->Chance(0.5) ? absl::InfiniteDuration() : UniformDuration(rng, low, high);
}

}  // namespace

absl::Duration UniformDuration(Rng* rng, absl::Duration low, absl::Duration high) {
  return absl::Nanoseconds(
      static_cast<int64_t>(rng->Uniform(static_cast<uint64_t>(absl::ToInt64Nanoseconds(low)),
                                        static_cast<uint64_t>(absl::ToInt64Nanoseconds(high)))));
}

Faults DrawFaults(Rng* rng) {
  Faults faults;
  faults.net.latency_max = UniformDuration(rng, absl::Microseconds(100), absl::Milliseconds(200));
  faults.net.spike_chance = DrawChance(rng, 0.0001, 0.05);
  faults.net.loss_chance = DrawChance(rng, 0.001, 0.2);
  faults.net.duplicate_chance = DrawChance(rng, 0.001, 0.2);
  faults.net.break_chance = DrawChance(rng, 0.0001, 0.02);
  faults.disk.sync_max = UniformDuration(rng, absl::Milliseconds(1), absl::Milliseconds(100));
  faults.disk.slow_sync_chance = DrawChance(rng, 0.001, 0.1);
  faults.disk.full_chance = DrawChance(rng, 0.001, 0.05);
  faults.chaos.crash_every = DrawInterval(rng, absl::Seconds(5), absl::Minutes(3));
  faults.chaos.wipe_chance = DrawChance(rng, 0.01, 0.3);
  faults.chaos.effect_crash_chance = DrawChance(rng, 0.00001, 0.001);
  faults.chaos.partition_every = DrawInterval(rng, absl::Seconds(10), absl::Minutes(3));
  faults.chaos.clog_every = DrawInterval(rng, absl::Seconds(5), absl::Minutes(1));
  faults.chaos.pause_every = DrawInterval(rng, absl::Seconds(20), absl::Minutes(3));
  if (rng->Chance(0.25)) faults.knobs.batch_max = rng->Uniform(1, 4);
  if (rng->Chance(0.1)) faults.knobs.mailbox_max = rng->Uniform(1, 16);
  if (rng->Chance(0.25)) faults.knobs.timeout_scale = 0.1;
  return faults;
}

absl::Duration Aftermath(const Faults& faults) {
  return std::max({faults.chaos.pause_max, faults.chaos.clog_max, faults.disk.slow_sync_max,
                   faults.net.stream_timeout}) +
         std::max(faults.net.spike_max, faults.net.latency_max);
}

std::string Faults::ToString() const {
  return absl::StrCat(
      "net: latency<=", absl::FormatDuration(net.latency_max), " spike=", net.spike_chance,
      " loss=", net.loss_chance, " duplicate=", net.duplicate_chance, " break=", net.break_chance,
      "\ndisk: sync<=", absl::FormatDuration(disk.sync_max), " slow=", disk.slow_sync_chance,
      " full=", disk.full_chance, "\nchaos: crash_every=", absl::FormatDuration(chaos.crash_every),
      " wipe=", chaos.wipe_chance, " effect_crash=", chaos.effect_crash_chance,
      " partition_every=", absl::FormatDuration(chaos.partition_every),
      " clog_every=", absl::FormatDuration(chaos.clog_every),
      " pause_every=", absl::FormatDuration(chaos.pause_every),
      "\nknobs: batch_max=", knobs.batch_max, " mailbox_max=", knobs.mailbox_max,
      " timeout_scale=", knobs.timeout_scale, "\n");
}

}  // namespace meros::simulation

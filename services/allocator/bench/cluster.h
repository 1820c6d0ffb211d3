// A core with a master that answers at once, for benchmarks: books are loaded, time is moved on
// from deadline to deadline, and every step is timed. In process, without network.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/allocator/core/core.h"

namespace meros::allocator {

// Ids as long as real ones.
std::string BenchmarkId(const char* kind, int i);
// A framework that wants offers in `role`; an agent of 24 cpus, 4 GiB of memory, 4 GiB of disk and
// 1,001 ports: the shape that the allocator of Mesos is measured with.
FrameworkState BenchmarkFramework(int i, const std::string& role);
AgentState BenchmarkAgent(int i);
const Resources& BenchmarkAgentTotal();

class BenchmarkCluster {
 public:
  explicit BenchmarkCluster(uint64_t seed);

  // Loads a snapshot; returns the time it took.
  absl::Duration Load(std::vector<Change> objects);
  // Sends changes in one frame; returns the time it took.
  absl::Duration Apply(std::vector<Change> changes);
  // Steps the next tick that is due by itself; returns the time it took.
  absl::Duration Tick();
  // Ticks until no run is due before the next batch, answering every proposal with `refuse`;
  // returns the time that the core took for all of it.
  absl::Duration Settle(absl::Duration refuse);

  // Proposals of the steps since the last call.
  std::vector<Proposal> TakeProposals();
  // All are accepted and held; or, unless `refuse` is zero, given back at once and refused for that
  // long.
  absl::Duration Answer(const std::vector<Proposal>& proposals, absl::Duration refuse);

  const Core& core() const { return core_; }

 private:
  absl::Duration Step(Core::Input input);

  Core core_;
  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  uint64_t version_ = 1;
  std::vector<Core::Effect> effects_;
  std::vector<Proposal> proposals_;
};

// The process's resident memory now, bytes; 0 if unknown.
int64_t ResidentBytes();

}  // namespace meros::allocator

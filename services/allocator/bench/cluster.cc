#include "services/allocator/bench/cluster.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "libs/resources/parse.h"
#include "libs/runtime/clock.h"
#include "services/allocator/config.h"

namespace meros::allocator {

std::string BenchmarkId(const char* kind, int i) {
  return absl::StrCat("3f2c9e10-7d5b-4a6e-9b1f-8c0d2e4a6b7c-", kind, i);
}

FrameworkState BenchmarkFramework(int i, const std::string& role) {
  FrameworkState framework;
  framework.id = FrameworkId(BenchmarkId("F", i));
  framework.roles = {role};
  framework.active = true;
  return framework;
}

const Resources& BenchmarkAgentTotal() {
  static const auto* const total = new Resources(
      *resources::ParseResourcesText("cpus:24;mem:4096;disk:4096;ports:[31000-32000]"));
  return *total;
}

AgentState BenchmarkAgent(int i) {
  AgentState agent;
  agent.id = AgentId(BenchmarkId("S", i));
  agent.total = BenchmarkAgentTotal();
  agent.active = true;
  return agent;
}

BenchmarkCluster::BenchmarkCluster(uint64_t seed) : core_(*CoreOptions(Config()), Rng(seed)) {
  Step(FrameReceived{1, {Hello{"benchmark", 1}}});
}

absl::Duration BenchmarkCluster::Load(std::vector<Change> objects) {
  std::vector<MasterMessage> frame = {SnapshotBegin{version_}};
  frame.reserve(objects.size() + 2);
  for (Change& object : objects) frame.push_back(Delta{0, std::move(object)});
  frame.push_back(SnapshotEnd{version_});
  return Step(FrameReceived{1, std::move(frame)});
}

absl::Duration BenchmarkCluster::Apply(std::vector<Change> changes) {
  std::vector<MasterMessage> frame;
  frame.reserve(changes.size());
  for (Change& change : changes) frame.push_back(Delta{++version_, std::move(change)});
  return Step(FrameReceived{1, std::move(frame)});
}

absl::Duration BenchmarkCluster::Tick() {
  now_ = std::max(now_, core_.NextDeadline());
  return Step(runtime::Tick{});
}

absl::Duration BenchmarkCluster::Settle(absl::Duration refuse) {
  absl::Duration total;
  const uint64_t batches = core_.stats().batch_runs;
  while (core_.stats().batch_runs == batches) {
    total += Tick();
    total += Answer(TakeProposals(), refuse);
  }
  return total;
}

std::vector<Proposal> BenchmarkCluster::TakeProposals() { return std::exchange(proposals_, {}); }

absl::Duration BenchmarkCluster::Answer(const std::vector<Proposal>& proposals,
                                        absl::Duration refuse) {
  if (proposals.empty()) return absl::ZeroDuration();
  std::vector<MasterMessage> frame;
  for (const Proposal& proposal : proposals) {
    const HolderKey holder{proposal.framework, proposal.role};
    frame.push_back(ProposalResult{proposal.id, RejectReason::kNone});
    frame.push_back(
        Delta{++version_, Allocate{holder, proposal.agent, proposal.resources, proposal.id}});
    if (refuse == absl::ZeroDuration()) continue;
    frame.push_back(Delta{++version_, Recover{holder, proposal.agent, proposal.resources, refuse}});
  }
  return Step(FrameReceived{1, std::move(frame)});
}

absl::Duration BenchmarkCluster::Step(Core::Input input) {
  effects_.clear();
  const absl::Time start = runtime::ProcessClock::Get().Now();
  core_.Step(now_, std::move(input), &effects_);
  const absl::Duration took = runtime::ProcessClock::Get().Now() - start;
  for (Core::Effect& effect : effects_) {
    if (auto* sent = std::get_if<SendProposal>(&effect)) {
      proposals_.push_back(std::move(sent->proposal));
    }
  }
  return took;
}

int64_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  long long size = 0, resident = 0;
  const int read = std::fscanf(file, "%lld %lld", &size, &resident);
  std::fclose(file);
  return read == 2 ? resident * sysconf(_SC_PAGESIZE) : 0;
}

}  // namespace meros::allocator

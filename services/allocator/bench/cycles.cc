#include "services/allocator/bench/cycles.h"

#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/resources/parse.h"
#include "libs/runtime/clock.h"
#include "services/allocator/core/core.h"

namespace meros::allocator {
namespace {

// Ids as long as real ones.
std::string Id(const char* kind, int i) {
  return absl::StrCat("3f2c9e10-7d5b-4a6e-9b1f-8c0d2e4a6b7c-", kind, i);
}

class Cluster {
 public:
  Cluster(const CycleBenchmarkOptions& options, int agents, int frameworks)
      : core_(Options(), Rng(options.seed)) {
    const auto total =
        resources::ParseResourcesText("cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
    Step(FrameReceived{1, {Hello{"benchmark", 1}}});
    std::vector<MasterMessage> snapshot = {SnapshotBegin{1}};
    for (int i = 0; i < frameworks; ++i) {
      FrameworkState framework;
      framework.id = FrameworkId(Id("F", i));
      framework.roles = {absl::StrCat("role-", i % options.roles)};
      framework.active = true;
      snapshot.push_back(Delta{0, UpsertFramework{std::move(framework)}});
    }
    for (int i = 0; i < agents; ++i) {
      AgentState agent;
      agent.id = AgentId(Id("S", i));
      agent.total = *total;
      agent.active = true;
      snapshot.push_back(Delta{0, UpsertAgent{std::move(agent)}});
    }
    snapshot.push_back(SnapshotEnd{1});
    Step(FrameReceived{1, std::move(snapshot)});
  }

  // Ticks at the core's next deadline. Returns how long the step took.
  absl::Duration Tick() {
    now_ = std::max(now_, core_.NextDeadline());
    return Step(runtime::Tick{});
  }

  // The proposals of the last step.
  std::vector<Proposal> proposals() const {
    std::vector<Proposal> proposals;
    for (const Core::Effect& effect : effects_) {
      if (const auto* sent = std::get_if<SendProposal>(&effect)) {
        proposals.push_back(sent->proposal);
      }
    }
    return proposals;
  }

  // All are accepted and held; with `refuse` given back at once and refused for that long.
  void Answer(const std::vector<Proposal>& proposals, absl::Duration refuse) {
    std::vector<MasterMessage> frame;
    for (const Proposal& proposal : proposals) {
      const HolderKey holder{proposal.framework, proposal.role};
      frame.push_back(ProposalResult{proposal.id, RejectReason::kNone});
      frame.push_back(
          Delta{++version_, Allocate{holder, proposal.agent, proposal.resources, proposal.id}});
      if (refuse == absl::ZeroDuration()) continue;
      frame.push_back(
          Delta{++version_, Recover{holder, proposal.agent, proposal.resources, refuse}});
    }
    Step(FrameReceived{1, std::move(frame)});
  }

  const Stats& stats() const { return core_.stats(); }

 private:
  absl::Duration Step(Core::Input input) {
    effects_.clear();
    const absl::Time start = runtime::ProcessClock::Get().Now();
    core_.Step(now_, std::move(input), &effects_);
    return runtime::ProcessClock::Get().Now() - start;
  }

  Core core_;
  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  uint64_t version_ = 1;
  std::vector<Core::Effect> effects_;
};

// Lets everyone refuse everything, then measures batches that find nothing to offer.
void MeasureRefused(const CycleBenchmarkOptions& options, CycleBenchmarkResult* result) {
  Cluster cluster(options, std::max(1, options.agents / 10), std::max(1, options.frameworks / 10));
  for (;;) {
    cluster.Tick();
    const std::vector<Proposal> proposals = cluster.proposals();
    if (proposals.empty()) break;
    cluster.Answer(proposals, absl::Hours(1));
  }
  for (int i = 0; i < options.cycles; ++i) {
    const uint64_t batches = cluster.stats().batch_runs;
    const absl::Duration cycle = cluster.Tick();
    if (cluster.stats().batch_runs > batches) result->refused_cycles.push_back(cycle);
  }
  result->refused_pairs = cluster.stats().last_run.gates[static_cast<size_t>(Gate::kRefused)];
}

}  // namespace

CycleBenchmarkResult RunCycleBenchmark(const CycleBenchmarkOptions& options) {
  MEROS_CHECK(options.agents > 0 && options.frameworks > 0 && options.roles > 0);
  CycleBenchmarkResult result;
  for (int i = 0; i < options.cycles; ++i) {
    Cluster cluster(options, options.agents, options.frameworks);
    result.offer_cycles.push_back(cluster.Tick());
    const std::vector<Proposal> proposals = cluster.proposals();
    result.proposals = proposals.size();
    cluster.Answer(proposals, absl::ZeroDuration());
    result.full_cycles.push_back(cluster.Tick());
  }
  MeasureRefused(options, &result);
  return result;
}

}  // namespace meros::allocator

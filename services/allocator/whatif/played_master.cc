#include "services/allocator/whatif/played_master.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

namespace meros::allocator {
namespace {

constexpr StreamId kStream = 1;
// Intervals in which nothing moves before we believe it: preemption waits for some.
constexpr size_t kQuietCycles = 5;

// The part of `held` that a task of `amount` would give back: scalars that count against quota.
Resources PartOf(const Resources& held, ResourceQuantities amount) {
  Resources part;
  for (const resources::Resource& resource : held) {
    if (!resource.is_scalar() || resource.is_reserved() || resource.is_revocable()) continue;
    const resources::Scalar taken = std::min(resource.scalar(), amount.Get(resource.name()));
    const resources::Resource piece = resource.WithValue(taken);
    if (piece.empty()) continue;
    // Shared and indivisible ones go in whole or stay.
    if ((resource.is_shared() || resource.is_indivisible()) && taken != resource.scalar()) continue;
    part.Add(piece);
    ResourceQuantities less;
    less.Add(resource.name(), taken);
    amount -= less;
  }
  return part;
}

}  // namespace

PlayedMaster::PlayedMaster(absl::Time now, uint64_t seed)
    : core_(Options(), Rng(seed)), now_(now) {}

absl::Status PlayedMaster::Load(std::vector<Change> objects) {
  std::vector<MasterMessage> frame = {Hello{"what-if", 1}, SnapshotBegin{version_}};
  frame.reserve(objects.size() + 3);
  for (Change& object : objects) frame.push_back(Delta{0, std::move(object)});
  frame.push_back(SnapshotEnd{version_});
  return Step(FrameReceived{kStream, std::move(frame)});
}

absl::Status PlayedMaster::Apply(Change change) {
  return Step(FrameReceived{kStream, {Delta{++version_, std::move(change)}}});
}

PlayedMaster::Outcome PlayedMaster::Run(size_t cycles_max) {
  Outcome outcome;
  const uint64_t cycles_before = core_.stats().batch_runs;
  size_t quiet = 0;
  uint64_t seen = cycles_before;
  while (quiet < kQuietCycles && outcome.cycles < cycles_max) {
    now_ = std::max(now_, core_.NextDeadline());
    if (!Step(runtime::Tick{}).ok()) break;
    if (Answer(&outcome)) quiet = 0;
    if (core_.stats().batch_runs == seen) continue;
    seen = core_.stats().batch_runs;
    outcome.cycles = seen - cycles_before;
    ++quiet;
  }
  outcome.settled = quiet >= kQuietCycles;
  return outcome;
}

absl::Status PlayedMaster::Step(Core::Input input) {
  effects_.clear();
  core_.Step(now_, std::move(input), &effects_);
  for (const Core::Effect& effect : effects_) {
    if (const auto* lost = std::get_if<SendNeedSnapshot>(&effect)) {
      return absl::InvalidArgumentError(lost->reason);
    }
    if (const auto* closed = std::get_if<CloseStream>(&effect)) return closed->status;
  }
  return absl::OkStatus();
}

bool PlayedMaster::Answer(Outcome* outcome) {
  std::vector<MasterMessage> frame;
  for (Core::Effect& effect : effects_) {
    if (auto* sent = std::get_if<SendProposal>(&effect)) {
      Proposal& proposal = sent->proposal;
      frame.push_back(ProposalResult{proposal.id, RejectReason::kNone});
      frame.push_back(Delta{++version_, Allocate{{proposal.framework, proposal.role},
                                                 proposal.agent,
                                                 std::move(proposal.resources),
                                                 proposal.id}});
      ++outcome->offers;
    } else if (auto* asked = std::get_if<SendPreemption>(&effect)) {
      const PreemptionProposal& preemption = asked->preemption;
      const HolderKey holder{preemption.framework, preemption.role};
      const Agent* agent = mirror().FindAgent(preemption.agent);
      if (agent == nullptr) continue;
      const auto held = agent->held.find(holder);
      if (held == agent->held.end()) continue;
      Resources part = PartOf(held->second.resources, preemption.amount);
      if (part.empty()) continue;
      frame.push_back(Delta{
          ++version_, Recover{holder, preemption.agent, std::move(part), absl::ZeroDuration()}});
      outcome->preemptions.push_back(preemption);
    }
  }
  if (frame.empty()) return false;
  return Step(FrameReceived{kStream, std::move(frame)}).ok();
}

}  // namespace meros::allocator

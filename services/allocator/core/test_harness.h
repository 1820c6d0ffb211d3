// A core with a clock and a master that the test plays: builders for facts, and effects sorted into
// what a test asks about. Every step is followed by CheckInvariants.
//
// Owner: tests of services/allocator. Thread rule: thread-compatible.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/check.h"
#include "libs/resources/parse.h"
#include "services/allocator/core/core.h"

namespace meros::allocator {

inline Resources Text(absl::string_view text) { return *resources::ParseResourcesText(text); }
inline ResourceQuantities Amounts(absl::string_view text) {
  return *resources::ParseQuantities(text);
}
inline ResourceLimits Limits(absl::string_view text) {
  ResourceLimits limits;
  for (const auto& [name, amount] : Amounts(text)) limits.Set(name, amount);
  return limits;
}

inline FrameworkState AFramework(const std::string& id,
                                 absl::btree_set<std::string> roles = {"*"}) {
  FrameworkState state;
  state.id = FrameworkId(id);
  state.roles = std::move(roles);
  state.active = true;
  return state;
}

inline AgentState AnAgent(const std::string& id, absl::string_view total) {
  AgentState state;
  state.id = AgentId(id);
  state.total = Text(total);
  state.active = true;
  return state;
}

// "f1@* a1 cpus:4;mem:4096": a proposal in one line.
inline std::string Line(const Proposal& proposal) {
  return absl::StrCat(proposal.framework.value(), "@", proposal.role, " ", proposal.agent.value(),
                      " ", proposal.resources.DebugString());
}

class Harness {
 public:
  explicit Harness(Options options = {}, uint64_t seed = 1) : core(std::move(options), Rng(seed)) {}

  // --- The master's side.
  void Send(StreamId stream, std::vector<MasterMessage> messages) {
    Step(FrameReceived{stream, std::move(messages)});
  }
  void Open(StreamId stream = 1, const std::string& master = "m1", uint64_t epoch = 1) {
    stream_ = stream;
    Send(stream, {Hello{master, epoch}});
  }
  void Snapshot(std::vector<Change> objects, uint64_t at = 1) {
    version = at;
    std::vector<MasterMessage> messages = {SnapshotBegin{at}};
    for (Change& object : objects) messages.push_back(Delta{0, std::move(object)});
    messages.push_back(SnapshotEnd{at});
    Send(stream_, std::move(messages));
  }
  // Opens a session with these books and lets the first run happen.
  void Start(std::vector<Change> objects) {
    Open();
    Snapshot(std::move(objects));
    Settle();
  }
  void Apply(Change change) { Send(stream_, {Delta{++version, std::move(change)}}); }
  void Result(uint64_t id, RejectReason reason) { Send(stream_, {ProposalResult{id, reason}}); }
  void Reject(const Proposal& proposal, RejectReason reason) { Result(proposal.id, reason); }
  void Accept(const Proposal& proposal) {
    Send(stream_, {ProposalResult{proposal.id, RejectReason::kNone},
                   Delta{++version, Allocate{{proposal.framework, proposal.role},
                                             proposal.agent,
                                             proposal.resources,
                                             proposal.id}}});
  }
  // The same, by a master that tells of offers as such, and an offer that ends.
  void AcceptAsOffer(const Proposal& proposal) {
    Send(stream_, {ProposalResult{proposal.id, RejectReason::kNone},
                   Delta{++version, Allocate{{proposal.framework, proposal.role},
                                             proposal.agent,
                                             proposal.resources,
                                             proposal.id,
                                             /*offers=*/1}}});
  }
  void EndOffer(const Proposal& proposal, const Resources& given_back,
                absl::Duration refuse = absl::ZeroDuration()) {
    Apply(Recover{{proposal.framework, proposal.role},
                  proposal.agent,
                  given_back,
                  refuse,
                  proposal.id,
                  /*offers=*/1});
  }
  // What a framework gives back of an accepted proposal, refusing it for `refuse`.
  void GiveBack(const Proposal& proposal, const Resources& resources,
                absl::Duration refuse = absl::ZeroDuration()) {
    Apply(Recover{{proposal.framework, proposal.role}, proposal.agent, resources, refuse});
  }

  // --- Time.
  // Ticks as a strand would, until `duration` has passed.
  void Advance(absl::Duration duration) {
    const absl::Time until = now + duration;
    while (core.NextDeadline() <= until) {
      now = std::max(now, core.NextDeadline());
      Step(runtime::Tick{});
    }
    now = until;
  }
  // Lets event-driven runs happen, but no batch.
  void Settle() { Advance(absl::Milliseconds(10)); }

  // --- What the core has said since the last question.
  std::vector<Proposal> TakeProposals() { return std::exchange(proposals_, {}); }
  std::vector<std::string> TakeLines() {
    std::vector<std::string> lines;
    for (const Proposal& proposal : TakeProposals()) lines.push_back(Line(proposal));
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  // The only proposal. REQUIRES: there is exactly one.
  Proposal TakeProposal() {
    std::vector<Proposal> proposals = TakeProposals();
    MEROS_CHECK(proposals.size() == 1) << proposals.size() << " proposals";
    return proposals[0];
  }
  std::vector<HoardingChange> TakeHoarding() { return std::exchange(hoarding_, {}); }
  std::vector<GangProposal> TakeGangs() { return std::exchange(gang_proposals_, {}); }
  // The master takes all of a gang, and says that it has ended.
  void Accept(const GangProposal& gang) {
    std::vector<MasterMessage> messages;
    for (const GangProposal::Part& part : gang.parts) {
      messages.push_back(ProposalResult{part.id, RejectReason::kNone});
      messages.push_back(
          Delta{++version,
                Allocate{{gang.gang.framework, gang.role}, part.agent, part.resources, part.id}});
    }
    messages.push_back(Delta{++version, RemoveGang{gang.gang}});
    Send(stream_, std::move(messages));
  }
  // "f1 a1" for each inverse offer.
  std::vector<std::string> TakeInverseOffers() {
    std::vector<std::string> lines;
    for (const InverseOffer& offer : std::exchange(inverse_offers_, {})) {
      lines.push_back(absl::StrCat(offer.framework.value(), " ", offer.agent.value()));
    }
    return lines;
  }
  // "f1@low a1 cpus:2 for high" for each preemption.
  std::vector<std::string> TakePreemptions() {
    std::vector<std::string> lines;
    for (const PreemptionProposal& preemption : std::exchange(preemptions_, {})) {
      lines.push_back(absl::StrCat(preemption.framework.value(), "@", preemption.role, " ",
                                   preemption.agent.value(), " ", preemption.amount.ToString(),
                                   " for ", preemption.for_role));
    }
    return lines;
  }
  // The answer to a question.
  absl::StatusOr<Explanation> Ask(ExplainQuery query) {
    Step(ExplainAsked{7, std::move(query)});
    const auto explained = std::exchange(explained_, absl::InternalError("no answer"));
    if (!explained.ok()) return explained.status();
    return **explained;
  }
  std::vector<std::string> TakeResets() { return std::exchange(resets_, {}); }
  std::vector<CloseStream> TakeClosed() { return std::exchange(closed_, {}); }
  // All of it in order, one line each.
  std::vector<std::string> TakeTrace() { return std::exchange(trace_, {}); }
  std::vector<StreamId> TakeWelcomed() { return std::exchange(welcomed_, {}); }

  void Step(Core::Input input) {
    std::vector<Core::Effect> effects;
    core.Step(now, std::move(input), &effects);
    core.CheckInvariants();
    for (Core::Effect& effect : effects) {
      trace_.push_back(Trace(effect));
      if (auto* proposal = std::get_if<SendProposal>(&effect)) {
        proposals_.push_back(std::move(proposal->proposal));
      } else if (auto* hoarding = std::get_if<HoardingNoticed>(&effect)) {
        hoarding_.push_back(hoarding->change);
      } else if (auto* gang = std::get_if<SendGangProposal>(&effect)) {
        gang_proposals_.push_back(std::move(gang->proposal));
      } else if (auto* inverse = std::get_if<SendInverseOffer>(&effect)) {
        inverse_offers_.push_back(std::move(inverse->inverse_offer));
      } else if (auto* preempted = std::get_if<SendPreemption>(&effect)) {
        preemptions_.push_back(std::move(preempted->preemption));
      } else if (auto* explained = std::get_if<Explained>(&effect)) {
        explained_ = std::move(explained->explanation);
      } else if (auto* reset = std::get_if<SendNeedSnapshot>(&effect)) {
        resets_.push_back(reset->reason);
      } else if (auto* closed = std::get_if<CloseStream>(&effect)) {
        closed_.push_back(*closed);
      } else {
        welcomed_.push_back(std::get<SendWelcome>(effect).stream);
      }
    }
  }

  Core core;
  absl::Time now = absl::FromUnixSeconds(1'000'000);
  uint64_t version = 0;

 private:
  static std::string Trace(const Core::Effect& effect) {
    if (const auto* proposal = std::get_if<SendProposal>(&effect)) {
      return absl::StrCat("proposal ", proposal->proposal.id, " on version ",
                          proposal->proposal.based_on_version, ": ", Line(proposal->proposal));
    }
    if (std::holds_alternative<Explained>(effect)) return "explained";
    if (const auto* hoarding = std::get_if<HoardingNoticed>(&effect)) {
      return absl::StrCat("hoarding ", hoarding->change.framework.value(),
                          hoarding->change.hoards ? " begins" : " ends");
    }
    if (const auto* gang = std::get_if<SendGangProposal>(&effect)) {
      return absl::StrCat("gang ", gang->proposal.gang.id, ": ", gang->proposal.parts.size(),
                          " parts");
    }
    if (std::holds_alternative<SendPreemption>(effect)) return "preemption";
    if (const auto* inverse = std::get_if<SendInverseOffer>(&effect)) {
      return absl::StrCat("inverse offer to ", inverse->inverse_offer.framework.value(), " for ",
                          inverse->inverse_offer.agent.value());
    }
    if (const auto* reset = std::get_if<SendNeedSnapshot>(&effect)) {
      return absl::StrCat("need_snapshot to ", reset->stream, ": ", reset->reason);
    }
    if (const auto* closed = std::get_if<CloseStream>(&effect)) {
      return absl::StrCat("close ", closed->stream, ": ", closed->status.ToString());
    }
    return absl::StrCat("welcome to ", std::get<SendWelcome>(effect).stream);
  }

  StreamId stream_ = 1;
  std::vector<std::string> trace_;
  std::vector<Proposal> proposals_;
  std::vector<GangProposal> gang_proposals_;
  std::vector<HoardingChange> hoarding_;
  std::vector<InverseOffer> inverse_offers_;
  std::vector<PreemptionProposal> preemptions_;
  absl::StatusOr<std::shared_ptr<const Explanation>> explained_ = absl::InternalError("no answer");
  std::vector<std::string> resets_;
  std::vector<CloseStream> closed_;
  std::vector<StreamId> welcomed_;
};

}  // namespace meros::allocator

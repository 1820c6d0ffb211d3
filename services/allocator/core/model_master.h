// A master as a model: books of its own that are the truth, random changes of them, and answers to
// proposals by the rules of the protocol. What it checks about proposals is what any master relies
// on.
//
// Owner: tests of services/allocator. Thread rule: thread-compatible.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/rng.h"
#include "services/allocator/core/test_harness.h"

namespace meros::allocator {

struct ModelOptions {
  int agents_max = 8;
  int frameworks_max = 6;
  std::vector<std::string> roles = {"*", "a", "a/b", "c"};
  bool reservations = true;
  bool quotas = false;
  bool settings = false;  // of roles, whitelists and offer constraints
  bool gangs = false;     // of one kind of bundles each
  double reject_chance = 0;
};

class ModelMaster {
 public:
  ModelMaster(ModelOptions options, uint64_t seed) : options_(std::move(options)), rng_(seed) {}

  std::vector<Change> Objects() const {
    std::vector<Change> objects;
    for (const auto& [role, weight] : weights_) objects.push_back(SetWeight{role, weight});
    for (const auto& [role, quota] : quotas_) objects.push_back(SetQuota{role, quota});
    for (const auto& [role, settings] : settings_) {
      objects.push_back(ConfigureRole{role, settings});
    }
    objects.push_back(whitelist_);
    for (const auto& [id, framework] : frameworks_) objects.push_back(UpsertFramework{framework});
    for (const auto& [id, agent] : agents_) objects.push_back(UpsertAgent{agent.state});
    for (const auto& [id, agent] : agents_) {
      for (const auto& [holder, held] : agent.held) {
        objects.push_back(Allocate{holder, AgentId(id), held, 0, agent.OffersOf(holder)});
      }
    }
    for (const GangState& gang : gangs_) objects.push_back(UpsertGang{gang});
    return objects;
  }

  // One random change of the books.
  Change RandomChange() {
    for (;;) {
      if (options_.gangs && !frameworks_.empty() && rng_.Chance(0.1)) return ChangeGang();
      switch (rng_.Uniform(0, 12)) {
        case 0:
          return ChangeFramework();
        case 1:
          return ChangeAgent();
        case 2:
          if (frameworks_.empty() || !rng_.Chance(0.2)) break;
          return DropFramework(Pick(frameworks_));
        case 3:
          if (agents_.empty() || !rng_.Chance(0.2)) break;
          return DropAgent(Pick(agents_));
        case 4:
          if (frameworks_.empty()) break;
          return ReviveOne(frameworks_.at(Pick(frameworks_)));
        case 5:
          if (frameworks_.empty() || !rng_.Chance(0.5)) break;
          return SuppressOne(frameworks_.at(Pick(frameworks_)));
        case 6: {
          const std::string role = options_.roles[rng_.Uniform(0, options_.roles.size() - 1)];
          weights_[role] = static_cast<double>(rng_.Uniform(1, 5));
          return SetWeight{role, weights_[role]};
        }
        case 7:
          if (!options_.quotas || !rng_.Chance(0.3)) break;
          return ChangeQuota();
        case 8:
          if (!options_.settings) break;
          return rng_.Chance(0.3) ? ChangeWhitelist() : ChangeSettings();
        default:
          if (auto recover = GiveBack(); !recover.resources.empty()) return recover;
      }
    }
  }

  // Accepts or rejects as a master would. Appends the messages, the delta without its version.
  void Answer(const Proposal& proposal, std::vector<MasterMessage>* out) {
    MEROS_CHECK(proposal.id > last_proposal_) << proposal.id;
    MEROS_CHECK(!proposal.resources.empty());
    last_proposal_ = proposal.id;
    const RejectReason reason = Judge(proposal);
    out->push_back(ProposalResult{proposal.id, reason});
    if (reason != RejectReason::kNone) return;
    const HolderKey holder{proposal.framework, proposal.role};
    Agent& agent = agents_.at(proposal.agent.value());
    agent.held[holder] += proposal.resources;
    ++agent.offers[holder];
    out->push_back(Delta{0, Allocate{holder, proposal.agent, proposal.resources, proposal.id, 1}});
  }

  // The same for a gang: all parts or none. A gang that was offered has ended.
  void Answer(const GangProposal& proposal, std::vector<MasterMessage>* out) {
    const auto gang = std::find_if(gangs_.begin(), gangs_.end(),
                                   [&](const GangState& g) { return g.key == proposal.gang; });
    uint32_t bundles = 0;
    RejectReason reason = gang == gangs_.end() ? RejectReason::kGang : RejectReason::kNone;
    for (const GangProposal::Part& part : proposal.parts) {
      if (reason != RejectReason::kNone) break;
      reason =
          Judge({part.id, 0, proposal.gang.framework, proposal.role, part.agent, part.resources});
      const resources::Scalar each = gang->bundles[0].amount.Get(resources::ResourceName::Cpus());
      bundles += static_cast<uint32_t>(part.resources.Cpus().millis() / each.millis());
    }
    MEROS_CHECK(reason != RejectReason::kNone || bundles == gang->bundles[0].count) << bundles;
    for (const GangProposal::Part& part : proposal.parts) {
      out->push_back(ProposalResult{part.id, reason});
      if (reason != RejectReason::kNone) continue;
      const HolderKey holder{proposal.gang.framework, proposal.role};
      agents_.at(part.agent.value()).held[holder] += part.resources;
      ++agents_.at(part.agent.value()).offers[holder];
      out->push_back(Delta{0, Allocate{holder, part.agent, part.resources, part.id, 1}});
    }
    if (reason != RejectReason::kNone) return;
    gangs_.erase(gang);
    out->push_back(Delta{0, RemoveGang{proposal.gang}});
  }

  // Everyone who is not in a gang wants nothing any more; all are connected and refuse nothing.
  std::vector<Change> QuietDown() {
    std::vector<Change> changes;
    for (auto& [id, framework] : frameworks_) {
      framework.active = true;
      framework.suppressed_roles = framework.roles;
      changes.push_back(UpsertFramework{framework});
      changes.push_back(Revive{framework.id, {}});
      changes.push_back(Suppress{framework.id, {}});
    }
    return changes;
  }
  // Those whose framework has their role.
  std::vector<GangState> WaitingGangs() const {
    std::vector<GangState> waiting;
    for (const GangState& gang : gangs_) {
      if (frameworks_.at(gang.key.framework.value()).roles.contains(gang.role)) {
        waiting.push_back(gang);
      }
    }
    return waiting;
  }
  // What is free, by agent, on agents that are offered to everyone.
  std::vector<Resources> FreeForEveryone() const {
    std::vector<Resources> free;
    for (const auto& [id, agent] : agents_) {
      if (agent.state.active && !agent.state.total.Gpus().is_positive()) {
        free.push_back(agent.Free());
      }
    }
    return free;
  }

  // Another master takes over: it knows no proposal.
  void ForgetProposals() { last_proposal_ = 0; }

  size_t rejected() const { return rejected_; }

 private:
  struct Agent {
    AgentState state;
    std::map<HolderKey, Resources> held;
    std::map<HolderKey, uint32_t> offers;  // unanswered, of `held`

    uint32_t OffersOf(const HolderKey& holder) const {
      const auto found = offers.find(holder);
      return found == offers.end() ? 0 : found->second;
    }
    Resources Free() const {
      Resources free = state.total;
      for (const auto& [holder, resources] : held) free -= resources;
      return free;
    }
  };

  template <typename Map>
  std::string Pick(const Map& map) {
    return std::next(map.begin(), static_cast<std::ptrdiff_t>(rng_.Uniform(0, map.size() - 1)))
        ->first;
  }

  RejectReason Judge(const Proposal& proposal) {
    if (rng_.Chance(options_.reject_chance)) {
      ++rejected_;
      return static_cast<RejectReason>(rng_.Uniform(1, kRejectReasonCount - 1));
    }
    const auto agent = agents_.find(proposal.agent.value());
    if (agent == agents_.end() || !agent->second.state.active) {
      return RejectReason::kAgentNotActive;
    }
    const auto framework = frameworks_.find(proposal.framework.value());
    if (framework == frameworks_.end() || !framework->second.active ||
        !framework->second.roles.contains(proposal.role)) {
      return RejectReason::kFrameworkNotActive;
    }
    return agent->second.Free().Contains(proposal.resources) ? RejectReason::kNone
                                                             : RejectReason::kNotFree;
  }

  Change ChangeFramework() {
    const std::string id = absl::StrCat("f", rng_.Uniform(1, options_.frameworks_max));
    FrameworkState state = AFramework(id, {});
    for (const std::string& role : options_.roles) {
      if (rng_.Chance(0.5)) state.roles.insert(role);
      if (rng_.Chance(0.1)) state.suppressed_roles.insert(role);
      if (rng_.Chance(0.1)) state.min_allocatable[role].any_of = {Amounts("cpus:2")};
    }
    state.active = rng_.Chance(0.9);
    state.capabilities.gpu_resources = rng_.Chance(0.3);
    if (options_.settings && rng_.Chance(0.3)) {
      state.constraints[Any(options_.roles)] =
          InZone(absl::StrCat("z[", rng_.Uniform(1, 5), "-9]"));
    }
    frameworks_[id] = state;
    return UpsertFramework{state};
  }
  Change ChangeAgent() {
    const std::string id = absl::StrCat("a", rng_.Uniform(1, options_.agents_max));
    std::string total = absl::StrCat("cpus:", rng_.Uniform(1, 8), ";mem:", rng_.Uniform(64, 1024),
                                     ";ports:[1000-1010]");
    if (options_.reservations && rng_.Chance(0.3)) absl::StrAppend(&total, ";cpus(a):2;mem(a):64");
    if (rng_.Chance(0.2)) absl::StrAppend(&total, ";gpus:1");
    Agent& agent = agents_[id];
    const bool is_new = agent.state.id.empty();
    // A total changes only while nobody holds any of it, so that no agent is overcommitted.
    if (is_new || agent.held.empty()) agent.state.total = Text(total);
    agent.state.id = AgentId(id);
    agent.state.active = rng_.Chance(0.9);
    agent.state.traits.hostname = id;
    if (rng_.Chance(0.1)) agent.state.traits.zone = absl::StrCat("z", rng_.Uniform(1, 9));
    return UpsertAgent{agent.state};
  }
  Change DropFramework(const std::string& id) {
    frameworks_.erase(id);
    std::erase_if(gangs_, [&](const GangState& g) { return g.key.framework.value() == id; });
    for (auto& [agent_id, agent] : agents_) {
      const auto is_its = [&](const auto& entry) { return entry.first.framework.value() == id; };
      std::erase_if(agent.held, is_its);
      std::erase_if(agent.offers, is_its);
    }
    return RemoveFramework{FrameworkId(id)};
  }
  Change ChangeGang() {
    if (!gangs_.empty() && rng_.Chance(0.3)) {
      const GangKey key = Any(gangs_).key;
      std::erase_if(gangs_, [&](const GangState& g) { return g.key == key; });
      return RemoveGang{key};
    }
    GangState gang;
    gang.key = {FrameworkId(Pick(frameworks_)), absl::StrCat("g", rng_.Uniform(1, 3))};
    gang.role = Any(options_.roles);
    gang.bundles = {{Amounts(absl::StrCat("cpus:", rng_.Uniform(1, 4), ";mem:32")),
                     static_cast<uint32_t>(rng_.Uniform(1, 8))}};
    gang.distinct_agents = rng_.Chance(0.3);
    gang.remaining = absl::Hours(1);
    std::erase_if(gangs_, [&](const GangState& g) { return g.key == gang.key; });
    gangs_.push_back(gang);
    return UpsertGang{gang};
  }
  Change DropAgent(const std::string& id) {
    agents_.erase(id);
    return RemoveAgent{AgentId(id)};
  }
  Change ReviveOne(FrameworkState& framework) {
    framework.suppressed_roles.clear();
    return Revive{framework.id, {}};
  }
  Change SuppressOne(FrameworkState& framework) {
    framework.suppressed_roles = framework.roles;
    return Suppress{framework.id, {}};
  }
  template <typename T>
  T Any(const std::vector<T>& of) {
    return of[rng_.Uniform(0, of.size() - 1)];
  }
  static std::shared_ptr<const resources::AgentConstraints> InZone(const std::string& regex) {
    resources::AgentConstraints constraints;
    constraints.groups.push_back({*resources::AgentConstraint::Make(
        {resources::AgentConstraint::Selector::kZone, "",
         resources::AgentConstraint::Predicate::kTextMatches, regex})});
    return std::make_shared<const resources::AgentConstraints>(std::move(constraints));
  }
  Change ChangeSettings() {
    const std::string role = rng_.Chance(0.2) ? "" : Any(options_.roles);
    RoleSettings& settings = settings_[role];
    settings = {};
    if (rng_.Chance(0.5)) settings.priority = static_cast<int32_t>(rng_.Uniform(0, 4)) - 2;
    if (rng_.Chance(0.5)) settings.sorter = Any<Sorter>({Sorter::kDrf, Sorter::kRandom});
    if (rng_.Chance(0.5)) {
      settings.placement =
          Any<Placement>({Placement::kRandom, Placement::kSpread, Placement::kPack});
    }
    if (rng_.Chance(0.3)) settings.min_allocatable = MinAllocatable{{Amounts("cpus:1")}};
    if (rng_.Chance(0.5)) settings.offer_max = Limits(absl::StrCat("cpus:", rng_.Uniform(1, 4)));
    if (rng_.Chance(0.5)) settings.max_offers_in_flight = rng_.Uniform(1, 3);
    if (rng_.Chance(0.5))
      settings.offer_split = Any<OfferSplit>({OfferSplit::kNone, OfferSplit::kByDemand});
    return ConfigureRole{role, settings};
  }
  Change ChangeWhitelist() {
    whitelist_ = {};
    if (rng_.Chance(0.5)) {
      whitelist_.hostnames.emplace();
      for (int i = 1; i <= options_.agents_max; ++i) {
        if (rng_.Chance(0.7)) whitelist_.hostnames->insert(absl::StrCat("a", i));
      }
    }
    return whitelist_;
  }
  Change ChangeQuota() {
    const std::string role = options_.roles[rng_.Uniform(1, options_.roles.size() - 1)];
    Quota& quota = quotas_[role];
    quota = {};
    if (rng_.Chance(0.5)) quota.guarantees = Amounts(absl::StrCat("cpus:", rng_.Uniform(1, 10)));
    if (rng_.Chance(0.5)) quota.limits = Limits(absl::StrCat("cpus:", rng_.Uniform(10, 20)));
    return SetQuota{role, quota};
  }
  // All or a part of what someone holds, sometimes refused.
  Recover GiveBack() {
    if (agents_.empty()) return {};
    const std::string id = Pick(agents_);
    Agent& agent = agents_.at(id);
    if (agent.held.empty()) return {};
    const auto held = std::next(
        agent.held.begin(), static_cast<std::ptrdiff_t>(rng_.Uniform(0, agent.held.size() - 1)));
    Resources back = held->second;
    if (rng_.Chance(0.5)) {
      back = back.Filter([&](const resources::Resource&) { return rng_.Chance(0.5); });
    }
    if (back.empty()) return {};
    const HolderKey holder = held->first;
    held->second -= back;
    const uint32_t open = agent.OffersOf(holder);
    uint32_t ended = static_cast<uint32_t>(rng_.Uniform(0, open));
    if (held->second.empty()) {
      ended = open;
      agent.held.erase(held);
    }
    if (open > 0) agent.offers[holder] -= ended;
    // Odd numbers of microseconds never meet a batch.
    const absl::Duration refuse = rng_.Chance(0.7)
                                      ? absl::Microseconds(rng_.Uniform(0, 2'000'000) * 2 + 1)
                                      : absl::ZeroDuration();
    return Recover{holder, AgentId(id), back, refuse, 0, ended};
  }

  const ModelOptions options_;
  Rng rng_;
  std::map<std::string, FrameworkState> frameworks_;
  std::map<std::string, Agent> agents_;
  std::map<std::string, double> weights_;
  std::map<std::string, Quota> quotas_;
  std::map<std::string, RoleSettings> settings_;
  SetWhitelist whitelist_;
  std::vector<GangState> gangs_;  // in the order of asking
  uint64_t last_proposal_ = 0;
  size_t rejected_ = 0;
};

}  // namespace meros::allocator

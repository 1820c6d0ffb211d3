#include "services/allocator/core/explain.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/allocator/core/filters/agent_wishes.h"
#include "services/allocator/core/filters/capabilities.h"
#include "services/allocator/core/filters/min_allocatable.h"
#include "services/allocator/core/filters/offer_parts.h"
#include "services/allocator/core/filters/offer_size.h"
#include "services/allocator/core/filters/offers_in_flight.h"
#include "services/allocator/core/propose_gangs.h"
#include "services/allocator/core/quota_headroom.h"

namespace meros::allocator {
namespace {

// The largest part of anything wanted that is lacking: 0 if nothing is, 1 if all of something is.
double LackingPart(const ResourceQuantities& lacking, const ResourceQuantities& wanted) {
  double part = 0;
  for (const auto& [name, amount] : lacking) {
    part = std::max(part, amount.ToDouble() / wanted.Get(name).ToDouble());
  }
  return part;
}

class AgentJudge {
 public:
  AgentJudge(const Books& books, const Options& options, absl::Time now, const ExplainQuery& query,
             const Client& client)
      : books_(books),
        options_(options),
        now_(now),
        query_(query),
        client_(client),
        capabilities_(client.framework->state.capabilities),
        minimum_(MinAllocatableOf(client, options.min_allocatable)),
        headroom_(books.mirror) {}

  Stage Judge(const Agent& agent, ExplainedAgent* out) const {
    const Stage stage = Run(agent, out);
    out->agent = agent.state.id;
    out->hostname = agent.state.traits.hostname;
    out->lacking = query_.wanted - out->available;
    return stage;
  }

 private:
  Stage Run(const Agent& agent, ExplainedAgent* out) const {
    const Resources total = Usable(agent, agent.state.total);
    const Resources free = Usable(agent, agent.free);
    out->available = free.Quantities();
    if (!agent.state.active || agent.held_back) return Stage::kAgentInactive;
    if (!agent.whitelisted) return Stage::kWhitelist;
    if (query_.constraints && !query_.constraints->IsSatisfiedBy(agent.state.traits)) {
      return Stage::kWantedConstraints;
    }
    if (!WantsAgent(client_, agent)) return Stage::kOfferConstraints;
    if (!MayUseAgent(capabilities_, agent, options_.filter_gpu_resources)) return Stage::kGpu;
    if (!MayUseRegion(capabilities_, agent)) return Stage::kRegion;
    if (!IsEnough(total)) {
      out->available = total.Quantities();
      return Stage::kTooSmall;
    }
    if (!IsEnough(free)) return Stage::kNotFree;
    if (!minimum_.SatisfiedBy(free)) return Stage::kBelowMinimum;
    return RunPolicy(agent, free, out);
  }

  // What is decided about what is free.
  Stage RunPolicy(const Agent& agent, const Resources& free, ExplainedAgent* out) const {
    Resources offer = Cut(free);
    out->available = offer.Quantities();
    if (!IsEnough(offer) || !minimum_.SatisfiedBy(offer)) return Stage::kQuota;
    if (client_.role->offer_split() == OfferSplit::kByDemand) {
      offer = CutToPart(offer, agent.state.total.ScalarQuantities(),
                        books_.mirror.roles().demanding_count(), minimum_);
    }
    offer = CutToSize(offer, client_.role->offer_max());
    out->available = offer.Quantities();
    if (!IsEnough(offer) || !minimum_.SatisfiedBy(offer)) return Stage::kOfferSize;
    if (IsRefused(agent, offer, out)) return Stage::kRefused;
    return HoldsAllItsOffers(client_) ? Stage::kOffersInFlight : Stage::kOfferable;
  }

  // Whether what is left without the parts that are refused would not do.
  bool IsRefused(const Agent& agent, const Resources& offer, ExplainedAgent* out) const {
    const RefuseFilters::OnAgent* refusals = books_.filters.Find(agent.serial);
    if (refusals == nullptr) return false;
    Resources left;
    absl::Time until = now_;
    for (const Resources& part : PartsOf(offer)) {
      const std::optional<absl::Time> refused = refusals->BlockedUntil(client_.serial, part);
      if (refused) until = std::max(until, *refused);
      if (!refused) left += part;
    }
    if (IsEnough(left)) return false;
    out->refused = until - now_;
    return true;
  }

  Resources Usable(const Agent& agent, const Resources& resources) const {
    const Resources for_role = resources.AllocatableTo(client_.role->name());
    return HasUnusable(capabilities_, agent) ? StripUnusable(capabilities_, for_role) : for_role;
  }

  bool IsEnough(const Resources& resources) const {
    return !resources.empty() && resources.Contains(query_.wanted);
  }

  // What quota leaves: in the pass for guarantees, if the role takes part and that is enough.
  Resources Cut(const Resources& free) const {
    if (!headroom_.applies()) return free;
    if (headroom_.HasShortfall(*client_.role)) {
      Resources guaranteed = headroom_.Cut(*client_.role, free, Pass::kGuarantees);
      if (IsEnough(guaranteed)) return guaranteed;
    }
    return headroom_.Cut(*client_.role, free, Pass::kFairShare);
  }

  const Books& books_;
  const Options& options_;
  const absl::Time now_;
  const ExplainQuery& query_;
  const Client& client_;
  const Capabilities& capabilities_;
  const MinAllocatable& minimum_;
  const QuotaHeadroom headroom_;
};

// Sorts agents into stages, and keeps the best of each.
class Tally {
 public:
  Tally(const ExplainQuery& query, Explanation* out) : query_(query), out_(*out) {
    for (auto& parts : parts_) parts.reserve(query.examples_max + 1);
  }

  void Add(Stage stage, ExplainedAgent agent) {
    const size_t index = static_cast<size_t>(stage);
    const double part = LackingPart(agent.lacking, query_.wanted);
    ++out_.agents;
    ++out_.stages[index].agents;
    ConsiderNearest(stage, part, agent);
    std::vector<ExplainedAgent>& examples = out_.stages[index].examples;
    std::vector<double>& parts = parts_[index];
    const auto place = std::upper_bound(parts.begin(), parts.end(), part) - parts.begin();
    if (static_cast<size_t>(place) >= query_.examples_max) return;
    examples.insert(examples.begin() + place, std::move(agent));
    parts.insert(parts.begin() + place, part);
    if (examples.size() <= query_.examples_max) return;
    examples.pop_back();
    parts.pop_back();
  }

 private:
  // An agent that is excluded for what it is, is no help, however much is free on it.
  void ConsiderNearest(Stage stage, double part, const ExplainedAgent& agent) {
    const bool is_excluded = stage != Stage::kOfferable && stage < Stage::kTooSmall;
    const int distance =
        stage == Stage::kOfferable ? 0 : static_cast<int>(kStageCount) - static_cast<int>(stage);
    const std::tuple<bool, double, int> rank(is_excluded, part, distance);
    if (out_.nearest && !(rank < best_)) return;
    best_ = rank;
    out_.nearest = agent;
    out_.nearest_stage = stage;
  }

  const ExplainQuery& query_;
  Explanation& out_;
  std::array<std::vector<double>, kStageCount> parts_;  // of the examples
  std::tuple<bool, double, int> best_;
};

absl::StatusOr<const Client*> FindClient(const Books& books, const ExplainQuery& query) {
  const Framework* framework = books.mirror.FindFramework(query.framework);
  if (framework == nullptr) {
    return absl::NotFoundError(absl::StrCat("unknown framework ", query.framework.value()));
  }
  if (query.role.empty()) {
    if (framework->clients.size() == 1) return framework->clients.begin()->second;
    return absl::InvalidArgumentError(absl::StrCat("framework ", query.framework.value(), " has ",
                                                   framework->clients.size(),
                                                   " roles: name the one that is meant"));
  }
  const auto client = framework->clients.find(query.role);
  if (client == framework->clients.end()) {
    return absl::NotFoundError(absl::StrCat("framework ", query.framework.value(),
                                            " is not subscribed to role ", query.role));
  }
  return client->second;
}

void ExplainRoles(const Client& client, Explanation* out) {
  for (const RoleNode* node = client.role; node->parent() != nullptr; node = node->parent()) {
    ExplainedRole& role = *out->roles.emplace(out->roles.begin());
    role.role = node->name();
    role.share = node->share();
    role.weight = node->weight();
    role.priority = node->settings().priority;
    const RoleNode::Position position = node->PositionAmongSiblings();
    role.position = position.before;
    role.siblings = position.among;
    role.quota = node->quota();
    role.consumed = node->Consumed();
    role.limit_left = role.quota.limits;
    role.limit_left -= role.consumed;
  }
  const RoleNode::Position position = client.role->PositionOf(client);
  out->position = position.before;
  out->competitors = position.among;
  out->share = client.share;
}

void ExplainBlocked(const Client& client, Explanation* out) {
  const Framework& framework = *client.framework;
  if (!framework.state.active) out->blocked.push_back("the framework is not connected");
  if (framework.state.suppressed_roles.contains(client.role->name())) {
    out->blocked.push_back("the framework has suppressed offers for the role");
  }
  if (framework.held_back) {
    out->blocked.push_back(
        "the master takes no proposals for the framework for now; it may hold too many offers");
  }
  if (HoldsAllItsOffers(client)) {
    out->blocked.push_back(absl::StrCat("the framework has ", client.offers_in_flight,
                                        " unanswered offers for the role, which lets it have ",
                                        client.role->max_offers_in_flight()));
  }
}

}  // namespace

absl::StatusOr<Explanation> Explain(const Books& books, const Options& options, absl::Time now,
                                    const ExplainQuery& query) {
  MEROS_ASSIGN_OR_RETURN(const Client* client, FindClient(books, query));
  Explanation result;
  ExplainBlocked(*client, &result);
  ExplainRoles(*client, &result);
  const Mirror& mirror = books.mirror;
  if (mirror.roles().has_quota()) {
    result.guarantees_lacking = mirror.roles().root().shortfall();
    result.headroom = mirror.available() - result.guarantees_lacking;
  }
  result.filters = books.filters.CountOf(client->serial);
  result.notes = DescribeGangs(books, options, now, *client);
  for (std::string& line : books.hoarding.Describe()) result.notes.push_back(std::move(line));
  const AgentJudge judge(books, options, now, query, *client);
  Tally tally(query, &result);
  for (const auto& [id, agent] : mirror.agents()) {
    ExplainedAgent explained;
    const Stage stage = judge.Judge(*agent, &explained);
    tally.Add(stage, std::move(explained));
  }
  return result;
}

}  // namespace meros::allocator

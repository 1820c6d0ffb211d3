#include "services/allocator/core/propose_gangs.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "services/allocator/core/filters/agent_wishes.h"
#include "services/allocator/core/filters/capabilities.h"
#include "services/allocator/core/quota_headroom.h"

namespace meros::allocator {
namespace {

using resources::Ranges;
using resources::Resource;
using resources::ResourceName;
using resources::Scalar;
using resources::StringSet;

// The client that a gang is for; null while it cannot be offered anything.
Client* ClientOf(const Mirror& mirror, const Gang& gang) {
  const Framework* framework = mirror.FindFramework(gang.state.key.framework);
  if (framework == nullptr || !framework->state.active || framework->held_back) return nullptr;
  const auto client = framework->clients.find(gang.state.role);
  return client == framework->clients.end() ? nullptr : client->second;
}

// The first items of a resource, `amount` in all or a little more where it cannot be divided so.
resources::Value First(const Resource& resource, Scalar amount) {
  const int64_t whole = (amount.millis() + Scalar::kScale - 1) / Scalar::kScale;
  if (resource.is_scalar()) {
    return resource.name() == ResourceName::Gpus() ? Scalar::FromUnits(whole) : amount;
  }
  if (const auto* ranges = std::get_if<Ranges>(&resource.value())) {
    return ranges->First(static_cast<uint64_t>(whole));
  }
  std::vector<std::string> items = std::get<StringSet>(resource.value()).items();
  items.resize(static_cast<size_t>(whole));
  return *StringSet::FromUnique(std::move(items));
}

// `amount` of `from`, what is reserved first. REQUIRES: from.Contains(amount), all of it divisible.
Resources Take(const Resources& from, ResourceQuantities amount) {
  Resources taken;
  for (const bool is_reserved : {true, false}) {
    for (const Resource& resource : from) {
      const Scalar wanted = amount.Get(resource.name());
      if (resource.is_reserved() != is_reserved || !wanted.is_positive()) continue;
      ResourceQuantities part;
      part.Add(resource.name(), std::min(resource.Quantity(), wanted));
      amount -= part;
      taken.Add(resource.Quantity() <= wanted ? resource
                                              : resource.WithValue(First(resource, wanted)));
    }
  }
  return taken;
}

// What one agent gives to a gang.
struct Part {
  BundleCounts counts;
  Resources resources;  // empty: nothing
};

// Looks for places of one gang; changes nothing.
class Fitter {
 public:
  Fitter(const Books& books, const Options& options, const Gang& gang, const Client& client)
      : books_(books),
        options_(options),
        gang_(gang),
        client_(client),
        capabilities_(client.framework->state.capabilities),
        headroom_(books.mirror),
        order_(gang.state.bundles.size()) {
    std::iota(order_.begin(), order_.end(), size_t{0});
    const ResourceQuantities& totals = books.mirror.roles().totals();
    std::stable_sort(order_.begin(), order_.end(), [&](size_t a, size_t b) {
      return DominantShare(gang.state.bundles[a].amount, totals) >
             DominantShare(gang.state.bundles[b].amount, totals);
    });
  }

  // What of `missing` fits on what is free on the agent.
  Part Fit(const Agent& agent, const BundleCounts& missing) const {
    Part part;
    if (!agent.is_offerable() || agent.held_back || !IsWanted(agent)) return part;
    const Resources usable = Usable(agent, agent.free);
    if (usable.empty()) return part;
    if (!headroom_.applies()) {
      part = FitIn(usable, missing);
    } else {
      if (headroom_.HasShortfall(*client_.role)) {
        part = FitIn(headroom_.Cut(*client_.role, usable, Pass::kGuarantees), missing);
      }
      if (part.resources.empty()) {
        part = FitIn(headroom_.Cut(*client_.role, usable, Pass::kFairShare), missing);
      }
    }
    const RefuseFilters::OnAgent* refusals = books_.filters.Find(agent.serial);
    if (refusals != nullptr && refusals->Blocks(client_.serial, part.resources)) return {};
    return part;
  }

  // How many bundles fit, were quota not to matter: on what is free, or on whole agents.
  enum class On { kFree, kEmptyCluster };
  size_t CountFitting(On on) const {
    BundleCounts missing = gang_.Wanted();
    size_t fitting = 0;
    for (const auto& [id, agent] : books_.mirror.agents()) {
      if (!agent->is_offerable() || !IsWanted(*agent)) continue;
      const Resources& have = on == On::kFree ? agent->free : agent->state.total;
      if (have.empty()) continue;
      const BundleCounts counts = CountIn(Usable(*agent, have).Quantities(), missing);
      for (size_t i = 0; i < counts.size(); ++i) {
        missing[i] -= counts[i];
        fitting += counts[i];
      }
      if (IsNone(missing)) break;
    }
    return fitting;
  }

 private:
  bool IsWanted(const Agent& agent) const {
    return MayUseAgent(capabilities_, agent, options_.filter_gpu_resources) &&
           MayUseRegion(capabilities_, agent) && WantsAgent(client_, agent);
  }

  // What can be divided among bundles.
  Resources Usable(const Agent& agent, const Resources& resources) const {
    const Resources usable =
        resources.AllocatableTo(client_.role->name()).Filter([](const Resource& resource) {
          return !resource.is_revocable() && !resource.is_shared() && !resource.is_indivisible();
        });
    return HasUnusable(capabilities_, agent) ? StripUnusable(capabilities_, usable) : usable;
  }

  BundleCounts CountIn(ResourceQuantities left, const BundleCounts& missing) const {
    BundleCounts counts(missing.size(), 0);
    const ResourceLimits& most = client_.role->offer_max();
    ResourceQuantities sum;
    for (const size_t i : order_) {
      const ResourceQuantities& amount = gang_.state.bundles[i].amount;
      while (counts[i] < missing[i] && left.Contains(amount)) {
        if (!most.empty() && !most.Contains(sum + amount)) break;
        sum += amount;
        left -= amount;
        ++counts[i];
        if (gang_.state.distinct_agents) return counts;
      }
    }
    return counts;
  }

  Part FitIn(const Resources& resources, const BundleCounts& missing) const {
    Part part;
    part.counts = CountIn(resources.Quantities(), missing);
    if (IsNone(part.counts)) return part;
    ResourceQuantities amount;
    for (size_t i = 0; i < part.counts.size(); ++i) {
      for (uint32_t n = 0; n < part.counts[i]; ++n) amount += gang_.state.bundles[i].amount;
    }
    part.resources = Take(resources, std::move(amount));
    return part;
  }

  const Books& books_;
  const Options& options_;
  const Gang& gang_;
  const Client& client_;
  const Capabilities& capabilities_;
  const QuotaHeadroom headroom_;
  std::vector<size_t> order_;  // of bundles, the largest first
};

class GangStage {
 public:
  GangStage(Books* books, const RunContext& context, absl::FunctionRef<void(GangProposal)> emit)
      : books_(*books),
        mirror_(books->mirror),
        gangs_(books->gangs),
        context_(context),
        emit_(emit) {}

  void Run(const std::vector<Agent*>& marked, bool batch) {
    if (Gang* holder = gangs_.holder(); holder != nullptr) {
      if (batch) {
        HoldAnew(holder);
      } else {
        HoldMore(holder, marked);
      }
    }
    for (Gang* gang : gangs_.TakeTurns(batch ? context_.options->gang_looks_max : 0)) {
      if (gang != gangs_.holder()) Look(gang);
    }
  }

 private:
  using Places = absl::btree_map<AgentId, BundleCounts>;

  std::vector<Agent*> AllAgents() const {
    std::vector<Agent*> agents;
    for (const auto& [id, agent] : mirror_.agents()) agents.push_back(agent.get());
    return agents;
  }

  // Sets aside on `agents` what fits of `missing`, and takes it off there. Agents on which
  // something is set aside already are skipped.
  Places SetAsideOn(const std::vector<Agent*>& agents, const Gang& gang, Client* client,
                    BundleCounts* missing) {
    Places places;
    const Fitter fitter(books_, *context_.options, gang, *client);
    for (Agent* agent : agents) {
      if (IsNone(*missing)) break;
      if (agent->aside || agent->free.empty()) continue;
      Part part = fitter.Fit(*agent, *missing);
      if (part.resources.empty()) continue;
      for (size_t i = 0; i < part.counts.size(); ++i) (*missing)[i] -= part.counts[i];
      mirror_.KeepBack(agent, client, std::move(part.resources));
      places.emplace(agent->state.id, std::move(part.counts));
    }
    return places;
  }

  void HoldMore(Gang* gang, const std::vector<Agent*>& agents) {
    Client* const client = ClientOf(mirror_, *gang);
    if (client == nullptr) return;
    // Where more is free than before, more may fit.
    for (Agent* agent : agents) {
      if (agent->aside) Release(agent);
    }
    BundleCounts missing = gangs_.missing();
    for (const auto& [id, counts] : SetAsideOn(agents, *gang, client, &missing)) {
      gangs_.Place(id, counts);
    }
    if (IsNone(missing)) (void)Propose(gang);
  }

  void HoldAnew(Gang* gang) {
    const Places before = gangs_.places();
    for (const auto& [id, counts] : before) Release(mirror_.FindAgent(id));
    HoldMore(gang, AllAgents());
    // What is not needed there any more is free for others.
    for (const auto& [id, counts] : before) {
      const auto now = gangs_.places().find(id);
      if (now == gangs_.places().end() || now->second != counts) books_.candidates.Mark(id);
    }
  }

  void Release(Agent* agent) {
    gangs_.Unplace(agent->state.id);
    mirror_.GiveBack(agent);
  }

  void Look(Gang* gang) {
    Client* const client = ClientOf(mirror_, *gang);
    if (client == nullptr || gang->phase != GangPhase::kWaiting || context_.now < gang->retry_at) {
      return;
    }
    const Fitter fitter(books_, *context_.options, *gang, *client);
    const size_t wanted = gang->bundle_count();
    const bool may_hold = gangs_.holder() == nullptr && !gang->hold_until &&
                          context_.options->gang_hold_max > absl::ZeroDuration() &&
                          fitter.CountFitting(Fitter::On::kEmptyCluster) == wanted;
    if (!may_hold && fitter.CountFitting(Fitter::On::kFree) < wanted) return;
    BundleCounts missing = gang->Wanted();
    const Places places = SetAsideOn(AllAgents(), *gang, client, &missing);
    if (IsNone(missing) && HasRoomFor(places)) return Emit(gang, places);
    if (may_hold) {
      gangs_.BeginHold(gang, context_.now + context_.options->gang_hold_max);
      for (const auto& [id, counts] : places) gangs_.Place(id, counts);
      return;
    }
    for (const auto& [id, counts] : places) mirror_.GiveBack(mirror_.FindAgent(id));
  }

  bool HasRoomFor(const Places& places) const {
    return mirror_.proposals().size() + places.size() <= context_.options->proposals_waiting_max;
  }

  // Proposes what the holder has places for, all of it. False while too many proposals wait.
  bool Propose(Gang* gang) {
    const Places places = gangs_.places();
    if (!HasRoomFor(places)) return false;
    for (const auto& [id, counts] : places) gangs_.Unplace(id);
    gangs_.EndHold();
    Emit(gang, places);
    return true;
  }

  // What is set aside becomes proposals.
  void Emit(Gang* gang, const Places& places) {
    GangProposal proposal{gang->state.key, gang->state.role, context_.version, {}};
    for (const auto& [id, counts] : places) {
      Agent* const agent = mirror_.FindAgent(id);
      Client* const client = agent->aside->client;
      Resources resources = agent->aside->resources;
      mirror_.GiveBack(agent);
      const uint64_t proposal_id = (*context_.next_id)++;
      proposal.parts.push_back({proposal_id, id, resources});
      mirror_.Propose(proposal_id, agent, client, std::move(resources), context_.now, gang->serial);
    }
    gangs_.OnProposed(gang);
    emit_(std::move(proposal));
  }

  Books& books_;
  Mirror& mirror_;
  Gangs& gangs_;
  const RunContext& context_;
  const absl::FunctionRef<void(GangProposal)> emit_;
};

std::string Describe(const Books& books, const Options& options, absl::Time now,
                     const Client& client, const Gang& gang) {
  std::string text =
      absl::StrCat("gang ", gang.state.key.id, " of ", gang.bundle_count(), " bundles waits until ",
                   absl::FormatTime(gang.deadline, absl::UTCTimeZone()), ": ");
  if (gang.phase == GangPhase::kProposed) return absl::StrCat(text, "it is being offered");
  const Fitter fitter(books, options, gang, client);
  const size_t free = fitter.CountFitting(Fitter::On::kFree);
  if (&gang == books.gangs.holder()) {
    const BundleCounts& missing = books.gangs.missing();
    const size_t lacking = std::accumulate(missing.begin(), missing.end(), size_t{0});
    return absl::StrCat(text, gang.bundle_count() - lacking,
                        " have a place that is set aside, at most for another ",
                        absl::FormatDuration(*gang.hold_until - now));
  }
  absl::StrAppend(&text, free, " would fit on what is free now, quota and refusals aside");
  if (fitter.CountFitting(Fitter::On::kEmptyCluster) < gang.bundle_count()) {
    absl::StrAppend(&text, "; it is larger than the cluster");
  } else if (gang.hold_until) {
    absl::StrAppend(&text, "; its turn to have resources set aside is over");
  }
  return text;
}

}  // namespace

void ProposeGangs(Books* books, const RunContext& context, const std::vector<Agent*>& marked,
                  bool batch, absl::FunctionRef<void(GangProposal)> emit) {
  if (!books->gangs.empty()) GangStage(books, context, emit).Run(marked, batch);
}

std::vector<std::string> DescribeGangs(const Books& books, const Options& options, absl::Time now,
                                       const Client& client) {
  std::vector<std::string> lines;
  for (const auto& [serial, gang] : books.gangs.all()) {
    if (gang.state.key.framework != client.framework_id) continue;
    if (gang.state.role != client.role->name()) continue;
    lines.push_back(Describe(books, options, now, client, gang));
  }
  return lines;
}

}  // namespace meros::allocator

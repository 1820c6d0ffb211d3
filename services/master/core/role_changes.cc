#include "services/master/core/role_changes.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/resources/roles.h"
#include "services/master/core/role_rules.h"

namespace meros::master {
namespace {

using resources::ResourceQuantities;
using Plan = std::vector<RoleConfigRef>;

absl::Status CheckVersion(const RoleConfig& present, const RoleChange& change) {
  if (!change.version.has_value() || *change.version == present.version) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(
      "role ", change.role, " has changed: the change is based on version ", *change.version,
      ", and it has version ", present.version, "; look at it again"));
}

RoleConfig Changed(const RoleConfig& present, const RoleChange& change) {
  RoleConfig result = present;
  result.quota = change.quota.value_or(present.quota);
  result.weight = change.weight.value_or(present.weight);
  result.policy.priority = change.priority.value_or(present.policy.priority);
  result.policy.preemptible = change.preemptible.value_or(present.policy.preemptible);
  result.policy.placement = change.placement.value_or(present.policy.placement);
  result.policy.sorter = change.sorter.value_or(present.policy.sorter);
  result.policy.offer_max = change.offer_max.value_or(present.policy.offer_max);
  result.policy.min_allocatable = change.min_allocatable.value_or(present.policy.min_allocatable);
  result.policy.offer_timeout = change.offer_timeout.value_or(present.policy.offer_timeout);
  result.policy.max_offers_in_flight =
      change.max_offers_in_flight.value_or(present.policy.max_offers_in_flight);
  result.policy.offer_split = change.offer_split.value_or(present.policy.offer_split);
  return result;
}

// What the change leaves of the roles that it changes, or why it may not be.
absl::StatusOr<Plan> PlanOf(Transaction* tx, const PendingRoleChange& pending) {
  RoleBook& book = tx->books().roles;
  RoleBook::Map after = book.all();
  Plan plan;
  for (const RoleChange& change : pending.changes) {
    const RoleConfigRef present = book.Get(change.role);
    const absl::Status version = CheckVersion(*present, change);
    if (!version.ok()) return version;
    RoleConfig changed = Changed(*present, change);
    if (changed.quota == present->quota && changed.weight == present->weight &&
        changed.policy == present->policy) {
      continue;
    }
    changed.version = book.NextVersion(tx->epoch());
    plan.push_back(std::make_shared<const RoleConfig>(std::move(changed)));
    if (plan.back()->is_default()) {
      after.erase(change.role);
    } else {
      after[change.role] = plan.back();
    }
  }
  const size_t most = tx->options().max_role_configs;
  if (after.size() > most && after.size() > book.all().size()) {
    return absl::ResourceExhaustedError(absl::StrCat("something would be set of ", after.size(),
                                                     " roles, at most ", most, " are kept"));
  }
  absl::Status status = CheckTree(after);
  if (status.ok() && !pending.force) {
    status = CheckAgainstCluster({tx->books().agents, tx->books().frameworks}, book.all(), after);
  }
  if (!status.ok()) return status;
  return plan;
}

// Answers the oldest change; it is over.
void Finish(Transaction* tx, const absl::Status& status) {
  std::deque<PendingRoleChange>& pending = tx->books().roles.pending();
  const PendingRoleChange change = std::move(pending.front());
  pending.pop_front();
  tx->books().operator_requests.Record(change.request_id, status, tx->now());
  for (uint64_t call : change.calls) tx->Answer(call, status);
}

// Writes the oldest change that the rules allow.
void WriteNext(Transaction* tx) {
  std::deque<PendingRoleChange>& pending = tx->books().roles.pending();
  while (!pending.empty()) {
    absl::StatusOr<Plan> plan = PlanOf(tx, pending.front());
    if (!plan.ok() || plan->empty()) {
      Finish(tx, plan.status());
      continue;
    }
    pending.front().planned = *plan;
    return tx->Write("roles", PutRolesRecord{*std::move(plan)}, RolesAfter{});
  }
}

// ---- Offers ----

bool IsWithin(const std::string& role, const std::string& ancestor) {
  return role == ancestor || resources::IsAncestorRole(ancestor, role);
}

bool HoldsAnyOf(const ResourceQuantities& held, const ResourceQuantities& wanted) {
  for (const auto& [name, amount] : wanted) {
    if (held.Get(name).is_positive()) return true;
  }
  return false;
}

void TakeBack(Transaction* tx, uint64_t sequence) {
  tx->EndOffer(*tx->books().offers.Find(sequence), Rescind::kTellFramework, absl::ZeroDuration());
  tx->Add(Count::kOffersRescindedForQuota);
}

// Takes back the newest offers of the role until what it uses and is offered is within its limits.
void RescindAboveLimit(Transaction* tx, const RoleConfig& config) {
  if (config.quota.limits.empty()) return;
  RoleUsage usage = UsageOf(tx->books().frameworks, config.role);
  const auto excess = [&] {
    ResourceQuantities above;
    for (const auto& [name, limit] : config.quota.limits) {
      const resources::Scalar more = usage.used.Get(name) + usage.offered.Get(name) - limit;
      if (more.is_positive()) above.Add(name, more);
    }
    return above;
  };
  std::vector<OfferRef> offers;
  for (const auto& [sequence, offer] : tx->books().offers.all()) {
    if (IsWithin(offer->role, config.role)) offers.push_back(offer);
  }
  for (auto it = offers.rbegin(); it != offers.rend(); ++it) {
    const ResourceQuantities above = excess();
    if (above.empty()) return;
    const ResourceQuantities held = (*it)->resources.Quantities();
    if (!HoldsAnyOf(held, above)) continue;
    usage.offered -= held;
    TakeBack(tx, (*it)->sequence);
  }
}

// Takes back the oldest offers of other roles until what the guarantee lacks is free. Roles with a
// guarantee of their own keep theirs.
void RescindForGuarantee(Transaction* tx, const RoleConfig& config) {
  const RoleUsage usage = UsageOf(tx->books().frameworks, config.role);
  ResourceQuantities lacking = config.quota.guarantees - (usage.used + usage.offered);
  for (const auto& [sequence, agent] : tx->books().agents.all()) {
    if (lacking.empty()) return;
    if (agent->is_active()) lacking -= agent->record.Free().ScalarQuantities();
  }
  const auto is_guaranteed = [&](const std::string& role) {
    for (const auto& [name, other] : tx->books().roles.all()) {
      if (!other->quota.guarantees.empty() && IsWithin(role, name)) return true;
    }
    return false;
  };
  std::vector<OfferRef> offers;
  for (const auto& [sequence, offer] : tx->books().offers.all()) {
    if (!is_guaranteed(offer->role)) offers.push_back(offer);
  }
  for (const OfferRef& offer : offers) {
    if (lacking.empty()) return;
    const ResourceQuantities held = offer->resources.ScalarQuantities();
    if (!HoldsAnyOf(held, lacking)) continue;
    lacking -= held;
    TakeBack(tx, offer->sequence);
  }
}

// ---- What is in force ----

void TellDifference(Transaction* tx, const RoleConfig& before, const RoleConfig& after) {
  if (before.weight != after.weight) tx->TellAllocator(WeightDelta{after.role, after.weight});
  if (before.quota != after.quota) tx->TellAllocator(QuotaDelta{after.role, after.quota});
  if (before.policy != after.policy) tx->TellAllocator(RolePolicyDelta{after.role, after.policy});
}

void Apply(Transaction* tx, const Plan& plan) {
  RoleBook& book = tx->books().roles;
  std::vector<RoleConfigRef> new_quotas;
  for (const RoleConfigRef& config : plan) {
    const RoleConfigRef before = book.Get(config->role);
    book.Put(config);
    TellDifference(tx, *before, *config);
    tx->PublishRole(config);
    tx->Add(Count::kRoleChanges);
    if (before->quota != config->quota) new_quotas.push_back(config);
    if (before->quota.limits != config->quota.limits) {
      tx->books().limits_version = tx->books().allocator_version;
    }
  }
  for (const RoleConfigRef& config : new_quotas) RescindAboveLimit(tx, *config);
  for (const RoleConfigRef& config : new_quotas) RescindForGuarantee(tx, *config);
}

}  // namespace

void HandleUpdateRoles(Transaction* tx, OperatorUpdateRoles call) {
  RequestLog& requests = tx->books().operator_requests;
  if (const absl::Status* first = requests.Find(call.request_id, tx->now())) {
    tx->Add(Count::kRepeatedRequests);
    return tx->Answer(call.call, *first);
  }
  std::deque<PendingRoleChange>& pending = tx->books().roles.pending();
  for (PendingRoleChange& other : pending) {
    if (call.request_id.empty() || other.request_id != call.request_id) continue;
    tx->Add(Count::kRepeatedRequests);
    other.calls.push_back(call.call);
    return;
  }
  for (const RoleChange& change : call.changes) {
    if (tx->options().AllowsRole(change.role)) continue;
    return tx->Answer(call.call, absl::InvalidArgumentError(absl::StrCat(
                                     "role: '", change.role, "' is not one of --roles")));
  }
  if (pending.size() >= tx->options().max_pending_role_changes) {
    return tx->Answer(call.call, absl::ResourceExhaustedError(absl::StrCat(
                                     pending.size(), " changes of roles wait for the registry")));
  }
  pending.push_back(
      {{call.call}, std::move(call.request_id), std::move(call.changes), call.force, {}});
  if (pending.size() == 1) WriteNext(tx);
}

void AfterRolesWritten(Transaction* tx, const absl::Status& status) {
  std::deque<PendingRoleChange>& pending = tx->books().roles.pending();
  MEROS_CHECK(!pending.empty() && !pending.front().planned.empty());
  if (status.ok()) {
    Apply(tx, pending.front().planned);
    Finish(tx, absl::OkStatus());
  } else {
    Finish(tx, absl::InternalError(absl::StrCat("the registry refused it: ", status.message())));
  }
  WriteNext(tx);
}

void AbandonRoleChanges(Transaction* tx) {
  for (const PendingRoleChange& change : tx->books().roles.pending()) {
    for (uint64_t call : change.calls) {
      tx->Answer(call, absl::UnavailableError("the master lost leadership before the change was "
                                              "known to be durable; look whether it is in force"));
    }
  }
}

void SendRoles(Transaction* tx) {
  const RoleConfig none;
  for (const auto& [role, config] : tx->books().roles.all()) {
    if (config->weight != none.weight) tx->SendAllocator(WeightDelta{role, config->weight});
    if (config->quota != none.quota) tx->SendAllocator(QuotaDelta{role, config->quota});
    if (config->policy != none.policy) tx->SendAllocator(RolePolicyDelta{role, config->policy});
  }
}

void RecoverRole(Transaction* tx, RoleConfigRef config) {
  tx->books().roles.SawVersion(config->version);
  tx->books().roles.Put(config);
  tx->PublishRole(std::move(config));
}

}  // namespace meros::master

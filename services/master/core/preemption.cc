#include "services/master/core/preemption.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "libs/resources/roles.h"
#include "services/master/core/scheduler_calls.h"

namespace meros::master {
namespace {

using resources::ResourceQuantities;

bool IsWithin(absl::string_view role, absl::string_view ancestor) {
  return role == ancestor || resources::IsAncestorRole(ancestor, role);
}

// What killing or rescinding gives to others: reservations stay with their role.
ResourceQuantities GivenBack(const resources::Resources& held) {
  return held.Unreserved().NonRevocable().ScalarQuantities();
}

ResourceQuantities Smaller(const ResourceQuantities& a, const ResourceQuantities& b) {
  return a - (a - b);
}

bool HoldsSomeOf(const ResourceQuantities& held, const ResourceQuantities& wanted) {
  return !Smaller(held, wanted).empty();
}

// ---- What is set of roles ----

const RoleConfig* FindConfig(const RoleBook& roles, absl::string_view role) {
  auto it = roles.all().find(role);
  return it == roles.all().end() ? nullptr : it->second.get();
}

bool IsPreemptible(const RoleBook& roles, absl::string_view role) {
  for (absl::string_view up = role; !up.empty(); up = resources::ParentRole(up)) {
    const RoleConfig* config = FindConfig(roles, up);
    if (config != nullptr && config->policy.preemptible) return true;
  }
  return false;
}

// The priority that counts between two roles: that of the ancestors in which their paths part.
int32_t PriorityAgainst(const RoleBook& roles, absl::string_view role, absl::string_view other) {
  absl::string_view node = role;
  while (!resources::ParentRole(node).empty() && !IsWithin(other, resources::ParentRole(node))) {
    node = resources::ParentRole(node);
  }
  const RoleConfig* config = FindConfig(roles, node);
  return config == nullptr ? 0 : config->policy.priority;
}

// ---- What roles have ----

// What roles keep once everything that is being killed has gone, and what is on its way to them.
class Balance {
 public:
  explicit Balance(const Books& books) : books_(books) {
    for (const auto& [sequence, framework] : books.frameworks.all()) {
      for (const auto& [role, usage] : framework->usage) {
        Add(&kept_, role, usage.used + usage.offered);
      }
    }
    for (const auto& [sequence, agent] : books.agents.all()) {
      if (!agent->is_live()) continue;
      for (const auto& [role, reserved] : agent->record.Free().ReservationsByRole()) {
        Add(&kept_, role, reserved.ScalarQuantities());
      }
      CountKills(*agent);
    }
  }

  // Guaranteed to the very role, not consumed by it, and not on its way to it.
  ResourceQuantities Lacking(const std::string& role) const {
    const RoleConfig* config = FindConfig(books_.roles, role);
    if (config == nullptr) return {};
    ResourceQuantities lacking = config->quota.guarantees;
    if (auto kept = kept_.find(role); kept != kept_.end()) lacking -= kept->second;
    if (auto coming = coming_.find(role); coming != coming_.end()) lacking -= coming->second;
    return lacking;
  }

  // The role, or the one above it, that `amount` would take below its guarantee; empty if none.
  std::string Robbed(const std::string& role, const ResourceQuantities& amount) const {
    for (absl::string_view up = role; !up.empty(); up = resources::ParentRole(up)) {
      const RoleConfig* config = FindConfig(books_.roles, up);
      if (config == nullptr) continue;
      auto kept = kept_.find(up);
      for (const auto& [name, guaranteed] : config->quota.guarantees) {
        if (amount.Get(name).is_zero()) continue;
        if (kept == kept_.end() || kept->second.Get(name) < guaranteed + amount.Get(name)) {
          return std::string(up);
        }
      }
    }
    return "";
  }

  void Take(const std::string& role, const ResourceQuantities& amount,
            const std::string& for_role) {
    Subtract(&kept_, role, amount);
    Add(&coming_, for_role, amount);
  }

 private:
  // By role, with all roles below it.
  using Sums = absl::btree_map<std::string, ResourceQuantities>;

  static void Add(Sums* sums, absl::string_view role, const ResourceQuantities& amount) {
    for (absl::string_view up = role; !up.empty(); up = resources::ParentRole(up)) {
      (*sums)[std::string(up)] += amount;
    }
  }
  static void Subtract(Sums* sums, absl::string_view role, const ResourceQuantities& amount) {
    for (absl::string_view up = role; !up.empty(); up = resources::ParentRole(up)) {
      (*sums)[std::string(up)] -= amount;
    }
  }

  void CountKills(const Agent& agent) {
    for (const auto& [key, kill] : agent.pending_kills) {
      const Framework* framework = books_.frameworks.Find(key.first);
      if (framework == nullptr) continue;
      const Task* task = framework->FindTask(key.second);
      if (task == nullptr || !task->holds_resources) continue;
      const ResourceQuantities amount = GivenBack(task->resources());
      Subtract(&kept_, task->role(), amount);
      if (!kill.preempted_for.empty()) Add(&coming_, kill.preempted_for, amount);
    }
  }

  const Books& books_;
  Sums kept_;
  Sums coming_;
};

// ---- One proposal ----

absl::Status CheckRoles(const RoleBook& roles, const PreemptionProposal& proposal) {
  if (!IsPreemptible(roles, proposal.role)) {
    return absl::FailedPreconditionError(
        absl::StrCat("role ", proposal.role, " is not preemptible"));
  }
  if (IsWithin(proposal.role, proposal.for_role)) {
    return absl::FailedPreconditionError(
        absl::StrCat("role ", proposal.role, " is within ", proposal.for_role));
  }
  const int32_t victim = PriorityAgainst(roles, proposal.role, proposal.for_role);
  const int32_t needy = PriorityAgainst(roles, proposal.for_role, proposal.role);
  if (victim > needy) {
    return absl::FailedPreconditionError(absl::StrCat("role ", proposal.role, " has priority ",
                                                      victim, ", ", proposal.for_role, " ", needy));
  }
  return absl::OkStatus();
}

bool IsGoing(const Agent& agent, const Task& task) {
  return task.state == v1::TASK_KILLING ||
         agent.pending_kills.contains({task.framework_id(), task.id()});
}

class Victim {
 public:
  Victim(Transaction* tx, Balance* balance, const PreemptionProposal& proposal, const Agent& agent)
      : tx_(*tx), balance_(*balance), proposal_(proposal), agent_(agent) {}

  // What the proposal asks for and is not on its way already.
  ResourceQuantities Remaining() const {
    ResourceQuantities remaining = proposal_.amount;
    for (const auto& [sequence, task] : agent_.tasks) {
      if (IsOurs(*task) && IsGoing(agent_, *task)) remaining -= GivenBack(task->resources());
    }
    return remaining;
  }

  // Takes back offers, the newest first, until `wanted` is free.
  void TakeOffers(ResourceQuantities* wanted) {
    const std::vector<uint64_t> offers(agent_.offers.rbegin(), agent_.offers.rend());
    for (uint64_t sequence : offers) {
      const Offer& offer = *tx_.books().offers.Find(sequence);
      if (offer.framework_id != proposal_.framework_id || offer.role != proposal_.role) continue;
      const ResourceQuantities amount = GivenBack(offer.resources);
      if (!HoldsSomeOf(amount, *wanted) || !MaySpare(amount)) continue;
      *wanted -= amount;
      Take(TaskId(), amount);
      tx_.EndOffer(offer, Rescind::kTellFramework, absl::ZeroDuration());
    }
  }

  // Kills tasks until `wanted` is on its way.
  void KillTasks(ResourceQuantities* wanted) {
    for (const Task* task : Choose(*wanted)) {
      const ResourceQuantities amount = GivenBack(task->resources());
      *wanted -= amount;
      Take(task->id(), amount);
      PreemptTask(&tx_, *task, proposal_.for_role);
    }
  }

  // Why nothing could be taken.
  absl::Status NothingTaken() const {
    if (!robbed_.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("role ", robbed_, " would fall below its guarantee"));
    }
    return absl::FailedPreconditionError("it holds nothing of that there");
  }

 private:
  bool IsOurs(const Task& task) const {
    return task.framework_id() == proposal_.framework_id && task.role() == proposal_.role &&
           task.holds_resources;
  }
  bool MaySpare(const ResourceQuantities& amount) {
    std::string robbed = balance_.Robbed(proposal_.role, amount);
    const bool may = robbed.empty();
    if (!may) robbed_ = std::move(robbed);
    return may;
  }
  void Take(const TaskId& task, const ResourceQuantities& amount) {
    balance_.Take(proposal_.role, amount, proposal_.for_role);
    tx_.Report(Preempted{proposal_.framework_id, proposal_.role, agent_.record.id, task, amount,
                         proposal_.for_role});
  }

  // Enough of its tasks for `wanted`, if there are: those that have run for the shortest time, and
  // none that the others make superfluous.
  std::vector<const Task*> Choose(const ResourceQuantities& wanted) {
    std::vector<const Task*> chosen;
    ResourceQuantities sum;
    for (auto it = agent_.tasks.rbegin(); it != agent_.tasks.rend(); ++it) {
      const Task& task = *it->second;
      if (sum.Contains(wanted)) break;
      if (!IsOurs(task) || IsGoing(agent_, task)) continue;
      const ResourceQuantities amount = GivenBack(task.resources());
      if (!HoldsSomeOf(amount, wanted - sum) || !MaySpare(sum + amount)) continue;
      sum += amount;
      chosen.push_back(&task);
    }
    for (size_t i = chosen.size(); i-- > 0;) {  // the oldest is spared first
      const ResourceQuantities rest = sum - GivenBack(chosen[i]->resources());
      if (Smaller(rest, wanted) != Smaller(sum, wanted)) continue;
      sum = rest;
      chosen.erase(chosen.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return chosen;
  }

  Transaction& tx_;
  Balance& balance_;
  const PreemptionProposal& proposal_;
  const Agent& agent_;
  std::string robbed_;  // the guarantee that something was left for
};

absl::Status Preempt(Transaction* tx, Balance* balance, const PreemptionProposal& proposal) {
  if (!proposal.fault.ok()) return proposal.fault;
  const absl::Status roles = CheckRoles(tx->books().roles, proposal);
  if (!roles.ok()) return roles;
  const Agent* agent = tx->books().agents.Find(proposal.agent_id);
  if (agent == nullptr || !agent->is_active()) {
    return absl::FailedPreconditionError("the agent is unknown or has no session");
  }
  Victim victim(tx, balance, proposal, *agent);
  const ResourceQuantities remaining = victim.Remaining();
  if (remaining.empty()) return absl::OkStatus();
  const ResourceQuantities wanted = Smaller(remaining, balance->Lacking(proposal.for_role));
  if (wanted.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the guarantee of role ", proposal.for_role, " lacks nothing of that"));
  }
  ResourceQuantities left = wanted;
  victim.TakeOffers(&left);
  if (!left.empty()) victim.KillTasks(&left);
  return left == wanted ? victim.NothingTaken() : absl::OkStatus();
}

}  // namespace

void HandlePreemptions(Transaction* tx, const AllocatorPreemptions& message) {
  if (tx->books().allocator_stream != message.stream) return;
  Balance balance(tx->books());
  for (const PreemptionProposal& proposal : message.proposals) {
    absl::Status status = Preempt(tx, &balance, proposal);
    if (status.ok()) continue;
    tx->Report(PreemptionRefused{proposal.framework_id, proposal.role, proposal.agent_id,
                                 proposal.for_role, std::move(status)});
  }
}

}  // namespace meros::master

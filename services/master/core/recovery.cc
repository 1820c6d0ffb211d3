#include "services/master/core/recovery.h"

#include <algorithm>
#include <utility>

#include "services/master/core/forgotten_agents.h"
#include "services/master/core/maintenance_changes.h"
#include "services/master/core/role_changes.h"

namespace meros::master {
namespace {

using AgentEntry = RegistrySnapshot::AgentEntry;

AgentState StateOf(AgentEntry::State state) {
  switch (state) {
    case AgentEntry::State::kAdmitted: return AgentState::kRecovered;
    case AgentEntry::State::kUnreachable: return AgentState::kUnreachable;
    case AgentEntry::State::kGone: return AgentState::kGone;
  }
  return AgentState::kGone;
}

void RecoverAgent(Transaction* tx, AgentEntry entry) {
  AgentRecord record;
  record.id = entry.id;
  record.state = StateOf(entry.state);
  record.info = std::move(entry.info);
  record.registration_key = std::move(entry.registration_key);
  record.unreachable_since = entry.unreachable_since;
  record.ip = std::move(entry.ip);
  record.version = std::move(entry.version);
  record.capabilities = entry.capabilities;
  record.orders = entry.orders;
  if (entry.orders.drain == AgentOrders::Drain::kAsked) {
    tx->books().timers.Arm(entry.orders.delay_until, DrainTimer{entry.id});
  }
  Agent* agent = tx->AddAgent(std::move(record));
  agent->planned = entry.orders;
  if (entry.state == AgentEntry::State::kUnreachable) NoteUnreachable(tx, *agent);
  if (entry.state == AgentEntry::State::kAdmitted) {
    ++tx->books().agents_to_recover;
    tx->books().timers.Arm(tx->now() + tx->options().agent_reregister_timeout,
                           RecoveredAgentTimer{entry.id});
  }
}

void RecoverFramework(Transaction* tx, RegistrySnapshot::FrameworkEntry entry) {
  if (entry.removed) return tx->books().frameworks.AddRemoved(entry.id);
  FrameworkRecord record;
  record.id = std::move(entry.id);
  record.state = FrameworkState::kRecovered;
  record.subscription = std::move(entry.subscription);
  record.registered = std::min(entry.registered, tx->now());
  // While there was no leader nobody could come back.
  record.failover_deadline =
      std::max(entry.failover_deadline, tx->now() + tx->options().agent_unreachable_timeout);
  if (entry.failover_deadline == absl::InfiniteFuture()) {
    record.failover_deadline = tx->now() + std::max(record.subscription.failover_timeout,
                                                    tx->options().RecoveredFrameworkGrace());
  }
  tx->AddFramework(std::move(record));
}

}  // namespace

void RecoverBooks(Transaction* tx, RegistrySnapshot snapshot) {
  // What is dropped first when there is too much of it comes in the order of its age.
  std::stable_sort(snapshot.agents.begin(), snapshot.agents.end(),
                   [](const AgentEntry& a, const AgentEntry& b) {
                     return a.unreachable_since < b.unreachable_since;
                   });
  std::stable_sort(snapshot.frameworks.begin(), snapshot.frameworks.end(),
                   [](const auto& a, const auto& b) { return a.removed_at < b.removed_at; });
  if (snapshot.maintenance != nullptr) RecoverMaintenance(tx, std::move(snapshot.maintenance));
  for (RoleConfigRef& config : snapshot.roles) RecoverRole(tx, std::move(config));
  for (AgentEntry& entry : snapshot.agents) RecoverAgent(tx, std::move(entry));
  for (RegistrySnapshot::FrameworkEntry& entry : snapshot.frameworks) {
    RecoverFramework(tx, std::move(entry));
  }
  ForgetUnreachable(tx);
}

}  // namespace meros::master

#include "services/master/core/maintenance_changes.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "services/master/core/agent_sessions.h"

namespace meros::master {
namespace {

using Kind = OperatorMaintenance::Kind;

constexpr char kDown[] = "its machine is down for maintenance";

absl::StatusOr<MaintenanceRef> PlanOf(const MaintenancePlan& present,
                                      const OperatorMaintenance& change) {
  switch (change.kind) {
    case Kind::kSchedule:
      return Reschedule(present, change.windows);
    case Kind::kStart:
      return BringDown(present, change.machines);
    case Kind::kStop:
      return BringUp(present, change.machines);
  }
  return absl::InternalError("no such change");
}

// Answers the oldest change; it is over.
void Finish(Transaction* tx, const absl::Status& status) {
  MaintenanceBook& book = tx->books().maintenance;
  const PendingMaintenance pending = std::move(book.pending.front());
  book.pending.pop_front();
  tx->books().operator_requests.Record(pending.change.request_id, status, tx->now());
  for (uint64_t call : pending.calls) tx->Answer(call, status);
}

// Writes the oldest change that the rules allow.
void WriteNext(Transaction* tx) {
  MaintenanceBook& book = tx->books().maintenance;
  while (!book.pending.empty()) {
    PendingMaintenance& first = book.pending.front();
    absl::StatusOr<MaintenanceRef> plan = PlanOf(*book.plan, first.change);
    // Posting the same schedule again changes nothing.
    const bool is_same = plan.ok() && (*plan)->windows() == book.plan->windows() &&
                         (*plan)->Down() == book.plan->Down();
    if (!plan.ok() || is_same) {
      Finish(tx, plan.status());
      continue;
    }
    first.planned = *std::move(plan);
    return tx->Write("maintenance", PutMaintenanceRecord{book.plan, first.planned},
                     MaintenanceAfter{});
  }
}

void PutInForce(Transaction* tx, MaintenanceRef plan) {
  tx->books().maintenance.plan = plan;
  tx->PublishMaintenance(std::move(plan));
  tx->Add(Count::kMaintenanceChanges);
  for (const auto& [sequence, agent] : tx->books().agents.all()) {
    tx->RefreshMaintenance(agent.get());
    SendAwayIfDown(tx, agent.get());
  }
}

}  // namespace

void HandleMaintenance(Transaction* tx, OperatorMaintenance call) {
  RequestLog& requests = tx->books().operator_requests;
  if (const absl::Status* first = requests.Find(call.request_id, tx->now())) {
    tx->Add(Count::kRepeatedRequests);
    return tx->Answer(call.call, *first);
  }
  std::deque<PendingMaintenance>& pending = tx->books().maintenance.pending;
  for (PendingMaintenance& other : pending) {
    if (call.request_id.empty() || other.change.request_id != call.request_id) continue;
    tx->Add(Count::kRepeatedRequests);
    other.calls.push_back(call.call);
    return;
  }
  if (pending.size() >= tx->options().max_pending_maintenance) {
    return tx->Answer(call.call,
                      absl::ResourceExhaustedError(absl::StrCat(
                          pending.size(), " changes of maintenance wait for the registry")));
  }
  const uint64_t waiting = call.call;
  pending.push_back({.change = std::move(call), .calls = {waiting}, .planned = nullptr});
  if (pending.size() == 1) WriteNext(tx);
}

void AfterMaintenanceWritten(Transaction* tx, const absl::Status& status) {
  std::deque<PendingMaintenance>& pending = tx->books().maintenance.pending;
  MEROS_CHECK(!pending.empty() && pending.front().planned != nullptr);
  if (status.ok()) {
    PutInForce(tx, pending.front().planned);
    Finish(tx, absl::OkStatus());
  } else {
    Finish(tx, absl::InternalError(absl::StrCat("the registry refused it: ", status.message())));
  }
  WriteNext(tx);
}

void AbandonMaintenance(Transaction* tx) {
  for (const PendingMaintenance& pending : tx->books().maintenance.pending) {
    for (uint64_t call : pending.calls) {
      tx->Answer(call, absl::UnavailableError("the master lost leadership before the change was "
                                              "known to be durable; look whether it is in force"));
    }
  }
}

void RecoverMaintenance(Transaction* tx, MaintenanceRef plan) {
  MEROS_CHECK(tx->books().agents.size() == 0);
  tx->books().maintenance.plan = plan;
  tx->PublishMaintenance(std::move(plan));
}

bool RefuseIfDown(Transaction* tx, StreamId stream, const AgentDescription& agent) {
  const MaintenancePlan::Machine* machine =
      tx->books().maintenance.plan->Find(agent.info->hostname(), agent.ip);
  if (machine == nullptr || !machine->is_down) return false;
  tx->Send(stream, ShutdownMessage{kDown});
  tx->Close(stream, absl::FailedPreconditionError(kDown));
  tx->Add(Count::kAgentsRefusedDown);
  return true;
}

void SendAwayIfDown(Transaction* tx, Agent* agent) {
  const AgentRecord& record = agent->record;
  const MaintenancePlan::Machine* machine =
      tx->books().maintenance.plan->Find(record.info->hostname(), record.ip);
  if (machine == nullptr || !machine->is_down || agent->is_going) return;
  // In other states it is sent away or refused when it comes.
  if (!agent->is_active() && record.state != AgentState::kDisconnected) return;
  tx->EndOffersOf(agent);
  tx->Tell(*agent, ShutdownMessage{kDown});
  tx->SetAgentState(agent, AgentState::kRemoving);
  tx->Write(ObjectKey(record.id), RemoveAgentRecord{record.id},
            RemoveAgentAfter{record.id, kDown, Leaving::kForMaintenance});
}

}  // namespace meros::master

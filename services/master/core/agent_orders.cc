#include "services/master/core/agent_orders.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "services/master/core/agent_sessions.h"

namespace meros::master {
namespace {

using Kind = OperatorAgentOrder::Kind;
using Cause = PendingAgentOrder::Cause;

// What the order makes of the agent.
struct Plan {
  enum class Step { kNothing, kChangeOrders, kMarkGone };
  Step step = Step::kNothing;
  AgentOrders orders;
};

Plan Change(AgentOrders orders) { return {Plan::Step::kChangeOrders, std::move(orders)}; }

absl::StatusOr<Plan> PlanGone(Transaction* tx) {
  const auto& agents = tx->books().agents.all();
  const size_t gone = std::count_if(agents.begin(), agents.end(), [](const auto& entry) {
    return entry.second->record.state == AgentState::kGone;
  });
  if (gone < tx->options().max_gone_agents) return Plan{Plan::Step::kMarkGone, {}};
  return absl::ResourceExhaustedError(
      absl::StrCat(gone, " agents are gone, and more are not kept"));
}

// An agent that is away may come back with other software.
absl::Status CheckDrains(const Agent& agent) {
  using Capability = v1::AgentInfo::Capability;
  if (!agent.is_live() || agent.record.capabilities.Has(Capability::AGENT_DRAINING)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "agent ", agent.record.id.value(), " does not drain itself (capability AGENT_DRAINING)"));
}

// A drain of the same kind that has begun or is over already stays so.
Plan PlanDrain(const AgentOrders& present, const OperatorAgentOrder& order, absl::Time now) {
  AgentOrders after;
  after.deactivated = true;
  after.drain = AgentOrders::Drain::kDraining;
  after.max_grace = order.max_grace;
  after.mark_gone = order.mark_gone;
  after.ordered = present.ordered;
  AgentOrders over = after;
  over.drain = AgentOrders::Drain::kDrained;
  if (present == after || present == over) return {};
  after.ordered = now;
  if (order.max_delay > absl::ZeroDuration()) {
    after.drain = AgentOrders::Drain::kAsked;
    after.delay_until = now + order.max_delay;
  }
  return Change(std::move(after));
}

// Whether every framework that holds something on the agent agrees to its drain. What is there is
// known only while it is connected.
bool AllAgree(const Agent& agent) {
  if (!agent.is_active()) return false;
  const auto agrees = [&](const FrameworkId& framework_id) {
    const auto answer = agent.record.answers.find(framework_id);
    return answer != agent.record.answers.end() &&
           answer->second.kind == InverseAnswer::Kind::kAccepted;
  };
  return std::all_of(agent.tasks.begin(), agent.tasks.end(),
                     [&](const auto& entry) {
                       const Task& task = *entry.second;
                       return !task.holds_resources || agrees(task.framework_id());
                     }) &&
         std::all_of(agent.executors.begin(), agent.executors.end(),
                     [&](const auto& entry) { return agrees(entry.first.first); });
}

bool MayBegin(const Agent& agent, absl::Time now) {
  const AgentOrders& orders = agent.record.orders;
  return orders.drain == AgentOrders::Drain::kAsked &&
         (orders.delay_until <= now || AllAgree(agent));
}

Plan PlanBeginning(const Agent& agent, absl::Time now) {
  if (!MayBegin(agent, now)) return {};  // meanwhile cancelled or put off
  AgentOrders after = agent.record.orders;
  after.drain = AgentOrders::Drain::kDraining;
  after.delay_until = absl::InfinitePast();
  return Change(std::move(after));
}

absl::StatusOr<Plan> PlanEmptied(Transaction* tx, const Agent& agent) {
  const AgentOrders& present = agent.record.orders;
  // Meanwhile cancelled, or tasks came back with the agent.
  if (!present.must_empty() || !agent.is_empty()) return Plan{};
  if (present.mark_gone) {
    absl::StatusOr<Plan> gone = PlanGone(tx);
    if (gone.ok()) return gone;
  }
  AgentOrders after = present;
  after.drain = AgentOrders::Drain::kDrained;
  after.delay_until = absl::InfinitePast();
  return Change(std::move(after));
}

absl::StatusOr<Plan> PlanOf(Transaction* tx, const Agent* agent, const PendingAgentOrder& pending) {
  const std::string& id = pending.order.agent_id.value();
  if (agent == nullptr || agent->record.state == AgentState::kAdmitting) {
    return absl::NotFoundError(absl::StrCat("no agent ", id));
  }
  if (agent->record.state == AgentState::kRemoving) {
    return absl::FailedPreconditionError(absl::StrCat("agent ", id, " is being removed"));
  }
  if (agent->record.state == AgentState::kGone) {
    if (pending.order.kind == Kind::kMarkGone) return Plan{};
    return absl::FailedPreconditionError(absl::StrCat("agent ", id, " is gone for good"));
  }
  if (pending.cause == Cause::kEmpty) return PlanEmptied(tx, *agent);
  if (pending.cause == Cause::kMayBegin) return PlanBeginning(*agent, tx->now());
  const AgentOrders& present = agent->record.orders;
  switch (pending.order.kind) {
    case Kind::kMarkGone: return PlanGone(tx);
    case Kind::kDrain: {
      if (absl::Status status = CheckDrains(*agent); !status.ok()) return status;
      return PlanDrain(present, pending.order, tx->now());
    }
    case Kind::kDeactivate: {
      if (present.deactivated) return Plan{};
      AgentOrders after;
      after.deactivated = true;
      return Change(std::move(after));
    }
    case Kind::kReactivate:
      if (present.deactivated) return Change({});
      return absl::FailedPreconditionError(absl::StrCat("agent ", id, " is not deactivated"));
  }
  return Plan{};
}

void Finish(Transaction* tx, const AgentId& agent_id, const absl::Status& status) {
  const PendingAgentOrder pending = tx->books().agent_orders.TakeFirst(agent_id);
  if (pending.cause != Cause::kCall) return;
  tx->books().operator_requests.Record(pending.order.request_id, status, tx->now());
  for (uint64_t call : pending.calls) tx->Answer(call, status);
}

// What the registry must decide first.
bool IsInTransit(const Agent& agent) {
  return agent.record.state == AgentState::kMarkingUnreachable ||
         agent.record.state == AgentState::kReadmitting;
}

void Write(Transaction* tx, Agent* agent, const Plan& plan) {
  const AgentId& id = agent->record.id;
  if (plan.step == Plan::Step::kMarkGone) {
    agent->is_going = true;
    agent->planned = {};
    return tx->Write(ObjectKey(id), GoneAgentRecord{FactsOf(*agent)}, AgentOrderAfter{id});
  }
  agent->planned = plan.orders;
  tx->Write(ObjectKey(id), AgentOrdersRecord{FactsOf(*agent), agent->record.unreachable_since},
            AgentOrderAfter{id});
}

// Writes the oldest order about the agent that changes something.
void WriteNext(Transaction* tx, const AgentId& agent_id) {
  AgentOrderBook& book = tx->books().agent_orders;
  while (AgentOrderBook::Line* line = book.Find(agent_id)) {
    PendingAgentOrder& first = line->front();
    Agent* agent = tx->books().agents.Find(agent_id);
    if (first.is_written || (agent != nullptr && IsInTransit(*agent))) return;
    const absl::StatusOr<Plan> plan = PlanOf(tx, agent, first);
    if (plan.ok() && plan->step != Plan::Step::kNothing) {
      first.is_written = true;
      return Write(tx, agent, *plan);
    }
    Finish(tx, agent_id, plan.status());
  }
}

// ---- What is in force ----

bool WasTold(const AgentOrders& orders) {
  return orders.drain == AgentOrders::Drain::kDraining ||
         orders.drain == AgentOrders::Drain::kDrained;
}

void TellDrain(Transaction* tx, const Agent& agent, const AgentOrders& before) {
  const AgentOrders& now = agent.record.orders;
  if (now.drain == AgentOrders::Drain::kDraining) {
    tx->Tell(agent, DrainMessage{now.max_grace, now.mark_gone});
  } else if (WasTold(before) && !WasTold(now)) {
    tx->Tell(agent, CancelDrainMessage{});
  }
}

void PutInForce(Transaction* tx, Agent* agent) {
  const AgentOrders before = agent->record.orders;
  if (agent->planned.deactivated) tx->EndOffersOf(agent);
  tx->SetAgentOrders(agent, agent->planned);
  tx->RefreshMaintenance(agent);
  TellDrain(tx, *agent, before);
  tx->Add(Count::kAgentOrders);
  if (agent->record.orders.drain == AgentOrders::Drain::kDrained) tx->Add(Count::kAgentsDrained);
  if (agent->planned.drain == AgentOrders::Drain::kAsked) {
    tx->books().timers.Arm(agent->planned.delay_until, DrainTimer{agent->record.id});
  }
  ContinueDrain(tx, agent->record.id);
}

// Unless it is in line already.
void AddToLine(Transaction* tx, const AgentId& agent_id, Cause cause) {
  AgentOrderBook& book = tx->books().agent_orders;
  if (const AgentOrderBook::Line* line = book.Find(agent_id)) {
    if (std::any_of(line->begin(), line->end(), [&](const auto& o) { return o.cause == cause; })) {
      return;
    }
  }
  PendingAgentOrder order;
  order.order.agent_id = agent_id;
  order.cause = cause;
  book.Add(std::move(order));
  WriteNext(tx, agent_id);
}

}  // namespace

void HandleAgentOrder(Transaction* tx, OperatorAgentOrder call) {
  RequestLog& requests = tx->books().operator_requests;
  if (const absl::Status* first = requests.Find(call.request_id, tx->now())) {
    tx->Add(Count::kRepeatedRequests);
    return tx->Answer(call.call, *first);
  }
  AgentOrderBook& book = tx->books().agent_orders;
  if (AgentOrderBook::Line* line = book.Find(call.agent_id)) {
    for (PendingAgentOrder& other : *line) {
      if (call.request_id.empty() || other.order.request_id != call.request_id) continue;
      tx->Add(Count::kRepeatedRequests);
      other.calls.push_back(call.call);
      return;
    }
  }
  if (book.size() >= tx->options().max_pending_agent_orders) {
    return tx->Answer(call.call, absl::ResourceExhaustedError(absl::StrCat(
                                     book.size(), " orders about agents wait for the registry")));
  }
  const AgentId agent_id = call.agent_id;
  const uint64_t waiting = call.call;
  book.Add({.order = std::move(call), .calls = {waiting}});
  WriteNext(tx, agent_id);
}

void AfterAgentOrder(Transaction* tx, const AgentId& agent_id, const absl::Status& status) {
  Agent* agent = tx->books().agents.Find(agent_id);
  AgentOrderBook::Line* line = tx->books().agent_orders.Find(agent_id);
  MEROS_CHECK(agent != nullptr && line != nullptr && line->front().is_written) << agent_id;
  if (!status.ok()) {
    agent->planned = agent->record.orders;
    StayAfterAll(tx, agent);
    Finish(tx, agent_id,
           absl::InternalError(absl::StrCat("the registry refused it: ", status.message())));
  } else if (agent->is_going) {
    BecomeGone(tx, agent);
    Finish(tx, agent_id, absl::OkStatus());
  } else {
    PutInForce(tx, agent);
    Finish(tx, agent_id, absl::OkStatus());
  }
  WriteNext(tx, agent_id);
}

void ContinueAgentOrders(Transaction* tx, const AgentId& agent_id) { WriteNext(tx, agent_id); }

void ContinueDrain(Transaction* tx, const AgentId& agent_id) {
  const Agent* agent = tx->books().agents.Find(agent_id);
  if (agent == nullptr || agent->is_going || !agent->record.orders.must_empty()) return;
  if (agent->is_active() && agent->is_empty()) return AddToLine(tx, agent_id, Cause::kEmpty);
  if (MayBegin(*agent, tx->now())) AddToLine(tx, agent_id, Cause::kMayBegin);
}

void AbandonAgentOrders(Transaction* tx) {
  for (const auto& [agent_id, line] : tx->books().agent_orders.all()) {
    for (const PendingAgentOrder& pending : line) {
      for (uint64_t call : pending.calls) {
        tx->Answer(call, absl::UnavailableError("the master lost leadership before the order was "
                                                "known to be durable; look whether it is in "
                                                "force"));
      }
    }
  }
}

}  // namespace meros::master

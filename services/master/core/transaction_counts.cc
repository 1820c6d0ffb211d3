// What is counted, and when readers hear of it.
#include "services/master/core/transaction.h"

namespace meros::master {
namespace {

static_assert(std::variant_size_v<SchedulerCall::Body> + 1 == kCallNames.size());
static_assert(std::variant_size_v<ToScheduler::Event> == kEventNames.size());

template <typename Enum>
size_t IndexOf(Enum what) {
  return static_cast<size_t>(what);
}

}  // namespace

void Transaction::MarkCounts(const Framework& framework) {
  if (framework.counting->is_stale) return;
  ArmUsage();
  framework.counting->is_stale = true;
  books_.stale_frameworks.insert(framework.record.id);
}

void Transaction::MarkCounts() {
  if (books_.counting.is_stale) return;
  ArmUsage();
  books_.counting.is_stale = true;
}

void Transaction::CountCall(const Framework* framework, size_t kind) {
  ++books_.counting.counts.calls[kind];
  MarkCounts();
  if (framework == nullptr) return;
  ++framework->counting->counts.calls[kind];
  MarkCounts(*framework);
}

void Transaction::CountEvent(const Framework& framework, const ToScheduler::Event& event) {
  ++framework.counting->counts.events[event.index()];
  // A heartbeat is told of with the next change: alone it would wake the readers for nothing.
  if (!std::holds_alternative<HeartbeatEvent>(event)) MarkCounts(framework);
}

void Transaction::CountAskedOperation(const Framework& framework, OperationType type) {
  ++framework.counting->counts.operations[type];
  MarkCounts(framework);
}

void Transaction::CountOffer(const Framework& framework, uint64_t OfferCounts::*what) {
  ++(framework.counting->counts.offers.*what);
  MarkCounts(framework);
}

void Transaction::CountAgentMessage(AgentSaid what) {
  ++books_.counting.counts.agent_said[IndexOf(what)];
  MarkCounts();
}

void Transaction::CountAgentChange(AgentChange what) {
  ++books_.counting.counts.agent_changes[IndexOf(what)];
  MarkCounts();
}

void Transaction::CountOperation(OperationType type, v1::OperationState state) {
  ++books_.counting.counts.operations[{type, state}];
  MarkCounts();
}

void Transaction::CountEnd(const Framework& framework, v1::TaskState state,
                           const v1::TaskStatus* status) {
  TaskEnd end{state, std::nullopt, std::nullopt};
  if (status != nullptr && status->state() == state) {
    if (status->has_source()) std::get<1>(end) = status->source();
    if (status->has_reason()) std::get<2>(end) = status->reason();
  }
  ++books_.counting.counts.ended[end];
  MarkCounts();
  ++framework.counting->counts.ended[state];
  MarkCounts(framework);
}

}  // namespace meros::master

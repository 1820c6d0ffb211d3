#include "services/master/core/dispatch.h"

#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/master/core/agent_health.h"
#include "services/master/core/agent_histories.h"
#include "services/master/core/agent_orders.h"
#include "services/master/core/agent_reports.h"
#include "services/master/core/agent_sessions.h"
#include "services/master/core/allocator_session.h"
#include "services/master/core/forgotten_agents.h"
#include "services/master/core/framework_removal.h"
#include "services/master/core/inverse_offers.h"
#include "services/master/core/maintenance_changes.h"
#include "services/master/core/offer_expiry.h"
#include "services/master/core/operations.h"
#include "services/master/core/operator_calls.h"
#include "services/master/core/preemption.h"
#include "services/master/core/role_changes.h"
#include "services/master/core/scheduler_calls.h"

namespace meros::master {
namespace {

// ---- Schedulers ----

absl::Status Carry(Transaction* tx, Framework* framework, SchedulerCall::Body&& body) {
  return std::visit(
      [&](auto&& call) -> absl::Status {
        using Call = std::decay_t<decltype(call)>;
        if constexpr (std::is_same_v<Call, Accept>) {
          return HandleAccept(tx, framework, std::move(call));
        } else if constexpr (std::is_same_v<Call, Decline>) {
          return HandleDecline(tx, framework, call);
        } else if constexpr (std::is_same_v<Call, Revive>) {
          return HandleRevive(tx, framework, call);
        } else if constexpr (std::is_same_v<Call, Suppress>) {
          return HandleSuppress(tx, framework, call);
        } else if constexpr (std::is_same_v<Call, Kill>) {
          return HandleKill(tx, framework, call);
        } else if constexpr (std::is_same_v<Call, ShutdownExecutorCall>) {
          return HandleShutdownExecutor(tx, framework, call);
        } else if constexpr (std::is_same_v<Call, AcknowledgeCall>) {
          return HandleAcknowledge(tx, framework, std::move(call));
        } else if constexpr (std::is_same_v<Call, ReconcileCall>) {
          return HandleReconcile(tx, framework, call);
        } else if constexpr (std::is_same_v<Call, MessageCall>) {
          return HandleMessage(tx, framework, std::move(call));
        } else if constexpr (std::is_same_v<Call, UpdateFrameworkCall>) {
          return HandleUpdateFramework(tx, framework, std::move(call));
        } else if constexpr (std::is_same_v<Call, GangRequest>) {
          return HandleGangRequest(tx, framework, std::move(call));
        } else if constexpr (std::is_same_v<Call, AnswerInverseOffers>) {
          return HandleAnswerInverseOffers(tx, framework, call);
        } else if constexpr (std::is_same_v<Call, AcknowledgeOperationCall>) {
          return HandleAcknowledgeOperation(tx, framework, call);
        } else if constexpr (std::is_same_v<Call, ReconcileOperationsCall>) {
          return HandleReconcileOperations(tx, framework, call);
        } else if constexpr (std::is_same_v<Call, UnsupportedCall>) {
          return call.status;
        } else {
          // TEARDOWN is answered later (HandleSchedulerCall).
          static_assert(std::is_same_v<Call, HintCall> || std::is_same_v<Call, TeardownCall>);
          return absl::OkStatus();
        }
      },
      std::move(body));
}

// The framework that may make this call, or why not.
absl::StatusOr<Framework*> Caller(Transaction* tx, const SchedulerCall& call) {
  const FrameworkBook& book = tx->books().frameworks;
  Framework* framework = book.Find(call.framework_id);
  if (framework == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("framework ", call.framework_id.value(),
                     book.IsRemoved(call.framework_id) ? " has been removed" : " is unknown"));
  }
  if (!call.authenticated.empty() && call.authenticated != framework->record.principal()) {
    return absl::PermissionDeniedError(
        absl::StrCat("framework ", call.framework_id.value(), " belongs to another principal"));
  }
  if (!framework->is_connected() && !framework->is_removing()) {
    return absl::FailedPreconditionError(
        absl::StrCat("framework ", call.framework_id.value(), " is not connected"));
  }
  if (call.stream != 0 && call.stream != framework->stream) {
    return absl::FailedPreconditionError(
        absl::StrCat("framework ", call.framework_id.value(), " is not subscribed on this stream"));
  }
  return framework;
}

void HandleSchedulerCall(Transaction* tx, SchedulerCall&& call) {
  const StreamId stream = call.stream;
  const uint64_t waiting = call.call;
  const size_t kind = kSubscribeCall + 1 + call.body.index();
  absl::StatusOr<Framework*> framework = Caller(tx, call);
  tx->CountCall(framework.ok() ? *framework : nullptr, kind);
  if (!framework.ok()) {
    if (stream != 0) tx->Close(stream, framework.status());
    return tx->Answer(waiting, framework.status());
  }
  if (const absl::Status* first = (*framework)->requests.Find(call.request_id, tx->now())) {
    tx->Add(Count::kRepeatedRequests);
    return tx->Answer(waiting, *first);
  }
  if (std::holds_alternative<TeardownCall>(call.body)) {
    return BeginRemoval(tx, *framework, {.call = waiting});
  }
  if ((*framework)->is_removing()) {  // its stream stays: it is to hear the end
    return tx->Answer(waiting, absl::FailedPreconditionError(absl::StrCat(
                                   "framework ", call.framework_id.value(), " is being removed")));
  }
  absl::Status status = Carry(tx, *framework, std::move(call.body));
  // Nothing was done, and the same may be asked again.
  if (!absl::IsUnavailable(status)) {
    (*framework)->requests.Record(call.request_id, status, tx->now());
  }
  tx->Answer(waiting, std::move(status));
}

void HandleSchedulerStreamClosed(Transaction* tx, StreamId stream) {
  Framework* framework = tx->books().frameworks.FindByStream(stream);
  if (framework != nullptr) tx->DisconnectFramework(framework);
}

// ---- Agents ----

// The agent of a message's session. A message of a stream that has none ends the stream.
Agent* Sender(Transaction* tx, StreamId stream) {
  Agent* agent = tx->books().agents.FindByStream(stream);
  if (agent == nullptr) {
    tx->Close(stream, absl::FailedPreconditionError(
                          "the first message of a session must be register or reregister"));
    return nullptr;
  }
  NoteSignOfLife(tx, agent);
  return agent;
}

template <typename Message>
void HandleFromAgent(Transaction* tx, Message&& message) {
  if constexpr (std::is_same_v<Message, AgentHeartbeat>) {
    // It waits to be asked for its report, and lives.
    if (tx->books().reports.IsAwaiting(message.stream)) return;
  }
  Agent* agent = Sender(tx, message.stream);
  if (agent == nullptr) return;
  if constexpr (std::is_same_v<Message, AgentHeartbeat>) {
    return;  // that it says something is all it says
  } else if constexpr (std::is_same_v<Message, AgentStatusUpdate>) {
    tx->CountAgentMessage(AgentSaid::kStatusUpdate);
    HandleStatusUpdate(tx, agent, std::move(message));
  } else if constexpr (std::is_same_v<Message, AgentExecutorExited>) {
    tx->CountAgentMessage(AgentSaid::kExitedExecutor);
    HandleExecutorExited(tx, agent, message);
  } else if constexpr (std::is_same_v<Message, AgentExecutorMessage>) {
    tx->CountAgentMessage(AgentSaid::kExecutorMessage);
    HandleExecutorMessage(tx, agent, std::move(message));
  } else if constexpr (std::is_same_v<Message, AgentTotalChanged>) {
    tx->CountAgentMessage(AgentSaid::kAgentUpdate);
    HandleAgentTotalChanged(tx, agent, std::move(message));
  } else if constexpr (std::is_same_v<Message, AgentEndedTasks>) {
    tx->CountAgentMessage(AgentSaid::kEndedTasks);
    HandleEndedTasks(tx, agent, std::move(message));
  } else if constexpr (std::is_same_v<Message, AgentOperationUpdate>) {
    tx->CountAgentMessage(AgentSaid::kOperationUpdate);
    HandleOperationUpdate(tx, agent, std::move(message));
  } else {
    static_assert(std::is_same_v<Message, AgentUnregister>);
    tx->CountAgentMessage(AgentSaid::kUnregister);
    HandleAgentUnregister(tx, agent, message);
  }
}

// ---- Operators ----

template <typename Call, typename Handler>
void HandleOperatorCall(Transaction* tx, const Call& call, Handler handler) {
  RequestLog& requests = tx->books().operator_requests;
  if (const absl::Status* first = requests.Find(call.request_id, tx->now())) {
    tx->Add(Count::kRepeatedRequests);
    return tx->Answer(call.call, *first);
  }
  absl::Status status = handler(tx, call);
  requests.Record(call.request_id, status, tx->now());
  tx->Answer(call.call, std::move(status));
}

// ---- Timers ----

void OnTimer(Transaction* tx, const AgentSilenceTimer& timer) {
  OnAgentSilence(tx, timer.agent_id);
}

void OnTimer(Transaction* tx, const RecoveredAgentTimer& timer) {
  OnRecoveredAgentTimeout(tx, timer.agent_id);
}

void OnTimer(Transaction* tx, const DrainTimer& timer) { ContinueDrain(tx, timer.agent_id); }
void OnTimer(Transaction* tx, const ForgetAgentsTimer&) { OnForgetAgents(tx); }
void OnTimer(Transaction* tx, const LateAgentsTimer&) { OnLateAgentsTimer(tx); }
void OnTimer(Transaction* tx, const AgentReportTimer& timer) { OnReportTimer(tx, timer.stream); }
void OnTimer(Transaction* tx, const AgentHistoryTimer& timer) { OnHistoryTimer(tx, timer.stream); }

void OnTimer(Transaction* tx, const FrameworkHeartbeatTimer& timer) {
  const Framework* framework = tx->books().frameworks.FindByStream(timer.stream);
  if (framework == nullptr) return;
  tx->Tell(*framework, HeartbeatEvent{});
  tx->books().timers.Arm(tx->now() + tx->options().framework_heartbeat_interval, timer);
}

void OnTimer(Transaction* tx, const FrameworkFailoverTimer& timer) {
  Framework* framework = tx->books().frameworks.Find(timer.framework_id);
  if (framework == nullptr || tx->now() < framework->record.failover_deadline) return;
  BeginRemoval(tx, framework, {});
}

void OnTimer(Transaction* tx, const OfferExpiryTimer&) { OnOfferExpiry(tx); }

void OnTimer(Transaction* tx, const InverseOfferExpiryTimer& timer) {
  OnInverseOfferExpiry(tx, timer.sequence);
}

void OnTimer(Transaction* tx, const GangDeadlineTimer& timer) {
  OnGangDeadline(tx, timer.sequence);
}

void OnTimer(Transaction* tx, const RegistryRetryTimer& timer) {
  tx->Add(Count::kRegistryRetries);
  tx->ResendWrite(timer.token);
}

void OnTimer(Transaction* tx, const PublishUsageTimer&) { tx->PublishUsage(); }

}  // namespace

void HandleInput(Transaction* tx, Input&& input) {
  std::visit(
      [tx](auto&& in) {
        using In = std::decay_t<decltype(in)>;
        if constexpr (std::is_same_v<In, Subscribe>) {
          HandleSubscribe(tx, std::move(in));
        } else if constexpr (std::is_same_v<In, SchedulerCall>) {
          HandleSchedulerCall(tx, std::move(in));
        } else if constexpr (std::is_same_v<In, SchedulerStreamClosed>) {
          HandleSchedulerStreamClosed(tx, in.stream);
        } else if constexpr (std::is_same_v<In, AgentRegister>) {
          tx->CountAgentMessage(AgentSaid::kRegister);
          HandleAgentRegister(tx, std::move(in));
        } else if constexpr (std::is_same_v<In, AgentReregister>) {
          tx->CountAgentMessage(AgentSaid::kReregister);
          HandleAgentReregister(tx, std::move(in));
        } else if constexpr (std::is_same_v<In, AgentStreamClosed>) {
          EndReport(tx, in.stream);
          EndHistory(tx, in.stream);
          Agent* agent = tx->books().agents.FindByStream(in.stream);
          if (agent != nullptr) HandleAgentStreamClosed(tx, agent);
        } else if constexpr (std::is_same_v<In, AllocatorConnected>) {
          HandleAllocatorConnected(tx, in.stream);
        } else if constexpr (std::is_same_v<In, AllocatorProposals>) {
          HandleProposals(tx, std::move(in));
        } else if constexpr (std::is_same_v<In, AllocatorPreemptions>) {
          HandlePreemptions(tx, in);
        } else if constexpr (std::is_same_v<In, AllocatorInverseOffers>) {
          HandleInverseProposals(tx, in);
        } else if constexpr (std::is_same_v<In, AllocatorNeedsSnapshot>) {
          HandleAllocatorNeedsSnapshot(tx, in.stream);
        } else if constexpr (std::is_same_v<In, AllocatorClosed>) {
          HandleAllocatorClosed(tx, in.stream);
        } else if constexpr (std::is_same_v<In, OperatorTeardown>) {
          HandleOperatorTeardown(tx, in);
        } else if constexpr (std::is_same_v<In, OperatorKillTask>) {
          HandleOperatorCall(tx, in, HandleOperatorKill);
        } else if constexpr (std::is_same_v<In, OperatorAgentOrder>) {
          HandleAgentOrder(tx, std::move(in));
        } else if constexpr (std::is_same_v<In, OperatorOperation>) {
          HandleOperatorCall(tx, in, HandleOperatorOperation);
        } else if constexpr (std::is_same_v<In, OperatorUpdateRoles>) {
          HandleUpdateRoles(tx, std::move(in));
        } else if constexpr (std::is_same_v<In, SetWhitelist>) {
          PutWhitelist(tx, std::move(in.hostnames));
        } else if constexpr (std::is_same_v<In, OperatorMaintenance>) {
          HandleMaintenance(tx, std::move(in));
        } else if constexpr (std::is_same_v<In, runtime::Tick> || std::is_same_v<In, LeaseAnswer> ||
                             std::is_same_v<In, RegistrySnapshot> ||
                             std::is_same_v<In, RegistryWritten> || std::is_same_v<In, Stop>) {
          // Not ours: MasterCore handles them in every state of leadership.
        } else {
          HandleFromAgent(tx, std::move(in));
        }
      },
      std::move(input));
}

absl::Status HandleWritten(Transaction* tx, const RegistryWritten& written) {
  const absl::Status& status = written.status;
  if (absl::IsFailedPrecondition(status) || absl::IsAborted(status)) {
    return absl::FailedPreconditionError(status.message());
  }
  // Only a refusal of the record itself is final. Whatever else there is (no registry, a full disk,
  // a damaged one, a certificate that is not accepted any more) may end, and until then nothing is
  // done that supposes the write.
  if (!status.ok() && !absl::IsInvalidArgument(status)) {
    tx->RetryWrite(written.token);
    return absl::OkStatus();
  }
  std::optional<AfterWrite> after = tx->FinishWrite(written.token);
  if (!after.has_value()) return absl::OkStatus();
  if (std::holds_alternative<RolesAfter>(*after)) {
    AfterRolesWritten(tx, status);
    return absl::OkStatus();
  }
  if (std::holds_alternative<MaintenanceAfter>(*after)) {
    AfterMaintenanceWritten(tx, status);
    return absl::OkStatus();
  }
  if (const auto* removal = std::get_if<FrameworkRemovedAfter>(&*after)) {
    AfterRemovalWritten(tx, removal->framework_id, status);
    return absl::OkStatus();
  }
  if (const auto* order = std::get_if<AgentOrderAfter>(&*after)) {
    AfterAgentOrder(tx, order->agent_id, status);
    return absl::OkStatus();
  }
  if (!status.ok()) {
    OnAgentWriteRefused(tx, *after, status);
    return absl::OkStatus();
  }
  if (const auto* admitted = std::get_if<AdmitAfter>(&*after)) {
    AfterAdmitted(tx, *admitted, written.existing_agent);
  } else if (const auto* unreachable = std::get_if<UnreachableAfter>(&*after)) {
    AfterUnreachable(tx, *unreachable);
  } else if (const auto* reachable = std::get_if<ReachableAfter>(&*after)) {
    AfterReachable(tx, *reachable);
  } else if (const auto* removed = std::get_if<RemoveAgentAfter>(&*after)) {
    AfterAgentRemoved(tx, *removed);
  }
  return absl::OkStatus();
}

void HandleTimer(Transaction* tx, const Timer& timer) {
  std::visit([tx](const auto& t) { OnTimer(tx, t); }, timer);
}

StreamId StreamOf(const Input& input) {
  return std::visit(
      [](const auto& in) -> StreamId {
        if constexpr (requires { in.stream; }) {
          return in.stream;
        } else {
          return 0;
        }
      },
      input);
}

uint64_t CallOf(const Input& input) {
  return std::visit(
      [](const auto& in) -> uint64_t {
        if constexpr (requires { in.call; }) {
          return in.call;
        } else {
          return 0;
        }
      },
      input);
}

}  // namespace meros::master

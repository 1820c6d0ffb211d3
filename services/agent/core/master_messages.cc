// The session with the leading master: registration, heartbeats, and its orders.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/tasks/holdings_digest.h"
#include "services/agent/core/agent_core.h"

namespace meros::agent {

namespace link = agent_link::v1;

namespace {

// Whatever a master says, an agent does not send more often than this.
constexpr absl::Duration kMinHeartbeatInterval = absl::Milliseconds(100);

}  // namespace

void AgentCore::Handle(MasterSaid&& input) {
  if (input.stream != link_.stream || link_.stream == 0) return;
  using Body = link::MasterMessage;
  const Body& message = input.message;
  if (message.has_registered()) return OnRegistered(message.registered());
  if (message.has_shutdown()) return OnShutdown(message.shutdown());
  if (message.has_send_report()) return OnSendReport();
  if (state_ != AgentState::kRunning) return Count(Counter::kMessageIgnored);
  switch (message.body_case()) {
    case Body::kReconcile:
      return OnReconcile(message.reconcile());
    case Body::kRunTasks:
      return OnRunTasks(message.run_tasks(), input.task_resources);
    case Body::kKillTask:
      return OnKill(message.kill_task());
    case Body::kAcknowledge:
      return OnAcknowledge(message.acknowledge());
    case Body::kShutdownFramework:
      return OnShutdownFramework(message.shutdown_framework());
    case Body::kUpdateFramework:
      return OnUpdateFramework(message.update_framework());
    case Body::kApplyOperation:
      return OnApplyOperation(message.apply_operation());
    case Body::kAcknowledgeOperation:
      return OnAcknowledgeOperation(message.acknowledge_operation());
    case Body::kReconcileOperations:
      return OnReconcileOperations(message.reconcile_operations());
    case Body::kSendEndedTasks:
      return OnSendEndedTasks(message.send_ended_tasks());
    case Body::kDrain:
      return OnDrain(message.drain());
    case Body::kCancelDrain:
      return OnCancelDrain();
    // There are no custom executors to talk to.
    default:
      return Count(Counter::kMessageIgnored);
  }
}

void AgentCore::SendToMaster(link::AgentMessage message) {
  const PersistToken after = message.has_heartbeat() ? 0 : journal_.token();
  Emit(ToMaster{after, link_.stream, std::move(message)});
}

link::Register AgentCore::TellRegistration() {
  link_.resource_version_told = node_.resource_version_uuid();
  link::Register out;
  *out.mutable_info() = options_.info;
  if (!node_.agent_id().empty()) out.mutable_info()->mutable_id()->set_value(node_.agent_id());
  out.set_registration_key(node_.registration_key());
  out.set_version(options_.version);
  for (auto type : options_.capabilities) out.add_capabilities()->set_type(type);
  out.set_resource_version_uuid(node_.resource_version_uuid());
  out.set_service_address(options_.service_address);
  out.set_epoch_seen(node_.epoch_seen());
  out.set_lost_master(link_.lost_master);
  if (!total_.empty()) options_.codec.encode(total_, out.mutable_total());
  ended_.Summarize(&out);
  return out;
}

void AgentCore::SendRegistration() {
  link::AgentMessage message;
  if (node_.agent_id().empty()) {
    *message.mutable_register_() = TellRegistration();
    return SendToMaster(std::move(message));
  }
  link::Reregister* again = message.mutable_reregister();
  *again->mutable_agent() = TellRegistration();
  tasks::HoldingsDigest digest;
  for (const auto& [key, task] : book_.tasks()) {
    if (!IsReported(task)) continue;
    digest.Add(key.framework.value(), key.task.value(), task.latest.state());
  }
  again->mutable_digest()->set_tasks(digest.tasks);
  again->mutable_digest()->set_sum(digest.sum);
  ReportOperations(again);
  SendToMaster(std::move(message));
}

// The digest told the master something new.
void AgentCore::OnSendReport() {
  if (state_ != AgentState::kRegistering) return Count(Counter::kMessageIgnored);
  link::AgentMessage message;
  link::Reregister* report = message.mutable_reregister();
  *report->mutable_agent() = TellRegistration();
  for (const auto& [id, framework] : book_.frameworks()) {
    *report->add_frameworks() = framework.info;
  }
  for (const auto& [key, task] : book_.tasks()) {
    if (!IsReported(task)) continue;
    *report->add_tasks() = ReportOf(task, agent_id());
  }
  ReportOperations(report);
  SendToMaster(std::move(message));
  timers_.Set({TimerKind::kRegistration, {}}, now_ + options_.registration_timeout);
}

void AgentCore::OnSendEndedTasks(const link::SendEndedTasks& question) {
  for (link::EndedTasks& part : ended_.Answer(question)) {
    link::AgentMessage message;
    *message.mutable_ended_tasks() = std::move(part);
    SendToMaster(std::move(message));
  }
}

// Gives up the stream, closing it unless `reason` is OK, and looks for another.
void AgentCore::DropLink(absl::Status reason) {
  if (!reason.ok()) {
    Note(Notice::Severity::kWarning,
         absl::StrCat("leaving the master at ", link_.master, ": ", reason.message()));
    Emit(CloseLink{link_.stream, std::move(reason)});
  }
  link_ = {};
  timers_.Clear({TimerKind::kHeartbeat, {}});
  timers_.Clear({TimerKind::kRegistration, {}});
  for (auto& [key, task] : book_.tasks()) {
    task.updates.Restart();
    timers_.Clear({TimerKind::kUpdate, key});
  }
  RestartOperations();
  if (state_ != AgentState::kTerminating) MoveTo(AgentState::kConnecting);
}

void AgentCore::OnRegistered(const link::Registered& registered) {
  if (state_ != AgentState::kRegistering) return Count(Counter::kMessageIgnored);
  if (registered.epoch() < node_.epoch_seen()) {
    return DropLink(absl::FailedPreconditionError(
        absl::StrCat("its epoch ", registered.epoch(), " is behind ", node_.epoch_seen())));
  }
  if (!ValidateId(registered.agent_id()).ok() ||
      (!node_.agent_id().empty() && node_.agent_id() != registered.agent_id())) {
    return DropLink(absl::FailedPreconditionError(absl::StrCat(
        "it calls this agent '", registered.agent_id(), "' instead of '", node_.agent_id(), "'")));
  }
  node_.set_agent_id(registered.agent_id());
  node_.set_epoch_seen(registered.epoch());
  *node_.mutable_info() = options_.info;
  SaveNode();
  timers_.Clear({TimerKind::kRegistration, {}});
  link_.heartbeat_interval =
      std::max(absl::Milliseconds(registered.heartbeat_interval_ms()), kMinHeartbeatInterval);
  timers_.Set({TimerKind::kHeartbeat, {}},
              now_ + std::max(absl::Milliseconds(registered.first_heartbeat_ms()),
                              link_.heartbeat_interval));
  MoveTo(AgentState::kRunning);
  Count(Counter::kRegistration);
  Note(Notice::Severity::kInfo,
       absl::StrCat(registered.reregistered() ? "re-registered" : "registered",
                    " with the master at ", link_.master, " as agent ", registered.agent_id(),
                    " in epoch ", registered.epoch()));
  TellResources();
  for (auto& [key, task] : book_.tasks()) Forward(&task);
  // What was said while the agent was away counts.
  if (registered.has_drain()) {
    OnDrain(registered.drain());
  } else {
    OnCancelDrain();
  }
  ForwardOperations();
}

void AgentCore::OnHeartbeatTimer() {
  if (state_ != AgentState::kRunning) return;
  link::AgentMessage message;
  message.mutable_heartbeat()->set_sequence(++link_.heartbeats);
  SendToMaster(std::move(message));
  timers_.Set({TimerKind::kHeartbeat, {}}, now_ + link_.heartbeat_interval);
}

void AgentCore::OnShutdown(const link::Shutdown& shutdown) {
  if (state_ == AgentState::kTerminating) return;
  Note(Notice::Severity::kError,
       absl::StrCat("the master ordered this agent to leave: ", shutdown.reason()));
  MoveTo(AgentState::kTerminating);
  timers_.Clear({TimerKind::kRegistration, {}});
  StopAll(StopCause::STOP_CAUSE_AGENT_SHUTDOWN);
  ExitIfDone();
}

void AgentCore::OnReconcile(const link::Reconcile& reconcile) {
  for (const link::TaskRef& ref : reconcile.tasks()) {
    const TaskKey key{FrameworkId(ref.framework_id()), TaskId(ref.task_id())};
    if (book_.Find(key) != nullptr) continue;
    ReportUnknownTask(key, DroppedState(ref.partition_aware()),
                      v1::TaskStatus::REASON_RECONCILIATION, "the agent does not know this task");
  }
}

void AgentCore::OnUpdateFramework(const link::UpdateFramework& update) {
  const FrameworkId id(update.framework().id().value());
  if (update.subscribed_again()) SendAgain(id);
  if (book_.FindFramework(id) == nullptr) return Count(Counter::kMessageIgnored);
  const Framework& framework = book_.PutFramework(id, update.framework());
  if (framework.is_recorded) journal_.Put(FrameworkKey(id), EncodeFramework(framework));
}

void AgentCore::OnDrain(const link::Drain& drain) {
  if (book_.tasks().empty()) return;  // already empty: nothing to remember
  agent_records::v1::DrainRecord* record = node_.mutable_drain();
  record->clear_max_grace_ms();
  if (drain.has_max_grace_ms()) record->set_max_grace_ms(drain.max_grace_ms());
  record->set_mark_gone(drain.mark_gone());
  SaveNode();
  Note(Notice::Severity::kInfo, "the agent is being emptied");
  StopAll(StopCause::STOP_CAUSE_DRAIN);
}

// What is being stopped still ends.
void AgentCore::OnCancelDrain() {
  if (!is_draining()) return;
  node_.clear_drain();
  SaveNode();
  Note(Notice::Severity::kInfo, "the agent is no longer being emptied");
}

}  // namespace meros::agent

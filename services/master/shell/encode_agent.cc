#include "services/master/shell/encode_agent.h"

#include <utility>

#include "services/master/shell/operation_codec.h"

namespace meros::master {
namespace {

namespace pb = ::meros::agent_link::v1;

struct Encoder {
  const std::string& master_id;
  pb::MasterMessage* out;

  void operator()(const RegisteredMessage& m) const {
    pb::Registered* registered = out->mutable_registered();
    registered->set_agent_id(m.agent_id.value());
    registered->set_epoch(m.epoch);
    registered->set_heartbeat_interval_ms(absl::ToInt64Milliseconds(m.heartbeat_interval));
    registered->set_first_heartbeat_ms(absl::ToInt64Milliseconds(m.first_heartbeat));
    registered->set_unreachable_after_ms(absl::ToInt64Milliseconds(m.unreachable_after));
    registered->set_master_id(master_id);
    registered->set_reregistered(m.reregistered);
    if (m.drain.has_value()) Fill(*m.drain, registered->mutable_drain());
  }
  void operator()(const ShutdownMessage& m) const { out->mutable_shutdown()->set_reason(m.reason); }
  void operator()(const SendReportMessage&) const { out->mutable_send_report(); }
  void operator()(const SendEndedTasksMessage& m) const {
    pb::SendEndedTasks* question = out->mutable_send_ended_tasks();
    for (const SendEndedTasksMessage::Wanted& wanted : m.frameworks) {
      pb::EndedWanted* framework = question->add_frameworks();
      framework->set_framework_id(wanted.framework_id.value());
      framework->set_tasks_max(static_cast<uint32_t>(wanted.tasks_max));
      if (wanted.ended_after == absl::InfinitePast()) continue;
      framework->set_ended_after(absl::ToDoubleSeconds(wanted.ended_after - absl::UnixEpoch()));
    }
  }
  void operator()(const ReconcileMessage& m) const {
    for (const ReconcileMessage::Ref& ref : m.tasks) {
      pb::TaskRef* task = out->mutable_reconcile()->add_tasks();
      task->set_framework_id(ref.framework_id.value());
      task->set_task_id(ref.task_id.value());
      task->set_partition_aware(ref.partition_aware);
    }
  }
  void operator()(const RunTaskMessage& m) const {
    pb::RunTasks* run = out->mutable_run_tasks();
    Add(*m.task, m.role, run);
    Complete(m, run);
  }
  void operator()(const RunGroupMessage& m) const {
    pb::RunTasks* run = out->mutable_run_tasks();
    for (const auto& task : m.tasks) Add(*task, m.role, run);
    run->set_group(true);
    Complete(m, run);
  }
  void operator()(const ApplyOperationMessage& m) const {
    Encode(m, out->mutable_apply_operation());
  }
  void operator()(const AcknowledgeOperationMessage& m) const {
    out->mutable_acknowledge_operation()->set_operation_uuid(m.operation_uuid);
    out->mutable_acknowledge_operation()->set_status_uuid(m.status_uuid);
  }
  void operator()(const ReconcileOperationsMessage& m) const {
    for (const ReconcileOperationsMessage::Ref& ref : m.operations) {
      pb::OperationRef* operation = out->mutable_reconcile_operations()->add_operations();
      operation->set_framework_id(ref.framework_id.value());
      operation->set_operation_uuid(ref.operation_uuid);
      operation->set_operation_id(ref.operation_id);
    }
  }
  void operator()(const KillTaskMessage& m) const {
    out->mutable_kill_task()->set_framework_id(m.framework_id.value());
    out->mutable_kill_task()->set_task_id(m.task_id.value());
    if (m.kill_policy != nullptr) *out->mutable_kill_task()->mutable_kill_policy() = *m.kill_policy;
    out->mutable_kill_task()->set_preempted_for(m.preempted_for);
  }
  void operator()(const AcknowledgeMessage& m) const {
    out->mutable_acknowledge()->set_framework_id(m.framework_id.value());
    out->mutable_acknowledge()->set_task_id(m.task_id.value());
    out->mutable_acknowledge()->set_uuid(m.uuid);
  }
  void operator()(const ShutdownFrameworkMessage& m) const {
    out->mutable_shutdown_framework()->set_framework_id(m.framework_id.value());
  }
  void operator()(const ShutdownExecutorMessage& m) const {
    out->mutable_shutdown_executor()->set_framework_id(m.framework_id.value());
    out->mutable_shutdown_executor()->set_executor_id(m.executor_id.value());
  }
  void operator()(const UpdateFrameworkMessage& m) const {
    *out->mutable_update_framework()->mutable_framework() = *m.framework;
    out->mutable_update_framework()->set_subscribed_again(m.subscribed_again);
  }
  void operator()(const SchedulerBytesMessage& m) const {
    out->mutable_scheduler_message()->set_framework_id(m.framework_id.value());
    out->mutable_scheduler_message()->set_executor_id(m.executor_id.value());
    out->mutable_scheduler_message()->set_data(m.data);
  }

  void operator()(const DrainMessage& m) const { Fill(m, out->mutable_drain()); }
  void operator()(const CancelDrainMessage&) const { out->mutable_cancel_drain(); }

  static void Add(const v1::TaskInfo& info, const std::string& role, pb::RunTasks* run) {
    v1::TaskInfo* task = run->add_tasks();
    *task = info;
    for (v1::Resource& resource : *task->mutable_resources()) Allocate(role, &resource);
    if (!task->has_executor()) return;
    for (v1::Resource& resource : *task->mutable_executor()->mutable_resources()) {
      Allocate(role, &resource);
    }
    *run->mutable_executor() = task->executor();
  }
  template <typename Run>
  static void Complete(const Run& m, pb::RunTasks* run) {
    *run->mutable_framework() = *m.framework;
    run->set_launch_executor(m.launch_executor);
    run->set_resource_version_uuid(m.resource_version_uuid);
  }
  static void Fill(const DrainMessage& m, pb::Drain* out) {
    if (m.max_grace.has_value()) out->set_max_grace_ms(absl::ToInt64Milliseconds(*m.max_grace));
    out->set_mark_gone(m.mark_gone);
  }
  static void Allocate(const std::string& role, v1::Resource* resource) {
    if (!resource->has_allocation_info()) resource->mutable_allocation_info()->set_role(role);
  }
};

}  // namespace

void EncodeForAgent(const ToAgent::Message& message, const std::string& master_id,
                    pb::MasterMessage* out) {
  std::visit(Encoder{master_id, out}, message);
}

}  // namespace meros::master

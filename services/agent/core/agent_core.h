// The agent: one deterministic state machine between a master, a containerizer and a disk.
//
//   inputs   what the store held, what the containerizer and the master say, time
//   effects  what to make durable, whom to send what (effects.h says in which order)
//
// It keeps three promises:
//   - nothing runs that is not recorded: a launch waits for the task's record;
//   - an update is durable before it is forwarded, and is forwarded until it is acknowledged;
//   - recovery reaches the same state: the records and the containerizer's list are compared, and
//   the
//     difference is worked off the same way after a crash, a reboot or a lost connection.
//
// The handlers are grouped by what they answer: recover.cc, master_messages.cc, launch.cc, stop.cc,
// containers.cc, updates.cc, operations.cc.
//
// Owner: the strand (or a simulation). Thread rule: strand-confined. States: agent_state.h, task.h.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/base/rng.h"
#include "services/agent/core/agent_state.h"
#include "services/agent/core/effects.h"
#include "services/agent/core/ended_tasks.h"
#include "services/agent/core/inputs.h"
#include "services/agent/core/journal.h"
#include "services/agent/core/launch_refusal.h"
#include "services/agent/core/operation.h"
#include "services/agent/core/options.h"
#include "services/agent/core/outcome.h"
#include "services/agent/core/records.h"
#include "services/agent/core/task_book.h"
#include "services/agent/core/timers.h"

namespace meros::agent {

class AgentCore {
 public:
  using Input = agent::Input;
  using Effect = agent::Effect;

  AgentCore(AgentOptions options, uint64_t seed);

  void Step(absl::Time now, Input input, std::vector<Effect>* out);
  absl::Time NextDeadline() const { return timers_.Next(); }
  void CheckInvariants() const;

  AgentState state() const { return state_; }
  AgentId agent_id() const { return AgentId(node_.agent_id()); }
  const TaskBook& book() const { return book_; }
  bool is_draining() const { return node_.has_drain(); }
  bool has_containerizer() const { return containers_.is_ready; }
  // Everything it has, as operations have made it.
  const resources::Resources& total() const { return total_; }
  const OpenOperations& operations() const { return operations_; }

 private:
  enum class TimerKind { kUpdate, kCompletion, kRelaunch, kHeartbeat, kRegistration, kOperations };
  // The task is empty for timers of the session.
  struct TimerKey {
    TimerKind kind;
    TaskKey task;
    friend bool operator==(const TimerKey&, const TimerKey&) = default;
    friend bool operator<(const TimerKey& a, const TimerKey& b) {
      return std::tie(a.kind, a.task) < std::tie(b.kind, b.task);
    }
  };

  // The stream to the master.
  struct Link {
    StreamId stream = 0;
    std::string master;
    std::string lost_master;  // the one that did not answer before; empty if none
    absl::Duration heartbeat_interval;
    uint64_t heartbeats = 0;
    std::string resource_version_told;  // in this session
  };

  // The stream to the containerizer.
  struct Containers {
    SessionId session = 0;
    bool is_ready = false;  // it has answered List; before that, nothing else is asked
    uint64_t next_request = 1;
    // What the unanswered requests were about; empty for List.
    absl::btree_map<uint64_t, ContainerId> unanswered;
    std::string boot_id;
  };

  // agent_core.cc
  void Handle(Recovered&& input);
  void Handle(ContainerizerUp&& input);
  void Handle(ContainerizerDown&& input);
  void Handle(ContainerizerSaid&& input);
  void Handle(SandboxPrepared&& input);
  void Handle(VolumesChanged&& input);
  void Handle(LinkUp&& input);
  void Handle(LinkDown&& input);
  void Handle(MasterSaid&& input);
  void Handle(runtime::Tick&&);
  void OnTimer(const TimerKey& key);
  void MoveTo(AgentState state);
  void Emit(Effect effect) { effects_.push_back(std::move(effect)); }
  void Count(Counter what) { Emit(agent::Count{what}); }
  void Note(Notice::Severity severity, std::string text) {
    Emit(Notice{severity, std::move(text)});
  }
  void SaveNode();
  void SaveProgress(const Task& task);
  void ExitIfDone();

  // recover.cc: the first List after start, and every later one.
  void FinishRecovery();
  void CompareWith(const containerizer::v1::ListResponse& list);
  void CompareTask(Task* task, const containerizer::v1::ContainerStatus* status);
  void OnContainerMissing(Task* task);

  // master_messages.cc
  void SendRegistration();
  void OnSendReport();
  void OnSendEndedTasks(const agent_link::v1::SendEndedTasks& question);
  agent_link::v1::Register TellRegistration();
  void SendToMaster(agent_link::v1::AgentMessage message);
  void DropLink(absl::Status reason);
  void OnRegistered(const agent_link::v1::Registered& registered);
  void OnShutdown(const agent_link::v1::Shutdown& shutdown);
  void OnReconcile(const agent_link::v1::Reconcile& reconcile);
  void OnUpdateFramework(const agent_link::v1::UpdateFramework& update);
  void OnShutdownFramework(const agent_link::v1::ShutdownFramework& shutdown);
  void OnDrain(const agent_link::v1::Drain& drain);
  void OnCancelDrain();
  void OnHeartbeatTimer();

  // launch.cc
  void OnRunTasks(const agent_link::v1::RunTasks& run,
                  const std::vector<absl::StatusOr<TaskResources>>& resources);
  void OnRunTask(const agent_link::v1::RunTasks& run, const v1::TaskInfo& info,
                 const absl::StatusOr<TaskResources>& resources);
  std::optional<Refusal> RefusalNow(const agent_link::v1::RunTasks& run, const v1::TaskInfo& info,
                                    const absl::StatusOr<TaskResources>& resources) const;
  void Refuse(Task* task, const Refusal& refusal);
  void Record(Task* task);
  void Launch(const Task& task);

  // operations.cc
  absl::Status RecoverResources(RecoveredState* recovered);
  std::vector<const OpenOperation*> OperationsInOrder() const;
  void OnApplyOperation(const agent_link::v1::ApplyOperation& apply);
  OpenOperation* OpenNew(const std::string& framework_id, const std::string& uuid,
                         const v1::Offer::Operation& info);
  absl::Status Convert(OpenOperation* operation);
  void ChangeDisk(const OpenOperation& operation);
  bool BuildsOnPending(const OpenOperation& operation) const;
  void FinishOperation(OpenOperation* operation);
  void FailOperation(OpenOperation* operation, const std::string& message);
  std::vector<OpenOperation*> BuiltOn(const OpenOperation& operation);
  void ChangeVersion();
  void TellResources();
  void EndOperation(OpenOperation* operation, v1::OperationState state, const std::string& message);
  void ForwardOperations();
  void RestartOperations();
  void OnAcknowledgeOperation(const agent_link::v1::AcknowledgeOperation& acknowledge);
  void OnReconcileOperations(const agent_link::v1::ReconcileOperations& reconcile);
  void ReportOperations(agent_link::v1::Reregister* out) const;
  void SaveOperation(const OpenOperation& operation);
  void SaveReservations();
  void ForgetOperations();

  // stop.cc
  void OnKill(const agent_link::v1::KillTask& kill);
  void Stop(Task* task, StopCause cause, absl::Duration grace);
  void SendStop(const Task& task);
  absl::Duration GraceOf(const Task& task) const;
  void StopAll(StopCause cause);

  // containers.cc
  void Ask(PersistToken after, const ContainerId& container, containerizer::v1::Request request);
  void OnAnswer(const containerizer::v1::Response& response);
  void OnRefused(Task* task, const containerizer::v1::Response& response);
  void OnStatus(Task* task, const containerizer::v1::ContainerStatus& status);
  void OnStarted(Task* task, uint32_t pid, int64_t started_at_ns);
  // By value: the id may live in the task that is forgotten on the way.
  void OnTerminated(ContainerId container, const containerizer::v1::Termination& termination);
  void RemoveContainer(const ContainerId& container);
  void DestroyOrphan(const ContainerId& container);

  // updates.cc
  v1::TaskStatus NewStatus(const Task& task, v1::TaskState state) const;
  void Update(Task* task, v1::TaskStatus status);
  void End(Task* task, const Outcome& outcome);
  void Forward(Task* task);
  void SendAgain(const FrameworkId& framework);
  void TellAhead(const Task& task);
  void OnAcknowledge(const agent_link::v1::Acknowledge& acknowledge);
  void Forget(const TaskKey& key);
  void Remember(const Task& task);
  void ReportUnknownTask(const TaskKey& key, v1::TaskState state, v1::TaskStatus::Reason reason,
                         const std::string& message);
  // Whether nothing is reported any more: the master ordered this agent to leave.
  bool IsSilent() const { return state_ == AgentState::kTerminating; }
  // Whether a master ordered that all tasks of its framework end. Perhaps the next one has not
  // heard of that: what still runs is reported to whoever leads, and that it has ended.
  bool IsFrameworkEnding(const Task& task) const;
  bool IsPartitionAware(const Task& task) const;
  // Whether the master is told of it when this agent comes back.
  bool IsReported(const Task& task) const { return task.info.has_value(); }

  const AgentOptions options_;
  const RetryPolicy retry_;
  Rng rng_;

  AgentState state_ = AgentState::kRecovering;
  agent_records::v1::NodeRecord node_;
  TaskBook book_;
  resources::Resources total_;  // without allocation
  EndedTasks ended_;
  OpenOperations operations_;
  uint64_t last_operation_ = 0;  // sequence
  Journal journal_;
  Timers<TimerKey> timers_;
  Link link_;
  Containers containers_;
  bool has_records_ = false;
  bool has_exited_ = false;  // Exit was emitted: nothing is done any more

  // Of the step in progress.
  absl::Time now_;
  std::vector<Effect> effects_;
};

}  // namespace meros::agent

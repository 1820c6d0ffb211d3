// What a master says to agents. Encoded by shell/encode_agent.h.
//
// Thread rule: immutable values, moved out of the core.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "meros/v1/framework.pb.h"
#include "meros/v1/offer.pb.h"
#include "meros/v1/task.pb.h"

namespace meros::master {

struct DrainMessage {
  std::optional<absl::Duration> max_grace;  // nullopt: each task's own
  bool mark_gone = false;
};
struct CancelDrainMessage {};
struct RegisteredMessage {
  AgentId agent_id;
  uint64_t epoch = 0;
  absl::Duration heartbeat_interval;
  absl::Duration first_heartbeat;  // from now
  absl::Duration unreachable_after;
  bool reregistered = false;
  std::optional<DrainMessage> drain;  // while it is being emptied
};
struct ShutdownMessage {
  std::string reason;
};
struct ReconcileMessage {
  struct Ref {
    FrameworkId framework_id;
    TaskId task_id;
    bool partition_aware = false;
  };
  std::vector<Ref> tasks;
};
// Asks for what its digest stood for.
struct SendReportMessage {};
// Asks for ended tasks that it said it remembers.
struct SendEndedTasksMessage {
  struct Wanted {
    FrameworkId framework_id;
    size_t tasks_max = 0;
    absl::Time ended_after;  // InfinitePast: all
  };
  std::vector<Wanted> frameworks;
};
struct RunTaskMessage {
  std::shared_ptr<const v1::FrameworkInfo> framework;  // with its id
  std::shared_ptr<const v1::TaskInfo> task;
  std::string role;  // to which the shell allocates the resources
  bool launch_executor = false;
  std::string resource_version_uuid;
};
// Tasks of one executor, all or none.
struct RunGroupMessage {
  std::shared_ptr<const v1::FrameworkInfo> framework;      // with its id
  std::vector<std::shared_ptr<const v1::TaskInfo>> tasks;  // not empty; with their executor
  std::string role;  // to which the shell allocates the resources
  bool launch_executor = false;
  std::string resource_version_uuid;
};
struct ApplyOperationMessage {
  FrameworkId framework_id;    // empty: an operator's
  std::string operation_uuid;  // 16 bytes
  std::shared_ptr<const v1::Offer::Operation> operation;
  std::string role;  // to which the shell allocates the resources; empty: none
  std::string resource_version_uuid;
};
struct AcknowledgeOperationMessage {
  std::string operation_uuid;
  std::string status_uuid;
};
struct ReconcileOperationsMessage {
  struct Ref {
    FrameworkId framework_id;
    std::string operation_uuid;
    std::string operation_id;
  };
  std::vector<Ref> operations;
};
struct KillTaskMessage {
  FrameworkId framework_id;
  TaskId task_id;
  std::shared_ptr<const v1::KillPolicy> kill_policy;  // may be null
  std::string preempted_for;  // the role that is owed what it holds; empty: none
};
struct AcknowledgeMessage {
  FrameworkId framework_id;
  TaskId task_id;
  std::string uuid;
};
struct ShutdownFrameworkMessage {
  FrameworkId framework_id;
};
struct ShutdownExecutorMessage {
  FrameworkId framework_id;
  ExecutorId executor_id;
};
struct UpdateFrameworkMessage {
  std::shared_ptr<const v1::FrameworkInfo> framework;
  bool subscribed_again = false;  // what it has not acknowledged is sent again at once
};
struct SchedulerBytesMessage {
  FrameworkId framework_id;
  ExecutorId executor_id;
  std::string data;
};

struct ToAgent {
  using Message =
      std::variant<RegisteredMessage, ShutdownMessage, SendReportMessage, SendEndedTasksMessage,
                   ReconcileMessage, RunTaskMessage, RunGroupMessage, KillTaskMessage,
                   AcknowledgeMessage, ShutdownFrameworkMessage, ShutdownExecutorMessage,
                   UpdateFrameworkMessage, SchedulerBytesMessage, DrainMessage, CancelDrainMessage,
                   ApplyOperationMessage, AcknowledgeOperationMessage, ReconcileOperationsMessage>;
  StreamId stream = 0;
  Message message;
};

}  // namespace meros::master

// The agent's records as keys and bytes, and back. The format is
// protos/meros/agent_records/v1/agent_records.proto.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "libs/base/ids.h"
#include "meros/agent_records/v1/agent_records.pb.h"
#include "services/agent/core/ended_tasks.h"
#include "services/agent/core/operation.h"
#include "services/agent/core/task_book.h"

namespace meros::agent {

inline constexpr char kNodeKey[] = "node";
inline constexpr char kReservationsKey[] = "reservations";
// `uuid` of 16 bytes.
std::string OperationKey(const std::string& uuid);
std::string FrameworkKey(const FrameworkId& id);
std::string TaskRecordKey(const TaskKey& key);
std::string ProgressKey(const TaskKey& key);
std::string EndedTaskKey(const TaskKey& key);

std::string EncodeFramework(const Framework& framework);
std::string EncodeOperation(const OpenOperation& operation);
std::string EncodeTask(const Task& task);      // REQUIRES: task.info is there
std::string EncodeProgress(const Task& task);  // REQUIRES: past kPreparing
std::string EncodeEndedTask(const v1::Task& task, uint64_t sequence);

// Everything that a store holds.
struct RecoveredState {
  agent_records::v1::NodeRecord node;  // default when the agent never ran here
  TaskBook book;
  agent_records::v1::ReservationsRecord reservations;
  OpenOperations operations;  // the conversions of those that are pending are not filled in
  std::vector<std::pair<TaskKey, agent_records::v1::EndedTaskRecord>> ended;
  // What could not be used, one sentence each, and its key.
  std::vector<std::pair<std::string, std::string>> problems;
  bool is_node_readable = true;
  bool are_reservations_readable = true;
};

RecoveredState Decode(const std::vector<std::pair<std::string, std::string>>& records);

}  // namespace meros::agent

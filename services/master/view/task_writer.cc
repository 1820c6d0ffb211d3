#include "services/master/view/task_writer.h"

#include "libs/base/check.h"
#include "libs/wire/resources_proto.h"
#include "meros/v1/master/operator/tasks.pb.h"
#include "services/master/view/encode_view.h"
#include "services/master/view/wire_writer.h"

namespace meros::master {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Where v1::Task has what v1::TaskInfo says in `field`, in the same type; 0 for nowhere.
int TaskFieldOf(int field) {
  switch (field) {
    case v1::TaskInfo::kLabelsFieldNumber:
      return v1::Task::kLabelsFieldNumber;
    case v1::TaskInfo::kDiscoveryFieldNumber:
      return v1::Task::kDiscoveryFieldNumber;
    case v1::TaskInfo::kContainerFieldNumber:
      return v1::Task::kContainerFieldNumber;
    case v1::TaskInfo::kHealthCheckFieldNumber:
      return v1::Task::kHealthCheckFieldNumber;
    case v1::TaskInfo::kKillPolicyFieldNumber:
      return v1::Task::kKillPolicyFieldNumber;
    case v1::TaskInfo::kLimitsFieldNumber:
      return v1::Task::kLimitsFieldNumber;
    default:
      return 0;
  }
}

// TaskFacts::description as fields of v1::Task.
std::string TaskFieldsOf(const std::string& description) {
  std::string fields;
  WireWriter out(&fields);
  CodedInputStream in(reinterpret_cast<const uint8_t*>(description.data()),
                      static_cast<int>(description.size()));
  std::string value;
  while (const uint32_t tag = in.ReadTag()) {
    const int field = WireFormatLite::GetTagFieldNumber(tag);
    MEROS_CHECK(WireFormatLite::ReadBytes(&in, &value))
        << "DescribeTask packs nothing but messages";
    if (field == v1::TaskInfo::kCommandFieldNumber) {
      v1::CommandInfo command;
      command.ParsePartialFromString(value);
      if (command.has_user()) out.Bytes(v1::Task::kUserFieldNumber, command.user());
    } else if (const int to = TaskFieldOf(field); to != 0) {
      out.Bytes(to, value);
    }
  }
  return fields;
}

}  // namespace

const std::string& TaskWriter::ResourcesOf(const Task& task) {
  const auto [known, is_new] =
      resources_.try_emplace({&task.resources(), &task.role()}, std::string());
  if (is_new) {
    v1::Task fields;
    wire::ResourcesToProto(task.resources().WithAllocationRole(task.role()),
                           fields.mutable_resources());
    known->second = fields.SerializePartialAsString();
  }
  return known->second;
}

const std::string& TaskWriter::DescriptionOf(const Task& task) {
  const std::string& description = *task.facts->description;
  const auto [known, is_new] = descriptions_.try_emplace(&description, std::string());
  if (is_new) known->second = TaskFieldsOf(description);
  return known->second;
}

void TaskWriter::AppendTask(const Task& task, std::string* out) {
  WireWriter writer(out);
  writer.Bytes(v1::Task::kNameFieldNumber, *task.facts->name);
  writer.Id(v1::Task::kTaskIdFieldNumber, task.id().value());
  writer.Id(v1::Task::kFrameworkIdFieldNumber, task.framework_id().value());
  if (!task.executor_id().empty()) {
    writer.Id(v1::Task::kExecutorIdFieldNumber, task.executor_id().value());
  }
  writer.Id(v1::Task::kAgentIdFieldNumber, task.agent_id().value());
  writer.Varint(v1::Task::kStateFieldNumber, task.state);
  out->append(ResourcesOf(task));
  out->append(task.statuses.packed());
  if (task.forwarded_state.has_value()) {
    writer.Varint(v1::Task::kStatusUpdateStateFieldNumber, *task.forwarded_state);
  }
  if (const absl::string_view uuid = task.forwarded_uuid.bytes(); !uuid.empty()) {
    writer.Bytes(v1::Task::kStatusUpdateUuidFieldNumber, uuid);
  }
  if (!task.facts->description->empty()) out->append(DescriptionOf(task));
}

void TaskWriter::Append(const TaskEntry& entry, const AgentRecord* agent,
                        const FrameworkRecord* framework, std::string* out) {
  using View = v1::master::TaskView;
  task_.clear();
  AppendTask(entry.task, &task_);
  WireWriter writer(out);
  writer.Bytes(View::kTaskFieldNumber, task_);
  if (agent != nullptr) {
    writer.Bytes(View::kAgentHostnameFieldNumber, agent->info->hostname());
    writer.Bytes(View::kAgentServiceAddressFieldNumber, agent->service_address);
  }
  writer.Varint(View::kCompletedFieldNumber, entry.completed ? 1 : 0);
  writer.Double(View::kLaunchedTimeFieldNumber, SecondsOf(entry.task.facts->entered));
  if (framework != nullptr) {
    writer.Bytes(View::kFrameworkNameFieldNumber, framework->subscription.info->name());
  }
  writer.Varint(View::kSequenceFieldNumber, entry.task.sequence());
}

}  // namespace meros::master

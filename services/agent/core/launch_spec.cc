#include "services/agent/core/launch_spec.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace meros::agent {
namespace {

namespace cv1 = containerizer::v1;
using resources::Scalar;

// The kernel takes no smaller quota (1 ms per 100 ms).
constexpr int64_t kMinCpuLimitMillis = 10;

// MiB in thousandths to bytes.
uint64_t Bytes(Scalar mib) {
  return static_cast<uint64_t>(mib.millis()) * (uint64_t{1} << 20) / Scalar::kScale;
}

cv1::ContainerResources ResourcesOf(const AgentOptions& options, const TaskResources& task) {
  cv1::ContainerResources out;
  out.set_cpu_request_millis(static_cast<uint64_t>(task.cpus.millis()));
  std::optional<Scalar> cpus_limit = task.cpus_limit;
  if (!cpus_limit.has_value() && options.enforce_cpu_limits) cpus_limit = task.cpus;
  if (cpus_limit.has_value() && *cpus_limit != Scalar::Max() && cpus_limit->is_positive()) {
    out.set_cpu_limit_millis(
        static_cast<uint64_t>(std::max(cpus_limit->millis(), kMinCpuLimitMillis)));
  }
  out.set_memory_request_bytes(Bytes(task.mem));
  const Scalar mem_limit = task.mem_limit.value_or(task.mem);
  if (mem_limit != Scalar::Max()) out.set_memory_limit_bytes(Bytes(mem_limit));
  out.set_pids_limit(options.task_pids_max);
  return out;
}

std::string AllocationRole(const v1::TaskInfo& info) {
  for (const v1::Resource& resource : info.resources()) {
    if (resource.allocation_info().has_role()) return resource.allocation_info().role();
  }
  return "*";
}

class Environment {
 public:
  explicit Environment(cv1::LaunchSpec* spec) : spec_(spec) {}
  void Set(absl::string_view name, absl::string_view value) {
    cv1::EnvironmentVariable* variable = spec_->add_environment();
    variable->set_name(name.data(), name.size());
    variable->set_value(value.data(), value.size());
  }
  // Under our name and the one that tasks written for Mesos look for.
  void SetBoth(absl::string_view ours, absl::string_view mesos, absl::string_view value) {
    Set(absl::StrCat("MEROS_", ours), value);
    Set(absl::StrCat("MESOS_", mesos), value);
  }

 private:
  cv1::LaunchSpec* const spec_;
};

// In rising precedence: what the agent knows, what its operator set, what the task set.
void FillEnvironment(const AgentOptions& options, const AgentId& agent, const Task& task,
                     cv1::LaunchSpec* spec) {
  Environment environment(spec);
  environment.Set("HOME", task.sandbox);
  if (!spec->user().empty()) environment.Set("USER", spec->user());
  environment.SetBoth("SANDBOX", "SANDBOX", task.sandbox);
  environment.SetBoth("DIRECTORY", "DIRECTORY", task.sandbox);
  environment.SetBoth("TASK_ID", "TASK_ID", task.key.task.value());
  environment.SetBoth("FRAMEWORK_ID", "FRAMEWORK_ID", task.key.framework.value());
  environment.SetBoth("EXECUTOR_ID", "EXECUTOR_ID", task.key.task.value());
  environment.SetBoth("AGENT_ID", "SLAVE_ID", agent.value());
  environment.SetBoth("CONTAINER_ID", "CONTAINER_ID", task.container.value());
  environment.SetBoth("AGENT_ENDPOINT", "AGENT_ENDPOINT", options.service_address);
  environment.SetBoth("ALLOCATION_ROLE", "ALLOCATION_ROLE", AllocationRole(*task.info));
  if (!options.ip.empty()) environment.SetBoth("CONTAINER_IP", "CONTAINER_IP", options.ip);
  for (const auto& [name, value] : options.task_environment) environment.Set(name, value);
  for (const auto& variable : task.info->command().environment().variables()) {
    environment.Set(variable.name(), variable.value());
  }
}

// The kinds have the same names in both schemas; RLMT_LOCKS means nothing to a kernel since 2.4.25.
std::optional<cv1::Rlimit::Type> RlimitType(v1::RLimitInfo::RLimit::Type type) {
  using In = v1::RLimitInfo::RLimit;
  using Out = cv1::Rlimit;
  switch (type) {
    case In::RLMT_AS:
      return Out::AS;
    case In::RLMT_CORE:
      return Out::CORE;
    case In::RLMT_CPU:
      return Out::CPU;
    case In::RLMT_DATA:
      return Out::DATA;
    case In::RLMT_FSIZE:
      return Out::FSIZE;
    case In::RLMT_MEMLOCK:
      return Out::MEMLOCK;
    case In::RLMT_MSGQUEUE:
      return Out::MSGQUEUE;
    case In::RLMT_NICE:
      return Out::NICE;
    case In::RLMT_NOFILE:
      return Out::NOFILE;
    case In::RLMT_NPROC:
      return Out::NPROC;
    case In::RLMT_RSS:
      return Out::RSS;
    case In::RLMT_RTPRIO:
      return Out::RTPRIO;
    case In::RLMT_RTTIME:
      return Out::RTTIME;
    case In::RLMT_SIGPENDING:
      return Out::SIGPENDING;
    case In::RLMT_STACK:
      return Out::STACK;
    default:
      return std::nullopt;
  }
}

void FillRlimits(const v1::RLimitInfo& info, cv1::LaunchSpec* spec) {
  for (const v1::RLimitInfo::RLimit& rlimit : info.rlimits()) {
    const std::optional<cv1::Rlimit::Type> type = RlimitType(rlimit.type());
    if (!type.has_value()) continue;
    cv1::Rlimit* out = spec->add_rlimits();
    out->set_type(*type);
    if (rlimit.has_soft()) out->set_soft(rlimit.soft());
    if (rlimit.has_hard()) out->set_hard(rlimit.hard());
  }
}

}  // namespace

std::string SandboxDirectory(const std::string& work_dir, const AgentId& agent, const TaskKey& task,
                             const ContainerId& container) {
  return absl::StrCat(work_dir, "/agents/", agent.value(), "/frameworks/", task.framework.value(),
                      "/tasks/", task.task.value(), "/runs/", container.value());
}

std::string UserOf(const AgentOptions& options, const v1::TaskInfo& task,
                   const v1::FrameworkInfo& framework) {
  if (!options.switch_user) return "";
  if (!task.command().user().empty()) return task.command().user();
  return framework.user();
}

cv1::LaunchSpec LaunchSpecOf(const AgentOptions& options, const AgentId& agent, const Task& task,
                             const v1::FrameworkInfo& framework) {
  MEROS_CHECK(task.info.has_value() && task.resources.has_value()) << task.key.task;
  const v1::CommandInfo& command = task.info->command();
  cv1::LaunchSpec spec;
  spec.set_container_id(task.container.value());
  spec.mutable_command()->set_shell(command.shell());
  spec.mutable_command()->set_value(command.value());
  if (!command.shell()) *spec.mutable_command()->mutable_arguments() = command.arguments();
  spec.set_sandbox_directory(task.sandbox);
  spec.set_user(UserOf(options, *task.info, framework));
  *spec.mutable_resources() = ResourcesOf(options, *task.resources);
  cv1::Namespaces* namespaces = spec.mutable_namespaces();
  namespaces->set_pid(true);
  namespaces->set_mount(true);
  namespaces->set_ipc(true);
  namespaces->set_uts(true);
  FillEnvironment(options, agent, task, &spec);
  if (task.info->has_container()) {
    spec.set_hostname(task.info->container().hostname());
    FillRlimits(task.info->container().rlimit_info(), &spec);
  }
  spec.mutable_labels()->set_framework_id(task.key.framework.value());
  spec.mutable_labels()->set_executor_id(task.key.task.value());
  spec.mutable_labels()->set_task_id(task.key.task.value());
  return spec;
}

}  // namespace meros::agent

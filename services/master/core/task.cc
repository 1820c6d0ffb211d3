#include "services/master/core/task.h"

namespace meros::master {
namespace {

// What the launch and the agent's report say in the same fields.
template <typename Message>
v1::TaskInfo Described(const Message& message) {
  v1::TaskInfo shown;
  if (message.has_labels()) *shown.mutable_labels() = message.labels();
  if (message.has_discovery()) *shown.mutable_discovery() = message.discovery();
  if (message.has_container()) *shown.mutable_container() = message.container();
  if (message.has_health_check()) *shown.mutable_health_check() = message.health_check();
  if (message.has_kill_policy()) *shown.mutable_kill_policy() = message.kill_policy();
  *shown.mutable_limits() = message.limits();
  return shown;
}

}  // namespace

std::string DescribeTask(const v1::TaskInfo& info) {
  v1::TaskInfo shown = Described(info);
  if (info.command().has_user()) shown.mutable_command()->set_user(info.command().user());
  return shown.SerializePartialAsString();
}

std::string DescribeTask(const v1::Task& report) {
  v1::TaskInfo shown = Described(report);
  if (report.has_user()) shown.mutable_command()->set_user(report.user());
  return shown.SerializePartialAsString();
}

}  // namespace meros::master

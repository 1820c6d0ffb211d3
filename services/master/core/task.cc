#include "services/master/core/task.h"

namespace meros::master {

std::shared_ptr<const TaskDescription> Describe(const v1::TaskInfo& info) {
  v1::TaskInfo shown;
  if (info.has_labels()) *shown.mutable_labels() = info.labels();
  if (info.has_discovery()) *shown.mutable_discovery() = info.discovery();
  if (info.has_container()) *shown.mutable_container() = info.container();
  if (info.has_health_check()) *shown.mutable_health_check() = info.health_check();
  if (info.has_kill_policy()) *shown.mutable_kill_policy() = info.kill_policy();
  if (info.command().has_user()) shown.mutable_command()->set_user(info.command().user());
  *shown.mutable_limits() = info.limits();
  return std::make_shared<const TaskDescription>(
      TaskDescription{info.name(), shown.SerializePartialAsString()});
}

v1::TaskInfo TaskDescription::Unpack() const {
  v1::TaskInfo info;
  info.ParsePartialFromString(packed);
  return info;
}

}  // namespace meros::master

#include "tests/simulation/group_ledger.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/simulation/probes.h"

namespace meros::simulation {

void GroupLedger::OnAsked(const std::string& framework, const std::vector<std::string>& tasks,
                          bool is_greedy) {
  if (tasks.empty()) return;
  for (const std::string& task : tasks) group_of_[{framework, task}] = groups_.size();
  groups_.push_back({.tasks = {tasks.begin(), tasks.end()}, .is_greedy = is_greedy});
}

GroupLedger::Group* GroupLedger::Find(const std::string& framework, const std::string& task) {
  const auto found = group_of_.find({framework, task});
  return found == group_of_.end() ? nullptr : &groups_[found->second];
}

void GroupLedger::OnToAgent(const master::ToAgent::Message& message) {
  if (const auto* group = std::get_if<master::RunGroupMessage>(&message)) return OnOrdered(*group);
  const auto* alone = std::get_if<master::RunTaskMessage>(&message);
  if (alone == nullptr) return;
  const std::string& task = alone->task->task_id().value();
  if (Find(alone->framework->id().value(), task) == nullptr) return;
  ledger_.Fail(absl::StrCat("task ", task, " of a group is ordered alone"));
}

void GroupLedger::OnOrdered(const master::RunGroupMessage& message) {
  std::set<std::string> ordered;
  for (const auto& task : message.tasks) ordered.insert(task->task_id().value());
  const std::string names = absl::StrJoin(ordered, " ");
  Group* const asked = Find(message.framework->id().value(), *ordered.begin());
  if (asked == nullptr || asked->tasks != ordered) {
    return ledger_.Fail(absl::StrCat("nobody asked for the group ", names));
  }
  if (asked->is_ordered) ledger_.Fail(absl::StrCat("the group ", names, " is ordered twice"));
  if (asked->is_greedy) ledger_.Fail(absl::StrCat("the group ", names, " has what nobody offered"));
  asked->is_ordered = true;
  Sometimes<"a group of tasks is ordered of an agent">(true);
}

void GroupLedger::OnDelivered(const std::string& framework, const v1::TaskStatus& status) {
  Group* const group = Find(framework, status.task_id().value());
  if (group == nullptr) return;
  switch (status.state()) {
    case v1::TASK_ERROR:
      group->is_refused = true;
      Sometimes<"a group that asks for too much is refused">(group->is_greedy);
      Sometimes<"an agent refuses a group">(group->is_ordered);
      break;
    case v1::TASK_STARTING:
    case v1::TASK_RUNNING:
    case v1::TASK_FINISHED:
      group->has_run = true;
      break;
    default:
      break;
  }
  if (!group->is_refused || !group->has_run) return;
  ledger_.Fail(absl::StrCat("the group of ", status.task_id().value(), " runs in part: ",
                            v1::TaskState_Name(status.state()), " ", status.message()));
}

}  // namespace meros::simulation

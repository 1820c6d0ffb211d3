// meros ps: tasks of the cluster.
#include <cstdio>

#include "cli/format.h"
#include "cli/verbs.h"

namespace meros::cli {
namespace {

using meros::v1::master::ListTasksRequest;
using meros::v1::master::ListTasksResponse;

struct PsOptions {
  bool all = false;
  std::string framework, agent, role, name, state;
  std::vector<std::string> labels;
};

absl::StatusOr<ListTasksRequest> RequestFor(const PsOptions& options) {
  ListTasksRequest request;
  request.set_include_completed(options.all);
  if (!options.framework.empty()) request.mutable_framework_id()->set_value(options.framework);
  if (!options.agent.empty()) request.mutable_agent_id()->set_value(options.agent);
  if (!options.role.empty()) request.set_role(options.role);
  if (!options.name.empty()) request.set_name(options.name);
  for (const std::string& text : options.labels) {
    const auto [key, value] = NameAndValue(text);
    auto* label = request.add_labels();
    label->set_key(key);
    if (value.has_value()) label->set_value(*value);
  }
  if (!options.state.empty()) {
    meros::v1::TaskState state;
    if (!meros::v1::TaskState_Parse(options.state, &state) &&
        !meros::v1::TaskState_Parse("TASK_" + options.state, &state)) {
      return absl::InvalidArgumentError("--state: no task state is called '" + options.state + "'");
    }
    request.add_states(state);
  }
  return request;
}

std::vector<std::string> Row(const meros::v1::master::TaskView& view) {
  const auto& task = view.task();
  return {task.task_id().value(),
          task.name(),
          StateName(task.state()),
          view.framework_name(),
          view.agent_hostname(),
          Number(Scalar(task.resources(), "cpus")),
          Megabytes(Scalar(task.resources(), "mem")),
          Age(view.launched_time())};
}

int Ps(const Common& common, const PsOptions& options) {
  auto request = RequestFor(options);
  if (!request.ok()) return Fail(request.status());
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  Table table({"TASK", "NAME", "STATE", "FRAMEWORK", "AGENT", "CPUS", "MEM", "AGE"});
  const auto all = cluster->List<ListTasksResponse>("ListTasks", *request);
  if (!all.ok()) return Fail(all.status());
  for (const auto& task : all->tasks()) table.Add(Row(task));
  std::fputs(common.json ? (Json(*all) + "\n").c_str() : table.Print().c_str(), stdout);
  return 0;
}

}  // namespace

void AddPs(CLI::App* app, Common* common) {
  auto options = std::make_shared<PsOptions>();
  CLI::App* verb = app->add_subcommand("ps", "Lists tasks");
  verb->add_flag("-a,--all", options->all, "Ended tasks too");
  verb->add_option("--framework", options->framework, "Only tasks of this framework id");
  verb->add_option("--agent", options->agent, "Only tasks on this agent id");
  verb->add_option("--role", options->role, "Only tasks charged to this role");
  verb->add_option("--name", options->name, "Only tasks of this name");
  verb->add_option("--label", options->labels, "Only tasks with KEY=VALUE, or KEY; repeatable")
      ->allow_extra_args(false);
  verb->add_option("--state", options->state, "Only tasks in this state, e.g. RUNNING");
  verb->callback([=] { common->chosen = [=] { return Ps(*common, *options); }; });
}

}  // namespace meros::cli

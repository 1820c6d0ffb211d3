// meros logs ID: what a task wrote.
#include <cstdio>

#include "cli/follow.h"
#include "cli/verbs.h"

namespace meros::cli {
namespace {

struct LogsOptions {
  std::string id, framework;
  std::string file = "stdout";
  bool standard_error = false;
  bool follow = false;
  uint64_t offset = 0;
};

int Logs(const Common& common, const LogsOptions& options) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  meros::v1::master::GetTaskRequest request;
  request.mutable_task_id()->set_value(options.id);
  if (!options.framework.empty()) request.mutable_framework_id()->set_value(options.framework);
  const auto task = cluster->Call(&Cluster::MasterStub::GetTask, request);
  if (!task.ok()) return Fail(task.status());
  meros::v1::agent::SandboxPath file;
  *file.mutable_framework_id() = task->task().task().framework_id();
  *file.mutable_task_id() = task->task().task().task_id();
  file.set_path(options.standard_error ? "stderr" : options.file);
  FileFollower follower(&*cluster, task->task().agent_service_address(), file, stdout);
  const absl::Status status = follower.Follow(
      options.follow ? FileFollower::Mode::kFollow : FileFollower::Mode::kOnce, options.offset);
  return status.ok() ? 0 : Fail(status);
}

}  // namespace

void AddLogs(CLI::App* app, Common* common) {
  auto options = std::make_shared<LogsOptions>();
  CLI::App* verb = app->add_subcommand("logs", "Prints what a task wrote");
  verb->add_option("id", options->id, "Task id")->required();
  verb->add_option("--framework", options->framework,
                   "Framework id, when several have this task id");
  verb->add_flag("-f,--follow", options->follow, "Goes on as the task writes, until it ends");
  verb->add_flag("--stderr", options->standard_error, "Its error output");
  verb->add_option("--file", options->file, "Another file of its sandbox");
  verb->add_option("--offset", options->offset, "Bytes to leave out at the start");
  verb->callback([=] { common->chosen = [=] { return Logs(*common, *options); }; });
}

}  // namespace meros::cli

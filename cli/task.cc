// meros task ID: everything known of one task.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/format.h"
#include "cli/verbs.h"

namespace meros::cli {
namespace {

std::string Time(double unix_seconds) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S", absl::UnixEpoch() + absl::Seconds(unix_seconds),
                          absl::LocalTimeZone());
}

void PrintTask(const meros::v1::master::TaskView& view) {
  const auto& task = view.task();
  std::string out;
  const auto line = [&](absl::string_view name, absl::string_view value) {
    absl::StrAppend(&out, name, std::string(12 - name.size(), ' '), Printable(value), "\n");
  };
  line("task", task.task_id().value());
  line("name", task.name());
  line("state", StateName(task.state()));
  line("framework", absl::StrCat(task.framework_id().value(), " (", view.framework_name(), ")"));
  line("agent", absl::StrCat(task.agent_id().value(), " (", view.agent_hostname(), ")"));
  line("resources", absl::StrCat("cpus ", Number(Scalar(task.resources(), "cpus")), ", mem ",
                                 Megabytes(Scalar(task.resources(), "mem")), ", disk ",
                                 Megabytes(Scalar(task.resources(), "disk"))));
  out += "history\n";
  for (const auto& status : task.statuses()) {
    absl::StrAppend(&out, "  ", Time(status.timestamp()), "  ", StateName(status.state()));
    if (status.has_reason()) {
      absl::StrAppend(&out, "  ", meros::v1::TaskStatus::Reason_Name(status.reason()));
    }
    if (status.has_exit_code()) absl::StrAppend(&out, "  exit code ", status.exit_code());
    if (status.has_term_signal()) absl::StrAppend(&out, "  signal ", status.term_signal());
    if (!status.message().empty()) absl::StrAppend(&out, "  ", Printable(status.message()));
    out += "\n";
  }
  std::fputs(out.c_str(), stdout);
}

int Task(const Common& common, const std::string& id, const std::string& framework) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  meros::v1::master::GetTaskRequest request;
  request.mutable_task_id()->set_value(id);
  if (!framework.empty()) request.mutable_framework_id()->set_value(framework);
  const auto response = cluster->Call(&Cluster::MasterStub::GetTask, request);
  if (!response.ok()) return Fail(response.status());
  if (common.json) {
    std::printf("%s\n", Json(response->task()).c_str());
  } else {
    PrintTask(response->task());
  }
  return 0;
}

}  // namespace

void AddTask(CLI::App* app, Common* common) {
  struct Options {
    std::string id, framework;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app->add_subcommand("task", "Shows one task with its history");
  verb->add_option("id", options->id, "Task id")->required();
  verb->add_option("--framework", options->framework,
                   "Framework id, when several have this task id");
  verb->callback(
      [=] { common->chosen = [=] { return Task(*common, options->id, options->framework); }; });
}

}  // namespace meros::cli

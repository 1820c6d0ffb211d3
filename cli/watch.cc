// meros watch: what there is, and then every change, a line each.
#include <chrono>
#include <cstdio>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/agents.h"
#include "cli/format.h"
#include "cli/schedule.h"
#include "cli/verbs.h"
#include "libs/base/rng.h"
#include "libs/rpc/status.h"

namespace meros::cli {
namespace {

namespace pb = ::meros::v1::master;

constexpr char kKinds[] = "agents, frameworks, tasks, roles, operations, executors or maintenance";

struct WatchFlags {
  std::vector<std::string> kinds;
  std::string framework, agent, role;
  bool once = false;
};

absl::StatusOr<pb::WatchRequest> RequestFor(const WatchFlags& flags) {
  pb::WatchRequest request;
  for (const std::string& name : flags.kinds) {
    pb::WatchKind kind;
    if (!pb::WatchKind_Parse(absl::StrCat("WATCH_", absl::AsciiStrToUpper(name)), &kind)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--kind: must be ", kKinds, ", found '", name, "'"));
    }
    request.add_kinds(kind);
  }
  if (!flags.framework.empty()) request.mutable_framework_id()->set_value(flags.framework);
  if (!flags.agent.empty()) request.mutable_agent_id()->set_value(flags.agent);
  if (!flags.role.empty()) request.set_role(flags.role);
  return request;
}

// ---- A line ----

// "task       f1 t1 RUNNING node-1".
std::string LineOf(const pb::AgentView& view) {
  return absl::StrCat("agent      ", view.info().id().value(), " ", view.info().hostname(), " ",
                      AgentState(view));
}

std::string LineOf(const pb::FrameworkView& view) {
  return absl::StrCat("framework  ", view.info().id().value(), " ", view.info().name(), " ",
                      pb::FrameworkView::State_Name(view.state()));
}

std::string LineOf(const pb::TaskView& view) {
  return absl::StrCat("task       ", view.task().framework_id().value(), " ",
                      view.task().task_id().value(), " ", StateName(view.task().state()),
                      view.completed() ? " completed " : " ", view.agent_hostname());
}

std::string LineOf(const meros::v1::Operation& operation) {
  const std::string& framework = operation.framework_id().value();
  return absl::StrCat("operation  ", UuidText(operation.uuid().value()), " ",
                      meros::v1::Offer::Operation::Type_Name(operation.info().type()), " ",
                      meros::v1::OperationState_Name(operation.latest_status().state()), " ",
                      framework.empty() ? "-" : framework, " ", operation.agent_id().value());
}

std::string LineOf(const pb::ExecutorView& view) {
  return absl::StrCat("executor   ", view.info().framework_id().value(), " ",
                      view.info().executor_id().value(), " ", view.agent_id().value(), " ",
                      view.agent_hostname());
}

// "maintenance 2030-01-31T22:00:00Z 2h30m node-1 node-2, down node-2".
std::string LineOf(const pb::MaintenanceView& view) {
  const auto add = [](std::string* text, const meros::v1::MachineID& machine) {
    text->append(MachineText(machine));
  };
  std::vector<std::string> parts;
  for (const auto& window : view.schedule().windows()) {
    parts.push_back(absl::StrCat(StartText(window.unavailability()), " ",
                                 LengthText(window.unavailability()), " ",
                                 absl::StrJoin(window.machine_ids(), " ", add)));
  }
  if (!view.down_machines().empty()) {
    parts.push_back(absl::StrCat("down ", absl::StrJoin(view.down_machines(), " ", add)));
  }
  return absl::StrCat("maintenance ", parts.empty() ? "none" : absl::StrJoin(parts, ", "));
}

// What the events of all that is forgotten have in common.
std::string RemovedLine(const pb::WatchEvent& event) {
  std::string what;
  if (event.has_agent_removed()) {
    what = absl::StrCat("agent      ", event.agent_removed().value());
  } else if (event.has_framework_removed()) {
    what = absl::StrCat("framework  ", event.framework_removed().value());
  } else if (event.has_task_removed()) {
    const pb::RemovedTask& task = event.task_removed();
    what = absl::StrCat("task       ", task.framework_id().value(), " ", task.task_id().value());
  } else if (event.has_role_removed()) {
    what = absl::StrCat("role       ", event.role_removed());
  } else if (event.has_operation_removed()) {
    what = absl::StrCat("operation  ", UuidText(event.operation_removed().value()));
  } else if (event.has_executor_removed()) {
    const pb::RemovedExecutor& executor = event.executor_removed();
    what = absl::StrCat("executor   ", executor.framework_id().value(), " ",
                        executor.executor_id().value(), " ", executor.agent_id().value());
  } else {
    return "unknown    of a newer master";
  }
  return absl::StrCat(what, " removed");
}

std::string Line(const pb::WatchEvent& event) {
  if (event.has_agent()) return LineOf(event.agent());
  if (event.has_framework()) return LineOf(event.framework());
  if (event.has_task()) return LineOf(event.task());
  if (event.has_role()) return absl::StrCat("role       ", event.role().role(), " set");
  if (event.has_operation()) return LineOf(event.operation());
  if (event.has_executor()) return LineOf(event.executor());
  if (event.has_maintenance()) return LineOf(event.maintenance());
  return RemovedLine(event);
}

// ---- The stream ----

// Shows frames until the stream ends; `request` is then to be gone on with. OK: all was shown that
// was asked for.
absl::Status Follow(const Cluster& cluster, const Common& common, const WatchFlags& flags,
                    pb::WatchRequest* request) {
  grpc::ClientContext context;
  auto reader = cluster.master()->Watch(&context, *request);
  pb::WatchResponse frame;
  while (reader->Read(&frame)) {
    for (const pb::WatchEvent& event : frame.events()) {
      std::puts(common.json ? Json(event).c_str() : Printable(Line(event)).c_str());
    }
    std::fflush(stdout);
    if (frame.has_resume_token()) request->set_resume_token(frame.resume_token());
    if (flags.once && frame.snapshot_end()) {
      context.TryCancel();
      reader->Finish();
      return absl::OkStatus();
    }
  }
  return rpc::FromGrpc(reader->Finish());
}

// Whether the watch is gone on with, after a while.
bool IsPassing(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsFailedPrecondition(status) ||
         absl::IsResourceExhausted(status);
}

absl::Status Watch(const Common& common, const WatchFlags& flags) {
  absl::StatusOr<pb::WatchRequest> request = RequestFor(flags);
  if (!request.ok()) return request.status();
  while (true) {
    auto cluster = Cluster::Connect(common.connection);
    if (!cluster.ok()) return cluster.status();
    const absl::Status status = Follow(*cluster, common, flags, &*request);
    if (status.ok()) return status;
    if (absl::IsOutOfRange(status)) {
      // Changes were missed, of this leader or with the one before it.
      std::fputs("meros: what was missed is not known any more; all there is follows\n", stderr);
      request->clear_resume_token();
    } else if (!IsPassing(status)) {
      return status;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
}

}  // namespace

void AddWatch(CLI::App* app, Common* common) {
  auto flags = std::make_shared<WatchFlags>();
  CLI::App* verb =
      app->add_subcommand("watch", "Shows what there is, and then every change, a line each");
  verb->add_option("--kind", flags->kinds, absl::StrCat("Only ", kKinds))->delimiter(',');
  verb->add_option("--framework", flags->framework,
                   "Only this framework id, its tasks, operations and executors");
  verb->add_option("--agent", flags->agent,
                   "Only this agent id, and the tasks, operations and executors on it");
  verb->add_option("--role", flags->role, "Only this role, its frameworks and its tasks");
  verb->add_flag("--once", flags->once, "Only what there is");
  verb->callback([=] {
    common->chosen = [=] {
      const absl::Status status = Watch(*common, *flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace meros::cli

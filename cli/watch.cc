// meros watch: what there is, and then every change, a line each.
#include <chrono>
#include <cstdio>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/agents.h"
#include "cli/format.h"
#include "cli/verbs.h"
#include "libs/rpc/status.h"

namespace meros::cli {
namespace {

namespace pb = ::meros::v1::master;

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
          absl::StrCat("--kind: must be agents, frameworks, tasks or roles, found '", name, "'"));
    }
    request.add_kinds(kind);
  }
  if (!flags.framework.empty()) request.mutable_framework_id()->set_value(flags.framework);
  if (!flags.agent.empty()) request.mutable_agent_id()->set_value(flags.agent);
  if (!flags.role.empty()) request.set_role(flags.role);
  return request;
}

// "task      f1 t1 RUNNING node-1".
std::string Line(const pb::WatchEvent& event) {
  if (event.has_agent()) {
    return absl::StrCat("agent      ", event.agent().info().id().value(), " ",
                        event.agent().info().hostname(), " ", AgentState(event.agent()));
  }
  if (event.has_framework()) {
    return absl::StrCat("framework  ", event.framework().info().id().value(), " ",
                        event.framework().info().name(), " ",
                        pb::FrameworkView::State_Name(event.framework().state()));
  }
  if (event.has_task()) {
    const pb::TaskView& view = event.task();
    return absl::StrCat("task       ", view.task().framework_id().value(), " ",
                        view.task().task_id().value(), " ", StateName(view.task().state()),
                        view.completed() ? " completed " : " ", view.agent_hostname());
  }
  if (event.has_role()) return absl::StrCat("role       ", event.role().role(), " set");
  if (event.has_agent_removed()) {
    return absl::StrCat("agent      ", event.agent_removed().value(), " removed");
  }
  if (event.has_framework_removed()) {
    return absl::StrCat("framework  ", event.framework_removed().value(), " removed");
  }
  if (event.has_task_removed()) {
    return absl::StrCat("task       ", event.task_removed().framework_id().value(), " ",
                        event.task_removed().task_id().value(), " removed");
  }
  return absl::StrCat("role       ", event.role_removed(), " removed");
}

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
  verb->add_option("--kind", flags->kinds, "Only agents, frameworks, tasks or roles")
      ->delimiter(',');
  verb->add_option("--framework", flags->framework, "Only this framework id and its tasks");
  verb->add_option("--agent", flags->agent, "Only this agent id and the tasks on it");
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

// meros agent: one agent, and what operators may do about it.
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/agents.h"
#include "cli/format.h"
#include "libs/base/rng.h"
#include "libs/runtime/random_seed.h"

namespace meros::cli {
namespace {

namespace pb = meros::v1::master;
using pb::AgentView;

struct AgentOptions {
  std::string id;
  std::optional<double> max_grace_seconds, max_delay_seconds, wait_seconds;
  bool mark_gone = false;
  bool wait = false;
};

absl::StatusOr<AgentView> Get(const Cluster& cluster, const std::string& id) {
  pb::GetAgentRequest request;
  request.mutable_agent_id()->set_value(id);
  const auto response = cluster.Call(&Cluster::MasterStub::GetAgent, request);
  if (!response.ok()) return response.status();
  return response->agent();
}

// ---- Show ----

std::string DrainText(const AgentView& view) {
  const auto& config = view.drain_info().config();
  std::string text = meros::v1::DrainState_Name(view.drain_info().state());
  if (config.has_max_grace_period()) {
    absl::StrAppend(&text, ", grace periods of at most ",
                    Number(config.max_grace_period().nanoseconds() / 1e9), "s");
  }
  if (config.mark_gone()) absl::StrAppend(&text, ", gone when it is empty");
  if (view.drain_ordered_time() > 0) {
    absl::StrAppend(&text, ", ordered ", Age(view.drain_ordered_time()), " ago");
  }
  if (view.drain_delay_until() == 0) return text;
  absl::StrAppend(&text, ", put off until ",
                  absl::FormatTime("%Y-%m-%d %H:%M:%S UTC",
                                   absl::UnixEpoch() + absl::Seconds(view.drain_delay_until()),
                                   absl::UTCTimeZone()),
                  " at most");
  return text;
}

void Print(const AgentView& view) {
  std::string out;
  const auto line = [&](absl::string_view name, absl::string_view value) {
    absl::StrAppend(&out, name, std::string(12 - name.size(), ' '), Printable(value), "\n");
  };
  const auto used_of = [&](absl::string_view name, auto print) {
    return absl::StrCat(print(Scalar(view.used(), name)), "/", print(Scalar(view.total(), name)));
  };
  line("agent", view.info().id().value());
  line("host", view.info().hostname());
  line("state", AgentState(view));
  if (view.has_drain_info()) line("drain", DrainText(view));
  for (const auto& status : view.inverse_offer_statuses()) {
    line("asked", absl::StrCat(status.framework_id().value(), " ", AnswerText(status.status())));
  }
  if (view.unreachable_time() > 0) line("unreachable", Age(view.unreachable_time()));
  line("address", view.service_address());
  line("version", view.version());
  line("registered", Age(view.registered_time()));
  line("used/total",
       absl::StrCat("cpus ", used_of("cpus", Number), ", mem ", used_of("mem", Megabytes),
                    ", disk ", used_of("disk", Megabytes)));
  line("tasks", absl::StrCat(view.tasks_active(), " running, ", view.tasks_unacknowledged(),
                             " ended and not acknowledged"));
  std::fputs(out.c_str(), stdout);
}

absl::Status Show(const Common& common, const AgentOptions& options) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  const absl::StatusOr<AgentView> view = Get(*cluster, options.id);
  if (!view.ok()) return view.status();
  if (common.json) {
    std::printf("%s\n", Json(*view).c_str());
  } else {
    Print(*view);
  }
  return absl::OkStatus();
}

// ---- Orders ----

template <typename Request, typename Response>
absl::Status Order(const Common& common, const AgentOptions& options, Request request,
                   grpc::Status (Cluster::MasterStub::*method)(grpc::ClientContext*, const Request&,
                                                               Response*)) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  request.mutable_agent_id()->set_value(options.id);
  request.set_request_id(Rng(runtime::RandomSeed()).Uuid());
  return cluster->Call(method, request).status();
}

// Whether the drain is over, or why it never will be.
absl::StatusOr<bool> IsDrained(const AgentView& view) {
  if (view.state() == AgentView::GONE) return true;
  if (!view.has_drain_info()) {
    return absl::AbortedError(
        absl::StrCat("the drain of ", view.info().id().value(), " was cancelled"));
  }
  return view.drain_info().state() == meros::v1::DRAINED && !view.drain_info().config().mark_gone();
}

// Says what the drain waits for whenever that changes. A leader that changes meanwhile is found
// again.
absl::Status WaitDrained(const Common& common, const AgentOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  std::string said;
  while (true) {
    auto cluster = Cluster::Connect(common.connection);
    if (!cluster.ok()) return cluster.status();
    const absl::StatusOr<AgentView> view = Get(*cluster, options.id);
    if (view.ok()) {
      const absl::StatusOr<bool> drained = IsDrained(*view);
      if (!drained.ok() || *drained) return drained.status();
      const std::string left =
          absl::StrCat(AgentState(*view), ": ", view->tasks_active(), " tasks run, the end of ",
                       view->tasks_unacknowledged(), " is not acknowledged\n");
      if (left != said) std::fputs(left.c_str(), stderr);
      said = left;
    } else if (!absl::IsUnavailable(view.status()) && !absl::IsFailedPrecondition(view.status())) {
      return view.status();
    }
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - start;
    if (options.wait_seconds.has_value() && waited.count() > *options.wait_seconds) {
      return absl::DeadlineExceededError(absl::StrCat("agent ", options.id, " is not empty after ",
                                                      Number(*options.wait_seconds),
                                                      "s; it is drained on"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
}

absl::Status Drain(const Common& common, const AgentOptions& options) {
  pb::DrainAgentRequest request;
  request.set_mark_gone(options.mark_gone);
  if (options.max_grace_seconds.has_value()) {
    request.mutable_max_grace_period()->set_nanoseconds(
        static_cast<int64_t>(*options.max_grace_seconds * 1e9));
  }
  if (options.max_delay_seconds.has_value()) {
    request.mutable_max_delay()->set_nanoseconds(
        static_cast<int64_t>(*options.max_delay_seconds * 1e9));
  }
  const absl::Status status =
      Order(common, options, std::move(request), &Cluster::MasterStub::DrainAgent);
  if (!status.ok() || !options.wait) return status;
  return WaitDrained(common, options);
}

int ExitCode(const absl::Status& status) { return status.ok() ? 0 : Fail(status); }

}  // namespace

void AddAgent(CLI::App* app, Common* common) {
  auto options = std::make_shared<AgentOptions>();
  CLI::App* verb = app->add_subcommand("agent", "One agent, and taking it out of service");
  verb->require_subcommand(1);
  verb->add_subcommand("list", "Lists agents, as `meros agents`")->callback([=] {
    common->chosen = [=] { return ListAgents(*common); };
  });
  const auto add = [=](const char* name, const char* help, auto run) {
    CLI::App* sub = verb->add_subcommand(name, help);
    sub->add_option("id", options->id, "Agent id")->required();
    sub->callback([=] { common->chosen = [=] { return ExitCode(run(*common, *options)); }; });
    return sub;
  };
  add("show", "Shows one agent", Show);
  add("deactivate", "Offers nothing of it any more; its tasks go on",
      [](const Common& c, const AgentOptions& o) {
        return Order(c, o, pb::DeactivateAgentRequest(), &Cluster::MasterStub::DeactivateAgent);
      });
  add("reactivate", "Offers it again; ends a drain, too",
      [](const Common& c, const AgentOptions& o) {
        return Order(c, o, pb::ReactivateAgentRequest(), &Cluster::MasterStub::ReactivateAgent);
      });
  add("gone", "Declares that it never comes back; this cannot be undone",
      [](const Common& c, const AgentOptions& o) {
        return Order(c, o, pb::MarkAgentGoneRequest(), &Cluster::MasterStub::MarkAgentGone);
      });
  CLI::App* drain = add("drain", "Offers nothing of it any more, and ends its tasks", Drain);
  drain
      ->add_option("--max_grace", options->max_grace_seconds,
                   "Seconds that tasks have at most between SIGTERM and SIGKILL")
      ->check(CLI::Range(0.0, 86400.0 * 365));
  drain
      ->add_option("--max_delay", options->max_delay_seconds,
                   "Seconds for which frameworks may put it off, asked by inverse offers")
      ->check(CLI::Range(0.0, 86400.0 * 365));
  drain->add_flag("--mark_gone", options->mark_gone, "Declare it gone when it is empty");
  drain->add_flag("--wait", options->wait, "Return when it is empty");
  drain
      ->add_option("--wait_limit", options->wait_seconds, "With --wait: fail after so many seconds")
      ->check(CLI::Range(0.0, 1e9));
}

}  // namespace meros::cli

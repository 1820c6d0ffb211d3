// meros top: the cluster at a glance, again every second.
#include <unistd.h>

#include <cstdio>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/format.h"
#include "cli/verbs.h"

namespace meros::cli {
namespace {

using meros::v1::master::AgentView;
using meros::v1::master::FrameworkView;

// "cpus   3.5/8    [########------------] 44%"
std::string Bar(const std::string& name, double used, double offered, double total,
                const std::string& text) {
  constexpr int kWidth = 30;
  const double share = total > 0 ? used / total : 0;
  const int filled = static_cast<int>(share * kWidth + 0.5);
  const int lent = total > 0 ? static_cast<int>(offered / total * kWidth + 0.5) : 0;
  std::string bar(std::min(filled, kWidth), '#');
  bar.append(std::max(0, std::min(lent, kWidth - filled)), '+');
  bar.resize(kWidth, '-');
  return absl::StrFormat("%-5s [%s] %3.0f%%  %s\n", name, bar, share * 100, text);
}

absl::StatusOr<std::string> Screen(const Cluster& cluster) {
  const auto agents = cluster.List<meros::v1::master::ListAgentsResponse>(
      "ListAgents", meros::v1::master::ListAgentsRequest());
  if (!agents.ok()) return agents.status();
  const auto frameworks = cluster.List<meros::v1::master::ListFrameworksResponse>(
      "ListFrameworks", meros::v1::master::ListFrameworksRequest());
  if (!frameworks.ok()) return frameworks.status();
  auto master =
      cluster.Call(&Cluster::MasterStub::GetMaster, meros::v1::master::GetMasterRequest());
  if (!master.ok()) return master.status();

  std::map<std::string, int> agents_by_state;
  double tasks = 0;
  std::map<std::string, double> used, offered, total;
  for (const AgentView& agent : agents->agents()) {
    ++agents_by_state[AgentView::State_Name(agent.state())];
    tasks += agent.tasks_active();
    for (const char* name : {"cpus", "mem", "disk", "gpus"}) {
      used[name] += Scalar(agent.used(), name);
      offered[name] += Scalar(agent.offered(), name);
      total[name] += Scalar(agent.total(), name);
    }
  }
  std::string out =
      absl::StrFormat("Meros, master %s\n%.0f tasks; agents:", cluster.leader(), tasks);
  for (const auto& [state, count] : agents_by_state) absl::StrAppend(&out, " ", count, " ", state);
  if (master->agents_recovering() > 0) {
    absl::StrAppend(&out, "; recovering: ", master->agents_recovering(), " of ",
                    master->agents_to_recover());
  }
  if (master->agents_held_back() > 0) {
    absl::StrAppend(&out, "; silent, too many at once: ", master->agents_held_back());
  }
  out += "\n\n";
  for (const auto& [name, amount] : total) {
    if (amount <= 0) continue;
    const auto print = [&](double v) {
      return name == "mem" || name == "disk" ? Megabytes(v) : Number(v);
    };
    out += Bar(name, used[name], offered[name], amount,
               absl::StrCat(print(used[name]), " used, ", print(offered[name]), " offered, ",
                            print(amount), " total"));
  }
  Table table({"FRAMEWORK", "STATE", "TASKS", "CPUS", "MEM"});
  for (const FrameworkView& framework : frameworks->frameworks()) {
    table.Add({framework.info().name(), FrameworkView::State_Name(framework.state()),
               absl::StrCat(framework.tasks_active()), Number(Scalar(framework.used(), "cpus")),
               Megabytes(Scalar(framework.used(), "mem"))});
  }
  return absl::StrCat(out, "\n", table.Print());
}

int Top(const Common& common, bool once, double interval_seconds) {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  while (true) {
    const auto cluster = Cluster::Connect(common.connection);
    const auto screen = cluster.ok() ? Screen(*cluster) : cluster.status();
    if (once || !terminal) {
      if (!screen.ok()) return Fail(screen.status());
      std::fputs(screen->c_str(), stdout);
      return 0;
    }
    // Home, the text with every line cleared to its end, then everything below cleared.
    std::string text = screen.ok() ? *screen : absl::StrCat(screen.status().message(), "\n");
    std::string cleared;
    for (char c : text) cleared += c == '\n' ? std::string("\033[K\n") : std::string(1, c);
    std::printf("\033[H%s\033[J", cleared.c_str());
    std::fflush(stdout);
    std::this_thread::sleep_for(
        std::chrono::milliseconds(static_cast<int>(interval_seconds * 1000)));
  }
}

}  // namespace

void AddTop(CLI::App* app, Common* common) {
  struct Options {
    bool once = false;
    double interval_seconds = 1;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app->add_subcommand("top", "Shows the cluster at a glance, again and again");
  verb->add_flag("--once", options->once, "Once; the default when the output is no terminal");
  verb->add_option("--interval", options->interval_seconds, "Seconds between two looks")
      ->check(CLI::Range(0.1, 3600.0));
  verb->callback([=] {
    common->chosen = [=] { return Top(*common, options->once, options->interval_seconds); };
  });
}

}  // namespace meros::cli

// meros executors: custom executors and where they run.
#include <cstdio>

#include "cli/format.h"
#include "cli/verbs.h"

namespace meros::cli {
namespace {

std::vector<std::string> Row(const meros::v1::master::ExecutorView& view) {
  const auto& info = view.info();
  const std::string& host = view.agent_hostname();
  return {info.executor_id().value(),  info.name().empty() ? "-" : info.name(),
          info.framework_id().value(), view.framework_name(),
          view.agent_id().value(),     host.empty() ? "-" : host};
}

int Executors(const Common& common, meros::v1::master::ListExecutorsRequest request) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  Table table({"EXECUTOR", "NAME", "FRAMEWORK", "FRAMEWORK NAME", "AGENT", "HOST"});
  const auto all =
      cluster->List<meros::v1::master::ListExecutorsResponse>("ListExecutors", request);
  if (!all.ok()) return Fail(all.status());
  for (const auto& executor : all->executors()) table.Add(Row(executor));
  std::fputs(common.json ? (Json(*all) + "\n").c_str() : table.Print().c_str(), stdout);
  return 0;
}

}  // namespace

void AddExecutors(CLI::App* app, Common* common) {
  struct Options {
    std::string framework, agent;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app->add_subcommand("executors", "Lists custom executors");
  verb->add_option("--framework", options->framework, "Only of this framework");
  verb->add_option("--agent", options->agent, "Only on this agent");
  verb->callback([=] {
    common->chosen = [=] {
      meros::v1::master::ListExecutorsRequest request;
      if (!options->framework.empty()) {
        request.mutable_framework_id()->set_value(options->framework);
      }
      if (!options->agent.empty()) request.mutable_agent_id()->set_value(options->agent);
      return Executors(*common, request);
    };
  });
}

}  // namespace meros::cli

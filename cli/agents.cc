// meros agents: the nodes of the cluster and what is free on them.
#include "cli/agents.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/format.h"

namespace meros::cli {
namespace {

using meros::v1::allocator::InverseOfferStatus;
using meros::v1::master::AgentView;
using meros::v1::master::ListAgentsRequest;

std::vector<std::string> Row(const AgentView& view) {
  const auto used_of = [&](absl::string_view name, auto print) {
    return absl::StrCat(print(Scalar(view.used(), name)), "/", print(Scalar(view.total(), name)));
  };
  return {view.info().id().value(),          view.info().hostname(),  AgentState(view),
          absl::StrCat(view.tasks_active()), used_of("cpus", Number), used_of("mem", Megabytes),
          used_of("disk", Megabytes),        view.service_address(),  Age(view.registered_time())};
}

}  // namespace

std::string AgentState(const AgentView& view) {
  const std::string state = AgentView::State_Name(view.state());
  if (view.has_drain_info()) {
    return absl::StrCat(state, ", ", meros::v1::DrainState_Name(view.drain_info().state()));
  }
  if (view.deactivated()) return state + ", DEACTIVATED";
  if (!view.active() && view.state() == AgentView::CONNECTED) return state + ", no offers";
  return state;
}

absl::string_view AnswerText(InverseOfferStatus::Status status) {
  switch (status) {
    case InverseOfferStatus::ACCEPT:
      return "accepts";
    case InverseOfferStatus::DECLINE:
      return "declines";
    default:
      return "was asked";
  }
}

absl::Status AddStates(const std::vector<std::string>& names, ListAgentsRequest* request) {
  for (const std::string& name : names) {
    AgentView::State state;
    if (!AgentView::State_Parse(name, &state)) {
      return absl::InvalidArgumentError("--state: no state of agents is called '" + name + "'");
    }
    request->add_states(state);
  }
  return absl::OkStatus();
}

int ListAgents(const Common& common, ListAgentsRequest request) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  Table table({"AGENT", "HOST", "STATE", "TASKS", "CPUS", "MEM", "DISK", "ADDRESS", "AGE"});
  const auto all = cluster->List<meros::v1::master::ListAgentsResponse>("ListAgents", request);
  if (!all.ok()) return Fail(all.status());
  for (const auto& agent : all->agents()) table.Add(Row(agent));
  std::fputs(common.json ? (Json(*all) + "\n").c_str() : table.Print().c_str(), stdout);
  return 0;
}

void AddAgents(CLI::App* app, Common* common) {
  struct Options {
    std::vector<std::string> states, attributes;
    std::string hostname, region, zone;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app->add_subcommand("agents", "Lists agents with used/total resources");
  verb->add_option("--state", options->states, "Only in one of these states, e.g. CONNECTED")
      ->delimiter(',');
  verb->add_option("--hostname", options->hostname, "Only of this hostname");
  verb->add_option("--region", options->region, "Only in this region");
  verb->add_option("--zone", options->zone, "Only in this zone");
  verb->add_option("--attribute", options->attributes, "Only with NAME=VALUE, or NAME; repeatable")
      ->allow_extra_args(false);
  verb->callback([=] {
    common->chosen = [=] {
      ListAgentsRequest request;
      const absl::Status status = AddStates(options->states, &request);
      if (!status.ok()) return Fail(status);
      if (!options->hostname.empty()) request.set_hostname(options->hostname);
      if (!options->region.empty()) request.set_region(options->region);
      if (!options->zone.empty()) request.set_zone(options->zone);
      for (const std::string& text : options->attributes) {
        const auto [name, value] = NameAndValue(text);
        auto* attribute = request.add_attributes();
        attribute->set_name(name);
        if (value.has_value()) attribute->set_value(*value);
      }
      return ListAgents(*common, std::move(request));
    };
  });
}

}  // namespace meros::cli

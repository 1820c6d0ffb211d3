// meros agents: the nodes of the cluster and what is free on them.
#include "cli/agents.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/format.h"

namespace meros::cli {
namespace {

using meros::v1::allocator::InverseOfferStatus;
using meros::v1::master::AgentView;

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

int ListAgents(const Common& common) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  Table table({"AGENT", "HOST", "STATE", "TASKS", "CPUS", "MEM", "DISK", "ADDRESS", "AGE"});
  meros::v1::master::ListAgentsRequest request;
  meros::v1::master::ListAgentsResponse all;
  do {
    const auto page = cluster->Call(&Cluster::MasterStub::ListAgents, request);
    if (!page.ok()) return Fail(page.status());
    for (const auto& agent : page->agents()) table.Add(Row(agent));
    request.set_page_token(page->next_page_token());
    all.MergeFrom(*page);
  } while (!request.page_token().empty());
  all.clear_next_page_token();
  std::fputs(common.json ? (Json(all) + "\n").c_str() : table.Print().c_str(), stdout);
  return 0;
}

void AddAgents(CLI::App* app, Common* common) {
  CLI::App* verb = app->add_subcommand("agents", "Lists agents with used/total resources");
  verb->callback([=] { common->chosen = [=] { return ListAgents(*common); }; });
}

}  // namespace meros::cli

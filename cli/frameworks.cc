// meros frameworks: who schedules on this cluster.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/format.h"
#include "cli/verbs.h"

namespace meros::cli {
namespace {

using meros::v1::master::FrameworkView;

std::vector<std::string> Row(const FrameworkView& view) {
  const auto& info = view.info();
  const std::string roles = info.roles().empty() ? info.role() : absl::StrJoin(info.roles(), ",");
  return {info.id().value(),
          info.name(),
          FrameworkView::State_Name(view.state()),
          roles,
          absl::StrCat(view.tasks_active()),
          Number(Scalar(view.used(), "cpus")),
          Megabytes(Scalar(view.used(), "mem")),
          Age(view.registered_time())};
}

int Frameworks(const Common& common, bool all_states) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  Table table({"FRAMEWORK", "NAME", "STATE", "ROLES", "TASKS", "CPUS", "MEM", "AGE"});
  meros::v1::master::ListFrameworksRequest request;
  if (all_states) {
    for (auto state : {FrameworkView::RECOVERED, FrameworkView::CONNECTED,
                       FrameworkView::DISCONNECTED, FrameworkView::COMPLETED}) {
      request.add_states(state);
    }
  }
  meros::v1::master::ListFrameworksResponse all;
  do {
    const auto page = cluster->Call(&Cluster::MasterStub::ListFrameworks, request);
    if (!page.ok()) return Fail(page.status());
    for (const auto& framework : page->frameworks()) table.Add(Row(framework));
    request.set_page_token(page->next_page_token());
    all.MergeFrom(*page);
  } while (!request.page_token().empty());
  all.clear_next_page_token();
  std::fputs(common.json ? (Json(all) + "\n").c_str() : table.Print().c_str(), stdout);
  return 0;
}

int Teardown(const Common& common, const std::string& id) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  meros::v1::master::TeardownRequest request;
  request.mutable_framework_id()->set_value(id);
  request.set_request_id(absl::StrCat("teardown-", id));  // removing twice is removing once
  const auto response = cluster->Call(&Cluster::MasterStub::Teardown, request);
  return response.ok() ? 0 : Fail(response.status());
}

}  // namespace

void AddFrameworks(CLI::App* app, Common* common) {
  auto all = std::make_shared<bool>(false);
  CLI::App* verb = app->add_subcommand("frameworks", "Lists frameworks");
  verb->add_flag("-a,--all", *all, "Removed frameworks too");
  verb->callback([=] { common->chosen = [=] { return Frameworks(*common, *all); }; });
}

void AddTeardown(CLI::App* app, Common* common) {
  auto id = std::make_shared<std::string>();
  CLI::App* verb = app->add_subcommand("teardown", "Removes a framework and kills its tasks");
  verb->add_option("id", *id, "Framework id")->required();
  verb->callback([=] { common->chosen = [=] { return Teardown(*common, *id); }; });
}

}  // namespace meros::cli

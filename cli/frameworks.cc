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

int Frameworks(const Common& common, meros::v1::master::ListFrameworksRequest request) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  Table table({"FRAMEWORK", "NAME", "STATE", "ROLES", "TASKS", "CPUS", "MEM", "AGE"});
  const auto all = cluster->List(&Cluster::MasterStub::ListFrameworks, request);
  if (!all.ok()) return Fail(all.status());
  for (const auto& framework : all->frameworks()) table.Add(Row(framework));
  std::fputs(common.json ? (Json(*all) + "\n").c_str() : table.Print().c_str(), stdout);
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
  struct Options {
    bool all = false;
    std::string name, role, principal;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app->add_subcommand("frameworks", "Lists frameworks");
  verb->add_flag("-a,--all", options->all, "Removed frameworks too");
  verb->add_option("--name", options->name, "Only of this name");
  verb->add_option("--role", options->role, "Only subscribed to this role");
  verb->add_option("--principal", options->principal, "Only of this principal");
  verb->callback([=] {
    common->chosen = [=] {
      meros::v1::master::ListFrameworksRequest request;
      if (options->all) {
        for (auto state :
             {FrameworkView::RECOVERED, FrameworkView::CONNECTED, FrameworkView::DISCONNECTED,
              FrameworkView::REMOVING, FrameworkView::COMPLETED}) {
          request.add_states(state);
        }
      }
      if (!options->name.empty()) request.set_name(options->name);
      if (!options->role.empty()) request.set_role(options->role);
      if (!options->principal.empty()) request.set_principal(options->principal);
      return Frameworks(*common, std::move(request));
    };
  });
}

void AddTeardown(CLI::App* app, Common* common) {
  auto id = std::make_shared<std::string>();
  CLI::App* verb = app->add_subcommand("teardown", "Removes a framework and kills its tasks");
  verb->add_option("id", *id, "Framework id")->required();
  verb->callback([=] { common->chosen = [=] { return Teardown(*common, *id); }; });
}

}  // namespace meros::cli

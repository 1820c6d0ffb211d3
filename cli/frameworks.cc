// meros frameworks, framework, teardown: who schedules on this cluster, one of them, its removal.
#include <cstdio>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "cli/format.h"
#include "cli/verbs.h"

namespace meros::cli {
namespace {

using meros::v1::master::FrameworkView;

std::string Roles(const meros::v1::FrameworkInfo& info) {
  return info.roles().empty() ? info.role() : absl::StrJoin(info.roles(), ",");
}

std::vector<std::string> Row(const FrameworkView& view) {
  const auto& info = view.info();
  return {info.id().value(),
          info.name(),
          FrameworkView::State_Name(view.state()),
          Roles(info),
          absl::StrCat(view.tasks_active()),
          Number(Scalar(view.used(), "cpus")),
          Megabytes(Scalar(view.used(), "mem")),
          Age(view.registered_time())};
}

int Frameworks(const Common& common, meros::v1::master::ListFrameworksRequest request) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  Table table({"FRAMEWORK", "NAME", "STATE", "ROLES", "TASKS", "CPUS", "MEM", "AGE"});
  const auto all =
      cluster->List<meros::v1::master::ListFrameworksResponse>("ListFrameworks", request);
  if (!all.ok()) return Fail(all.status());
  for (const auto& framework : all->frameworks()) table.Add(Row(framework));
  std::fputs(common.json ? (Json(*all) + "\n").c_str() : table.Print().c_str(), stdout);
  return 0;
}

// "cpus 1, mem 32M, disk 0M".
std::string Amounts(const google::protobuf::RepeatedPtrField<meros::v1::Resource>& resources) {
  return absl::StrCat("cpus ", Number(Scalar(resources, "cpus")), ", mem ",
                      Megabytes(Scalar(resources, "mem")), ", disk ",
                      Megabytes(Scalar(resources, "disk")));
}

std::string CapabilityNames(const meros::v1::FrameworkInfo& info) {
  using Capability = meros::v1::FrameworkInfo::Capability;
  return absl::StrJoin(info.capabilities(), ",", [](std::string* out, const Capability& one) {
    absl::StrAppend(out, Capability::Type_Name(one.type()));
  });
}

void Print(const FrameworkView& view) {
  const auto& info = view.info();
  std::string out;
  const auto line = [&](absl::string_view name, absl::string_view value) {
    if (value.empty()) return;
    absl::StrAppend(&out, name, std::string(18 - name.size(), ' '), Printable(value), "\n");
  };
  line("framework", info.id().value());
  line("name", info.name());
  line("state", FrameworkView::State_Name(view.state()));
  line("roles", Roles(info));
  line("suppressed", absl::StrJoin(view.suppressed_roles(), ","));
  line("user", info.user());
  line("principal", info.principal());
  line("host", info.hostname());
  line("web", info.webui_url());
  line("capabilities", CapabilityNames(info));
  line("failover timeout", absl::StrCat(Number(info.failover_timeout()), "s"));
  line("used", Amounts(view.used()));
  line("offered", Amounts(view.offered()));
  line("tasks",
       absl::StrCat(view.tasks_active(), " active, ", view.tasks_completed(), " completed"));
  line("registered", Age(view.registered_time()));
  if (view.reregistered_time() > 0) line("reregistered", Age(view.reregistered_time()));
  if (view.completed_time() > 0) line("completed", Age(view.completed_time()));
  const auto& by_role = view.offer_constraints().role_constraints();
  for (const auto& [role, constraints] : std::map(by_role.begin(), by_role.end())) {
    line("constraints", absl::StrCat(role, " ", Json(constraints)));
  }
  std::fputs(out.c_str(), stdout);
}

int ShowFramework(const Common& common, const std::string& id) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  meros::v1::master::GetFrameworkRequest request;
  request.mutable_framework_id()->set_value(id);
  const auto response = cluster->Call(&Cluster::MasterStub::GetFramework, request);
  if (!response.ok()) return Fail(response.status());
  if (common.json) {
    std::printf("%s\n", Json(response->framework()).c_str());
  } else {
    Print(response->framework());
  }
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

void AddFramework(CLI::App* app, Common* common) {
  auto id = std::make_shared<std::string>();
  CLI::App* verb = app->add_subcommand("framework", "One framework");
  verb->require_subcommand(1);
  CLI::App* show = verb->add_subcommand("show", "Shows one framework");
  show->add_option("id", *id, "Framework id")->required();
  show->callback([=] { common->chosen = [=] { return ShowFramework(*common, *id); }; });
}

void AddTeardown(CLI::App* app, Common* common) {
  auto id = std::make_shared<std::string>();
  CLI::App* verb = app->add_subcommand("teardown", "Removes a framework and kills its tasks");
  verb->add_option("id", *id, "Framework id")->required();
  verb->callback([=] { common->chosen = [=] { return Teardown(*common, *id); }; });
}

}  // namespace meros::cli

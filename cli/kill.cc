// meros kill ID: kills a task on an operator's behalf.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/verbs.h"
#include "libs/base/rng.h"
#include "libs/runtime/random_seed.h"

namespace meros::cli {
namespace {

struct KillOptions {
  std::vector<std::string> ids;
  std::string framework;
  double grace_seconds = -1;
};

int Kill(const Common& common, const KillOptions& options) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  Rng rng(runtime::RandomSeed());
  int code = 0;
  for (const std::string& id : options.ids) {
    meros::v1::master::KillTaskRequest request;
    request.mutable_task_id()->set_value(id);
    request.set_request_id(rng.Uuid());
    if (!options.framework.empty()) request.mutable_framework_id()->set_value(options.framework);
    if (options.grace_seconds >= 0) {
      request.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
          static_cast<int64_t>(options.grace_seconds * 1e9));
    }
    const auto response = cluster->Call(&Cluster::MasterStub::KillTask, request);
    if (!response.ok()) {
      code = Fail(absl::Status(response.status().code(),
                               absl::StrCat(id, ": ", response.status().message())));
    }
  }
  return code;
}

}  // namespace

void AddKill(CLI::App* app, Common* common) {
  auto options = std::make_shared<KillOptions>();
  CLI::App* verb = app->add_subcommand("kill", "Kills tasks");
  verb->add_option("id", options->ids, "Task ids")->required();
  verb->add_option("--framework", options->framework,
                   "Framework id, when several have this task id");
  verb->add_option("--grace", options->grace_seconds, "Seconds between SIGTERM and SIGKILL")
      ->check(CLI::Range(0.0, 86400.0));
  verb->callback([=] { common->chosen = [=] { return Kill(*common, *options); }; });
}

}  // namespace meros::cli

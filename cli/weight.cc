// meros weight: how much of a fair share counts for a role.
#include <cstdio>
#include <optional>

#include "absl/strings/str_cat.h"
#include "cli/format.h"
#include "cli/verbs.h"
#include "libs/base/rng.h"
#include "libs/runtime/random_seed.h"

namespace meros::cli {
namespace {

namespace pb = meros::v1::master;

struct WeightOptions {
  std::string role;
  double weight = 1;
  std::optional<uint64_t> version;
};

int SetWeight(const Common& common, const WeightOptions& options) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  pb::UpdateWeightsRequest request;
  request.set_request_id(Rng(runtime::RandomSeed()).Uuid());
  meros::v1::WeightInfo* info = request.add_weights();
  info->set_role(options.role);
  info->set_weight(options.weight);
  if (options.version.has_value()) info->set_version(*options.version);
  const auto response = cluster->Call(&Cluster::MasterStub::UpdateWeights, request);
  return response.ok() ? 0 : Fail(response.status());
}

// A role without a weight of its own has weight 1, which is an answer, not an error.
int GetWeight(const Common& common, const std::string& role) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  const auto weights = cluster->Call(&Cluster::MasterStub::ListWeights, pb::ListWeightsRequest());
  if (!weights.ok()) return Fail(weights.status());
  pb::ListWeightsResponse shown;
  for (const meros::v1::WeightInfo& info : weights->weights()) {
    if (role.empty() || info.role() == role) *shown.add_weights() = info;
  }
  if (!role.empty() && shown.weights().empty()) {
    meros::v1::WeightInfo* info = shown.add_weights();
    info->set_role(role);
    info->set_weight(1);
  }
  Table table({"ROLE", "WEIGHT", "VERSION"});
  for (const meros::v1::WeightInfo& info : shown.weights()) {
    table.Add({info.role(), Number(info.weight()),
               info.has_version() ? absl::StrCat(info.version()) : "-"});
  }
  std::fputs(common.json ? (Json(shown) + "\n").c_str() : table.Print().c_str(), stdout);
  return 0;
}

}  // namespace

void AddWeight(CLI::App* app, Common* common) {
  auto options = std::make_shared<WeightOptions>();
  CLI::App* verb = app->add_subcommand("weight", "Weights of roles");
  verb->require_subcommand(1);
  CLI::App* get = verb->add_subcommand("get", "Shows weights other than 1, or a role's");
  get->add_option("role", options->role, "Only this role");
  get->callback([=] { common->chosen = [=] { return GetWeight(*common, options->role); }; });
  CLI::App* set = verb->add_subcommand("set", "Sets a role's weight; 1 is as if never set");
  set->add_option("role", options->role, "Role")->required();
  set->add_option("weight", options->weight, "2 is given twice what 1 is; 0.001 to 1,000,000")
      ->required();
  set->add_option("--version", options->version, "Only if the role still has this version");
  set->callback([=] { common->chosen = [=] { return SetWeight(*common, *options); }; });
}

}  // namespace meros::cli

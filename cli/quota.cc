// meros quota: what roles are sure to get and what they cannot exceed.
#include <cstdio>
#include <optional>

#include "absl/strings/str_cat.h"
#include "cli/amounts.h"
#include "cli/format.h"
#include "cli/verbs.h"
#include "libs/base/rng.h"
#include "libs/runtime/random_seed.h"

namespace meros::cli {
namespace {

namespace pb = meros::v1::master;
using meros::v1::quota::QuotaConfig;

struct QuotaOptions {
  std::string role;
  std::optional<std::string> guarantee, limit;
  std::optional<uint64_t> version;
  bool force = false;
};

// What is set of the role now, with its version; empty with version 0 if nothing is.
absl::StatusOr<QuotaConfig> Present(const Cluster& cluster, const std::string& role) {
  QuotaConfig present;
  present.set_role(role);
  present.set_version(0);
  pb::ListRolesRequest request;
  request.set_role(role);
  const auto roles = cluster.Call(&Cluster::MasterStub::ListRoles, request);
  if (absl::IsNotFound(roles.status())) return present;
  if (!roles.ok()) return roles.status();
  for (const pb::RoleView& view : roles->roles()) {
    if (view.role() != role || !view.has_config()) continue;
    *present.mutable_guarantees() = view.config().guarantees();
    *present.mutable_limits() = view.config().limits();
    present.set_version(view.config().version());
  }
  return present;
}

absl::Status Replace(const std::optional<std::string>& text, AmountMap* map) {
  if (!text.has_value()) return absl::OkStatus();
  const absl::StatusOr<Amounts> amounts = ParseAmounts(*text);
  if (!amounts.ok()) return amounts.status();
  map->clear();
  Fill(*amounts, map);
  return absl::OkStatus();
}

absl::Status Update(const Cluster& cluster, QuotaConfig config, bool force) {
  pb::UpdateQuotaRequest request;
  request.set_request_id(Rng(runtime::RandomSeed()).Uuid());
  request.set_force(force);
  *request.add_configs() = std::move(config);
  return cluster.Call(&Cluster::MasterStub::UpdateQuota, request).status();
}

// What is not named stays. Another operator's change between our look and our change is refused by
// its version, not overwritten.
absl::Status Set(const Common& common, const QuotaOptions& options) {
  if (!options.guarantee.has_value() && !options.limit.has_value()) {
    return absl::InvalidArgumentError("nothing to set: name --guarantee or --limit");
  }
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  absl::StatusOr<QuotaConfig> config = Present(*cluster, options.role);
  if (!config.ok()) return config.status();
  absl::Status status = Replace(options.guarantee, config->mutable_guarantees());
  if (status.ok()) status = Replace(options.limit, config->mutable_limits());
  if (!status.ok()) return status;
  if (options.version.has_value()) config->set_version(*options.version);
  return Update(*cluster, *std::move(config), options.force);
}

absl::Status Remove(const Common& common, const QuotaOptions& options) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  absl::StatusOr<QuotaConfig> config = Present(*cluster, options.role);
  if (!config.ok()) return config.status();
  if (config->guarantees().empty() && config->limits().empty()) {
    return absl::NotFoundError(absl::StrCat("role ", options.role, " has no quota"));
  }
  config->clear_guarantees();
  config->clear_limits();
  return Update(*cluster, *std::move(config), options.force);
}

absl::Status Get(const Common& common, const std::string& role) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return cluster.status();
  auto quotas = cluster->Call(&Cluster::MasterStub::ListQuotas, pb::ListQuotasRequest());
  if (!quotas.ok()) return quotas.status();
  pb::ListQuotasResponse shown;
  Table table({"ROLE", "GUARANTEE", "LIMIT", "VERSION"});
  for (const QuotaConfig& config : quotas->configs()) {
    if (!role.empty() && config.role() != role) continue;
    *shown.add_configs() = config;
    table.Add({config.role(), AmountsText(AmountsOf(config.guarantees())),
               AmountsText(AmountsOf(config.limits())), absl::StrCat(config.version())});
  }
  if (!role.empty() && shown.configs().empty()) {
    return absl::NotFoundError(absl::StrCat("role ", role, " has no quota"));
  }
  std::fputs(common.json ? (Json(shown) + "\n").c_str() : table.Print().c_str(), stdout);
  return absl::OkStatus();
}

int ExitCode(const absl::Status& status) { return status.ok() ? 0 : Fail(status); }

}  // namespace

void AddQuota(CLI::App* app, Common* common) {
  auto options = std::make_shared<QuotaOptions>();
  CLI::App* verb = app->add_subcommand("quota", "Guarantees and limits of roles");
  verb->require_subcommand(1);

  CLI::App* get = verb->add_subcommand("get", "Shows quotas");
  get->add_option("role", options->role, "Only this role");
  get->callback([=] { common->chosen = [=] { return ExitCode(Get(*common, options->role)); }; });

  CLI::App* set = verb->add_subcommand("set", "Sets guarantee, limit or both; the other stays");
  set->add_option("role", options->role, "Role, at any depth: eng, eng/web")->required();
  set->add_option("--guarantee", options->guarantee,
                  "Kept free for the role: NAME=AMOUNT,... or none; mem=16G");
  set->add_option("--limit", options->limit, "Never exceeded: NAME=AMOUNT,... or none");
  set->add_flag("--force", options->force,
                "Also above the cluster's capacity, below what is used, for unknown resources");
  set->add_option("--version", options->version, "Only if the role still has this version");
  set->callback([=] { common->chosen = [=] { return ExitCode(Set(*common, *options)); }; });

  CLI::App* remove = verb->add_subcommand("rm", "Removes guarantee and limit");
  remove->add_option("role", options->role, "Role")->required();
  remove->callback([=] { common->chosen = [=] { return ExitCode(Remove(*common, *options)); }; });
}

}  // namespace meros::cli

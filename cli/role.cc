// meros role: the tree of roles with what they hold and may hold; meros role set: how one is
// served.
#include <cstdio>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "cli/amounts.h"
#include "cli/format.h"
#include "cli/role_tree.h"
#include "cli/verbs.h"
#include "libs/base/rng.h"
#include "libs/runtime/random_seed.h"

namespace meros::cli {
namespace {

namespace pb = meros::v1::master;

struct RoleOptions {
  std::string role;
  std::optional<int32_t> priority;
  std::optional<bool> preemptible;
  std::string placement, sorter;
  std::optional<std::string> offer_max, min_allocatable, offer_timeout, max_offers_in_flight;
  std::string offer_split;
  std::optional<uint64_t> version;
  bool force = false;
};

int ShowRoles(const Common& common, const std::string& role) {
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  meros::v1::master::ListRolesRequest request;
  if (!role.empty()) request.set_role(role);
  const auto roles = cluster->Call(&Cluster::MasterStub::ListRoles, request);
  if (!roles.ok()) return Fail(roles.status());
  std::fputs(common.json ? (Json(*roles) + "\n").c_str() : RoleTable(*roles).c_str(), stdout);
  return 0;
}

// "inherited", "none" (everything is worth offering), or amounts, any of several suffices.
absl::Status FillMinimum(const std::string& text, pb::RoleSettings::MinAllocatable* out) {
  if (text == "inherited") return absl::OkStatus();
  auto* least = out->mutable_least();
  if (text == "none") return absl::OkStatus();
  for (absl::string_view part : absl::StrSplit(text, '|')) {
    const absl::StatusOr<Amounts> amounts = ParseAmounts(part);
    if (!amounts.ok()) return amounts.status();
    Fill(*amounts, least->add_quantities()->mutable_quantities());
  }
  return absl::OkStatus();
}

absl::Status FillTimeout(const std::string& text, pb::RoleSettings::OfferTimeout* out) {
  if (text == "inherited") return absl::OkStatus();
  absl::Duration timeout;
  if (text != "never" &&
      (!absl::ParseDuration(text, &timeout) || timeout <= absl::ZeroDuration())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--offer_timeout: expected a duration such as 30s, never, or inherited, found '", text,
        "'"));
  }
  out->mutable_timeout()->set_nanoseconds(absl::ToInt64Nanoseconds(timeout));
  return absl::OkStatus();
}

absl::Status FillOffers(const RoleOptions& options, pb::RoleSettings* settings) {
  absl::Status status;
  if (options.offer_max.has_value()) {
    const absl::StatusOr<Amounts> amounts = ParseAmounts(*options.offer_max);
    if (!amounts.ok()) return amounts.status();
    Fill(*amounts, settings->mutable_offer_max()->mutable_amounts());
  }
  if (options.min_allocatable.has_value()) {
    status.Update(FillMinimum(*options.min_allocatable, settings->mutable_min_allocatable()));
  }
  if (options.offer_timeout.has_value()) {
    status.Update(FillTimeout(*options.offer_timeout, settings->mutable_offer_timeout()));
  }
  if (options.max_offers_in_flight.has_value()) {
    uint32_t most = 0;
    if (*options.max_offers_in_flight != "inherited" &&
        (!absl::SimpleAtoi(*options.max_offers_in_flight, &most) || most == 0)) {
      status.Update(absl::InvalidArgumentError(
          absl::StrCat("--max_offers_in_flight: expected a number above 0, or inherited, found '",
                       *options.max_offers_in_flight, "'")));
    }
    settings->set_max_offers_in_flight(most);
  }
  if (options.offer_split == "inherited")
    settings->set_offer_split(pb::ROLE_OFFER_SPLIT_UNSPECIFIED);
  if (options.offer_split == "none") settings->set_offer_split(pb::ROLE_OFFER_SPLIT_NONE);
  if (options.offer_split == "demand") settings->set_offer_split(pb::ROLE_OFFER_SPLIT_BY_DEMAND);
  return status;
}

int SetRole(const Common& common, const RoleOptions& options) {
  pb::UpdateRolesRequest request;
  request.set_request_id(Rng(runtime::RandomSeed()).Uuid());
  request.set_force(options.force);
  pb::RoleSettings* settings = request.add_settings();
  settings->set_role(options.role);
  if (options.priority.has_value()) settings->set_priority(*options.priority);
  if (options.preemptible.has_value()) settings->set_preemptible(*options.preemptible);
  if (options.placement == "inherited") settings->set_placement(pb::ROLE_PLACEMENT_UNSPECIFIED);
  if (options.placement == "random") settings->set_placement(pb::ROLE_PLACEMENT_RANDOM);
  if (options.placement == "spread") settings->set_placement(pb::ROLE_PLACEMENT_SPREAD);
  if (options.placement == "pack") settings->set_placement(pb::ROLE_PLACEMENT_PACK);
  if (options.sorter == "inherited") settings->set_sorter(pb::ROLE_SORTER_UNSPECIFIED);
  if (options.sorter == "drf") settings->set_sorter(pb::ROLE_SORTER_DRF);
  if (options.sorter == "random") settings->set_sorter(pb::ROLE_SORTER_RANDOM);
  if (options.version.has_value()) settings->set_version(*options.version);
  if (const absl::Status status = FillOffers(options, settings); !status.ok()) return Fail(status);
  auto cluster = Cluster::Connect(common.connection);
  if (!cluster.ok()) return Fail(cluster.status());
  const auto response = cluster->Call(&Cluster::MasterStub::UpdateRoles, request);
  return response.ok() ? 0 : Fail(response.status());
}

}  // namespace

void AddRole(CLI::App* app, Common* common) {
  auto options = std::make_shared<RoleOptions>();
  CLI::App* verb = app->add_subcommand(
      "role", "Roles as a tree: weight, priority, share, quota, what is used, offered, consumed");
  verb->add_option("role", options->role, "Only this role and those below it");
  CLI::App* set = verb->add_subcommand("set", "Sets how a role is served; the rest stays");
  set->add_option("role", options->role, "Role")->required();
  set->add_option("--priority", options->priority, "Higher comes first among siblings, -1000..1000")
      ->check(CLI::Range(-1000, 1000));
  set->add_option("--preemptible", options->preemptible,
                  "true: what it uses beyond its guarantee may be taken back");
  set->add_option("--placement", options->placement, "Order in which it is offered agents")
      ->check(CLI::IsMember({"inherited", "random", "spread", "pack"}));
  set->add_option("--sorter", options->sorter, "Order among its sub-roles and frameworks")
      ->check(CLI::IsMember({"inherited", "drf", "random"}));
  set->add_option("--offer_max", options->offer_max,
                  "Most that one offer holds: NAME=AMOUNT,... or none");
  set->add_option("--offer_split", options->offer_split,
                  "demand: agents are divided among the frameworks that want offers")
      ->check(CLI::IsMember({"inherited", "none", "demand"}));
  set->add_option("--min_allocatable", options->min_allocatable,
                  "Least worth offering to frameworks that name none: NAME=AMOUNT,...|... (any of "
                  "them), none, or inherited");
  set->add_option("--offer_timeout", options->offer_timeout,
                  "When unanswered offers are rescinded: a duration, never, or inherited");
  set->add_option("--max_offers_in_flight", options->max_offers_in_flight,
                  "Unanswered offers of one framework in the role: a number, or inherited");
  set->add_flag("--force", options->force, "Also for resources that no agent has");
  set->add_option("--version", options->version,
                  "Only if the role still has this version (see --json)");
  set->callback([=] { common->chosen = [=] { return SetRole(*common, *options); }; });
  verb->callback([=] {
    if (set->parsed()) return;
    common->chosen = [=] { return ShowRoles(*common, options->role); };
  });
}

}  // namespace meros::cli

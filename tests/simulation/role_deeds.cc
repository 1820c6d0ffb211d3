#include "tests/simulation/role_deeds.h"

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"

namespace meros::simulation {
namespace {

namespace pb = v1::master;

// Some of the settings that say how offers for the role are made.
void DrawOffers(pb::RoleSettings* settings, Rng* rng) {
  if (rng->Chance(0.3)) {
    (*settings->mutable_offer_max()->mutable_amounts())["cpus"].set_value(2);
  }
  if (rng->Chance(0.3)) {
    settings->set_offer_split(static_cast<pb::RoleOfferSplit>(rng->Uniform(0, 2)));
  }
  if (rng->Chance(0.3)) {
    // Less than any task needs, and more than most: then little is offered.
    const double cpus = rng->Chance(0.7) ? 0.1 : 3;
    auto* least = settings->mutable_min_allocatable()->mutable_least()->add_quantities();
    (*least->mutable_quantities())["cpus"].set_value(cpus);
  }
  if (rng->Chance(0.3)) {
    const absl::Duration timeout = absl::Seconds(rng->Chance(0.3) ? 0 : rng->Uniform(1, 30));
    settings->mutable_offer_timeout()->mutable_timeout()->set_nanoseconds(
        absl::ToInt64Nanoseconds(timeout));
  }
  if (rng->Chance(0.3)) {
    settings->set_max_offers_in_flight(static_cast<uint32_t>(rng->Uniform(0, 3)));
  }
}

}  // namespace

pb::UpdateQuotaRequest DrawQuota(const std::string& role, Rng* rng) {
  pb::UpdateQuotaRequest request;
  v1::quota::QuotaConfig* config = request.add_configs();
  config->set_role(role);
  const double limit = 0.5 * static_cast<double>(rng->Uniform(0, 12));
  const bool is_limited = rng->Chance(0.7);
  if (is_limited) (*config->mutable_limits())["cpus"].set_value(limit);
  if (rng->Chance(0.5)) {
    const double wanted = 0.5 * static_cast<double>(rng->Uniform(1, 12));
    (*config->mutable_guarantees())["cpus"].set_value(is_limited ? std::min(wanted, limit)
                                                                 : wanted);
  }
  request.set_force(rng->Chance(0.5));
  return request;
}

pb::UpdateWeightsRequest DrawWeight(const std::string& role, Rng* rng) {
  pb::UpdateWeightsRequest request;
  request.add_weights()->set_role(role);
  request.mutable_weights(0)->set_weight(static_cast<double>(rng->Uniform(1, 4)));
  return request;
}

pb::UpdateRolesRequest DrawPolicy(const std::string& role, Rng* rng) {
  pb::UpdateRolesRequest request;
  pb::RoleSettings* settings = request.add_settings();
  settings->set_role(role);
  if (rng->Chance(0.5)) settings->set_priority(static_cast<int32_t>(rng->Uniform(0, 2)));
  if (rng->Chance(0.5)) settings->set_preemptible(rng->Chance(0.7));
  if (rng->Chance(0.3)) {
    settings->set_placement(static_cast<pb::RolePlacement>(rng->Uniform(0, 3)));
  }
  if (rng->Chance(0.3)) settings->set_sorter(static_cast<pb::RoleSorter>(rng->Uniform(0, 2)));
  DrawOffers(settings, rng);
  return request;
}

pb::UpdateQuotaRequest DrawGuarantee(const std::vector<std::string>& roles,
                                     const master::Books& books, Rng* rng) {
  resources::Scalar cpus;
  for (const auto& [sequence, agent] : books.agents.all()) {
    if (agent->is_live()) cpus += agent->record.total.Cpus();
  }
  pb::UpdateQuotaRequest request;
  v1::quota::QuotaConfig* config = request.add_configs();
  config->set_role(roles.front());
  const auto halves_max = std::max(uint64_t{1}, static_cast<uint64_t>(2 * cpus.ToDouble()));
  const double wanted = 0.5 * static_cast<double>(rng->Uniform(1, halves_max));
  (*config->mutable_guarantees())["cpus"].set_value(wanted);
  request.set_force(true);
  return request;
}

pb::UpdateRolesRequest AllPreemptible(const std::vector<std::string>& roles) {
  pb::UpdateRolesRequest request;
  for (size_t i = 1; i < roles.size(); ++i) {
    pb::RoleSettings* settings = request.add_settings();
    settings->set_role(roles[i]);
    settings->set_preemptible(true);
  }
  return request;
}

pb::UpdateRolesRequest ForgetPolicy(const std::string& role) {
  pb::UpdateRolesRequest request;
  pb::RoleSettings* settings = request.add_settings();
  settings->set_role(role);
  settings->set_priority(0);
  settings->set_preemptible(false);
  settings->set_placement(pb::ROLE_PLACEMENT_UNSPECIFIED);
  settings->set_sorter(pb::ROLE_SORTER_UNSPECIFIED);
  settings->mutable_offer_max();
  settings->mutable_min_allocatable();
  settings->mutable_offer_timeout();
  settings->set_max_offers_in_flight(0);
  settings->set_offer_split(pb::ROLE_OFFER_SPLIT_UNSPECIFIED);
  return request;
}

}  // namespace meros::simulation

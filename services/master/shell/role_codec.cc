#include "services/master/shell/role_codec.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/wire/role_rules.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

using MilliMap = google::protobuf::Map<std::string, int64_t>;
using resources::ResourceName;
using resources::Scalar;

template <typename Amounts>
void Write(const Amounts& amounts, MilliMap* out) {
  for (const auto& [name, amount] : amounts) (*out)[std::string(name.text())] = amount.millis();
}

template <typename Add>
absl::Status Read(const MilliMap& map, Add add) {
  for (const auto& [name, millis] : map) {
    if (name.empty() || millis < 0 || millis > Scalar::kMaxMillis) {
      return absl::InvalidArgumentError(absl::StrCat(millis, " thousandths of '", name, "'"));
    }
    add(ResourceName(name), Scalar::FromMillis(millis));
  }
  return absl::OkStatus();
}

// What one item of a call sets.
absl::StatusOr<RoleChange> ChangeOf(const v1::quota::QuotaConfig& message,
                                    const wire::FieldPath& path) {
  MEROS_ASSIGN_OR_RETURN(wire::Quota quota, wire::QuotaFromProto(message, path));
  RoleChange change;
  change.role = message.role();
  change.quota = RoleQuota{std::move(quota.guarantees), std::move(quota.limits)};
  if (message.has_version()) change.version = message.version();
  return change;
}

absl::StatusOr<RoleChange> ChangeOf(const v1::WeightInfo& message, const wire::FieldPath& path) {
  MEROS_RETURN_IF_ERROR(wire::ValidateWeight(message, path));
  RoleChange change;
  change.role = message.role();
  change.weight = message.weight();
  if (message.has_version()) change.version = message.version();
  return change;
}

// How much and how long frameworks of the role may think.
absl::Status ReadOfferSettings(const pb::RoleSettings& message, const wire::FieldPath& path,
                               RoleChange* change) {
  if (message.has_min_allocatable()) {
    std::optional<MinAllocatable>& least = change->min_allocatable.emplace();
    if (message.min_allocatable().has_least()) {
      MEROS_ASSIGN_OR_RETURN(
          least, wire::RoleMinimumFromProto(message.min_allocatable().least(),
                                            path.Field("min_allocatable").Field("least")));
    }
  }
  if (message.has_offer_timeout()) {
    std::optional<absl::Duration>& timeout = change->offer_timeout.emplace();
    if (message.offer_timeout().has_timeout()) {
      MEROS_ASSIGN_OR_RETURN(
          timeout, wire::OfferTimeoutFromProto(message.offer_timeout().timeout(),
                                               path.Field("offer_timeout").Field("timeout")));
    }
  }
  if (message.has_max_offers_in_flight()) {
    MEROS_RETURN_IF_ERROR(wire::ValidateOffersInFlight(message.max_offers_in_flight(),
                                                       path.Field("max_offers_in_flight")));
    change->max_offers_in_flight = message.max_offers_in_flight();
  }
  if (message.has_offer_split()) {
    change->offer_split = static_cast<RoleOfferSplit>(message.offer_split());
  }
  return absl::OkStatus();
}

absl::StatusOr<RoleChange> ChangeOf(const pb::RoleSettings& message, const wire::FieldPath& path) {
  MEROS_RETURN_IF_ERROR(wire::ValidatePriority(message.priority(), path.Field("priority")));
  RoleChange change;
  change.role = message.role();
  if (message.has_priority()) change.priority = message.priority();
  if (message.has_preemptible()) change.preemptible = message.preemptible();
  if (message.has_placement()) change.placement = static_cast<RolePlacement>(message.placement());
  if (message.has_sorter()) change.sorter = static_cast<RoleSorter>(message.sorter());
  if (message.has_offer_max()) {
    MEROS_ASSIGN_OR_RETURN(change.offer_max,
                           wire::RoleQuantitiesFromProto(message.offer_max().amounts(),
                                                         path.Field("offer_max"), "amounts"));
  }
  MEROS_RETURN_IF_ERROR(ReadOfferSettings(message, path, &change));
  if (message.has_version()) change.version = message.version();
  return change;
}

template <typename Request, typename Items>
absl::StatusOr<OperatorUpdateRoles> Decode(const Request& request, absl::string_view name,
                                           const Items& items) {
  const wire::FieldPath path;
  MEROS_RETURN_IF_ERROR(wire::ValidateRoleList(items, path, name));
  OperatorUpdateRoles call;
  call.request_id = request.request_id();
  for (int i = 0; i < items.size(); ++i) {
    MEROS_ASSIGN_OR_RETURN(RoleChange change, ChangeOf(items[i], path.Item(name, i)));
    call.changes.push_back(std::move(change));
  }
  return call;
}

void WriteOfferPolicy(const RolePolicy& policy, registry::v1::RoleRecord* record) {
  if (policy.min_allocatable) {
    registry::v1::RoleMinAllocatable* least = record->mutable_min_allocatable();
    for (const auto& amounts : *policy.min_allocatable) {
      Write(amounts, least->add_any_of()->mutable_milli());
    }
  }
  if (policy.offer_timeout) {
    const bool is_never = *policy.offer_timeout == absl::InfiniteDuration();
    record->set_offer_timeout_ns(is_never ? 0 : absl::ToInt64Nanoseconds(*policy.offer_timeout));
  }
  record->set_max_offers_in_flight(policy.max_offers_in_flight);
  record->set_offer_split(static_cast<int32_t>(policy.offer_split));
}

absl::Status ReadOfferPolicy(const registry::v1::RoleRecord& record, RolePolicy* policy) {
  if (record.has_min_allocatable()) {
    MinAllocatable& least = policy->min_allocatable.emplace();
    for (const auto& amounts : record.min_allocatable().any_of()) {
      resources::ResourceQuantities& sum = least.emplace_back();
      MEROS_RETURN_IF_ERROR(Read(amounts.milli(), [&](const ResourceName& name, Scalar amount) {
        sum.Add(name, amount);
      }));
    }
  }
  if (record.has_offer_timeout_ns()) {
    policy->offer_timeout = record.offer_timeout_ns() <= 0
                                ? absl::InfiniteDuration()
                                : absl::Nanoseconds(record.offer_timeout_ns());
  }
  policy->max_offers_in_flight = record.max_offers_in_flight();
  if (pb::RoleOfferSplit_IsValid(record.offer_split())) {
    policy->offer_split = static_cast<RoleOfferSplit>(record.offer_split());
  }
  return absl::OkStatus();
}

}  // namespace

registry::v1::Mutation EncodeRole(const RoleConfig& config) {
  registry::v1::Mutation mutation;
  mutation.mutable_key()->set_kind(registry::v1::RECORD_KIND_ROLE);
  mutation.mutable_key()->set_name(config.role);
  if (config.is_default()) {
    mutation.set_remove(true);
    return mutation;
  }
  registry::v1::RoleRecord record;
  Write(config.quota.guarantees, record.mutable_guarantees_milli());
  Write(config.quota.limits, record.mutable_limits_milli());
  record.set_weight(config.weight);
  record.set_priority(config.policy.priority);
  record.set_preemptible(config.policy.preemptible);
  record.set_placement(static_cast<int32_t>(config.policy.placement));
  record.set_sorter(static_cast<int32_t>(config.policy.sorter));
  Write(config.policy.offer_max, record.mutable_offer_max_milli());
  WriteOfferPolicy(config.policy, &record);
  record.set_version(config.version);
  mutation.set_put(record.SerializeAsString());
  return mutation;
}

absl::StatusOr<RoleConfigRef> DecodeRole(const std::string& role, const std::string& value) {
  registry::v1::RoleRecord record;
  if (!record.ParseFromString(value)) return absl::InvalidArgumentError("not a RoleRecord");
  RoleConfig config;
  config.role = role;
  MEROS_RETURN_IF_ERROR(Read(
      record.guarantees_milli(),
      [&](const ResourceName& name, Scalar amount) { config.quota.guarantees.Add(name, amount); }));
  MEROS_RETURN_IF_ERROR(Read(record.limits_milli(), [&](const ResourceName& name, Scalar amount) {
    config.quota.limits.Set(name, amount);
  }));
  if (record.weight() != 0) config.weight = record.weight();
  if (!(config.weight > 0)) return absl::InvalidArgumentError("its weight is not positive");
  config.policy.priority = record.priority();
  config.policy.preemptible = record.preemptible();
  // What a later version knows, and this one does not, is inherited.
  if (pb::RolePlacement_IsValid(record.placement())) {
    config.policy.placement = static_cast<RolePlacement>(record.placement());
  }
  if (pb::RoleSorter_IsValid(record.sorter())) {
    config.policy.sorter = static_cast<RoleSorter>(record.sorter());
  }
  MEROS_RETURN_IF_ERROR(Read(
      record.offer_max_milli(),
      [&](const ResourceName& name, Scalar amount) { config.policy.offer_max.Add(name, amount); }));
  MEROS_RETURN_IF_ERROR(ReadOfferPolicy(record, &config.policy));
  config.version = record.version();
  return std::make_shared<const RoleConfig>(std::move(config));
}

absl::StatusOr<OperatorUpdateRoles> DecodeCall(const pb::UpdateQuotaRequest& request) {
  MEROS_ASSIGN_OR_RETURN(OperatorUpdateRoles call, Decode(request, "configs", request.configs()));
  call.force = request.force();
  return call;
}

absl::StatusOr<OperatorUpdateRoles> DecodeCall(const pb::UpdateWeightsRequest& request) {
  return Decode(request, "weights", request.weights());
}

absl::StatusOr<OperatorUpdateRoles> DecodeCall(const pb::UpdateRolesRequest& request) {
  MEROS_ASSIGN_OR_RETURN(OperatorUpdateRoles call, Decode(request, "settings", request.settings()));
  call.force = request.force();
  return call;
}

}  // namespace meros::master

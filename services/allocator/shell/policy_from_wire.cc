#include "services/allocator/shell/policy_from_wire.h"

#include <optional>
#include <utility>

#include "libs/base/ids.h"
#include "libs/base/status_macros.h"
#include "libs/resources/roles.h"

namespace meros::allocator {

using wire::FieldPath;

absl::Status ReadQuantities(
    const v1::Quantities& quantities, const FieldPath& path,
    absl::FunctionRef<void(const resources::ResourceName&, resources::Scalar)> visit) {
  for (const auto& [name, millis] : quantities.milli()) {
    if (name.empty()) return path.Fault("a resource name is empty");
    if (millis < 0 || millis > resources::Scalar::kMaxMillis) {
      return path.Entry("milli", name).Fault(millis, " is out of range");
    }
    visit(resources::ResourceName(name), resources::Scalar::FromMillis(millis));
  }
  return absl::OkStatus();
}

absl::StatusOr<ResourceQuantities> ReadAmounts(const v1::Quantities& message,
                                               const FieldPath& path) {
  ResourceQuantities result;
  MEROS_RETURN_IF_ERROR(ReadQuantities(
      message, path,
      [&](const auto& name, resources::Scalar amount) { result.Add(name, amount); }));
  return result;
}

absl::StatusOr<std::string> ReadRole(const std::string& text, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(path.Annotate(resources::ValidateRole(text)));
  return text;
}

absl::StatusOr<MinAllocatable> ReadMinAllocatable(const v1::MinAllocatable& message,
                                                  const FieldPath& path) {
  MinAllocatable result;
  for (int i = 0; i < message.any_of_size(); ++i) {
    MEROS_ASSIGN_OR_RETURN(ResourceQuantities quantities,
                           ReadAmounts(message.any_of(i), path.Item("any_of", i)));
    result.any_of.push_back(std::move(quantities));
  }
  return result;
}

absl::StatusOr<Change> ReadPolicy(const v1::RoleWeight& message, const FieldPath& path) {
  MEROS_ASSIGN_OR_RETURN(std::string role, ReadRole(message.role(), path.Field("role")));
  return SetWeight{std::move(role), message.weight()};
}

absl::StatusOr<Change> ReadPolicy(const v1::RoleQuota& message, const FieldPath& path) {
  SetQuota result;
  MEROS_ASSIGN_OR_RETURN(result.role, ReadRole(message.role(), path.Field("role")));
  MEROS_ASSIGN_OR_RETURN(result.quota.guarantees,
                         ReadAmounts(message.guarantees(), path.Field("guarantees")));
  MEROS_RETURN_IF_ERROR(ReadQuantities(
      message.limits(), path.Field("limits"),
      [&](const auto& name, resources::Scalar amount) { result.quota.limits.Set(name, amount); }));
  return result;
}

namespace {

// nullopt: not set, or one of a later version.
std::optional<Placement> ReadPlacement(v1::Placement placement) {
  switch (placement) {
    case v1::PLACEMENT_RANDOM:
      return Placement::kRandom;
    case v1::PLACEMENT_SPREAD:
      return Placement::kSpread;
    case v1::PLACEMENT_PACK:
      return Placement::kPack;
    default:
      return std::nullopt;
  }
}

std::optional<Sorter> ReadSorter(v1::Sorter sorter) {
  switch (sorter) {
    case v1::SORTER_DRF:
      return Sorter::kDrf;
    case v1::SORTER_RANDOM:
      return Sorter::kRandom;
    default:
      return std::nullopt;
  }
}

std::optional<OfferSplit> ReadOfferSplit(v1::OfferSplit split) {
  switch (split) {
    case v1::OFFER_SPLIT_NONE:
      return OfferSplit::kNone;
    case v1::OFFER_SPLIT_BY_DEMAND:
      return OfferSplit::kByDemand;
    default:
      return std::nullopt;
  }
}

}  // namespace

absl::StatusOr<Change> ReadPolicy(const v1::RoleConfig& message, const FieldPath& path) {
  ConfigureRole result;
  if (!message.role().empty()) {
    MEROS_ASSIGN_OR_RETURN(result.role, ReadRole(message.role(), path.Field("role")));
  }
  RoleSettings& settings = result.settings;
  settings.priority = message.priority();
  if (settings.priority < -RoleSettings::kPriorityMax ||
      settings.priority > RoleSettings::kPriorityMax) {
    return path.Field("priority").Fault(settings.priority, " is out of range");
  }
  settings.preemptible = message.preemptible();
  settings.placement = ReadPlacement(message.placement());
  settings.sorter = ReadSorter(message.sorter());
  if (message.has_min_allocatable()) {
    MEROS_ASSIGN_OR_RETURN(
        settings.min_allocatable,
        ReadMinAllocatable(message.min_allocatable(), path.Field("min_allocatable")));
  }
  MEROS_RETURN_IF_ERROR(ReadQuantities(
      message.offer_max(), path.Field("offer_max"),
      [&](const auto& name, resources::Scalar amount) { settings.offer_max.Set(name, amount); }));
  for (const auto& [name, amount] : settings.offer_max) {
    if (!amount.is_positive()) {
      return path.Field("offer_max").Entry("milli", name.text()).Fault("must be above 0");
    }
  }
  settings.max_offers_in_flight = message.max_offers_in_flight();
  settings.offer_split = ReadOfferSplit(message.offer_split());
  return result;
}

absl::StatusOr<Change> ReadPolicy(const v1::Whitelist& message, const FieldPath&) {
  SetWhitelist result;
  if (message.enabled()) {
    result.hostnames.emplace(message.hostnames().begin(), message.hostnames().end());
  }
  return result;
}

absl::StatusOr<Change> ReadPolicy(const v1::RecoveryProgress& message, const FieldPath&) {
  return SetRecovery{message.agents_expected()};
}

absl::StatusOr<Change> ReadPolicy(const v1::InverseOfferResult& message, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(path.Field("framework_id").Annotate(ValidateId(message.framework_id())));
  MEROS_RETURN_IF_ERROR(path.Field("agent_id").Annotate(ValidateId(message.agent_id())));
  if (message.refuse_ms() < 0) return path.Field("refuse_ms").Fault("is negative");
  return SettleInverseOffer{FrameworkId(message.framework_id()), AgentId(message.agent_id()),
                            absl::Milliseconds(message.refuse_ms())};
}

absl::StatusOr<Maintenance> ReadMaintenance(const v1::Maintenance& message, const FieldPath& path) {
  if (message.duration_ns() < 0) return path.Field("duration_ns").Fault("is negative");
  return Maintenance{absl::FromUnixNanos(message.start_ns()),
                     message.duration_ns() == 0 ? absl::InfiniteDuration()
                                                : absl::Nanoseconds(message.duration_ns())};
}

}  // namespace meros::allocator

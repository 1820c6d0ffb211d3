#include "services/master/core/operation_rules.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace meros::master {
namespace {

using resources::Resource;
using resources::Resources;

template <typename... Args>
absl::Status Invalid(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

absl::Status CheckPrincipal(absl::string_view of, const std::optional<std::string>& named,
                            const OperationAsker& asker) {
  if (asker.framework == nullptr || asker.framework->record.principal().empty()) {
    return absl::OkStatus();
  }
  const std::string& own = asker.framework->record.principal();
  if (named == own) return absl::OkStatus();
  return Invalid("the principal of ", of, " must be the framework's, '", own, "', is '",
                 named.value_or(""), "'");
}

// What the agent has to know of reservations.
absl::Status CheckAgentKnows(const Resource& target, const Agent& agent) {
  using Capability = v1::AgentInfo::Capability;
  if (!target.is_reserved()) return absl::OkStatus();
  const std::vector<resources::Reservation>& stack = target.metadata()->reservations;
  const auto lacks = [&](Capability::Type type) { return !agent.record.capabilities.Has(type); };
  if (absl::StrContains(stack.back().role, '/') && lacks(Capability::HIERARCHICAL_ROLE)) {
    return absl::FailedPreconditionError(absl::StrCat("agent ", agent.record.id.value(),
                                                      " knows no role '", stack.back().role,
                                                      "' (capability HIERARCHICAL_ROLE)"));
  }
  if (stack.size() > 1 && lacks(Capability::RESERVATION_REFINEMENT)) {
    return absl::FailedPreconditionError(
        absl::StrCat("agent ", agent.record.id.value(),
                     " refines no reservations (capability RESERVATION_REFINEMENT)"));
  }
  return absl::OkStatus();
}

absl::Status CheckReservation(const Resource& target, const OperationAsker& asker) {
  if (asker.framework == nullptr || !target.is_reserved()) return absl::OkStatus();
  const std::vector<resources::Reservation>& stack = target.metadata()->reservations;
  if (stack.back().role != asker.role ||
      !asker.framework->record.subscription.HasRole(asker.role)) {
    return Invalid("resources are to be reserved for role '", stack.back().role,
                   "', but the offers are to role '", asker.role, "'");
  }
  if (stack.size() > 1 && !asker.framework->record.subscription.reservation_refinement) {
    return Invalid("a reservation is to be refined without capability RESERVATION_REFINEMENT");
  }
  return CheckPrincipal("a reservation", stack.back().principal, asker);
}

absl::Status Check(const resources::Reserve& reserve, const OperationAsker& asker,
                   const Agent& agent) {
  if (asker.framework != nullptr && !reserve.source.empty()) {
    return Invalid("reserve.source is for operators: unreserve, then reserve");
  }
  for (const Resource& target : reserve.target) {
    MEROS_RETURN_IF_ERROR(CheckReservation(target, asker));
    MEROS_RETURN_IF_ERROR(CheckAgentKnows(target, agent));
  }
  return absl::OkStatus();
}

absl::Status Check(const resources::Unreserve&, const OperationAsker&, const Agent&) {
  return absl::OkStatus();
}

absl::Status CheckIdIsFree(const Resource& volume, const Agent& agent) {
  const std::string& id = volume.metadata()->disk->persistence->id;
  const absl::string_view role = ReservationRole(*volume.metadata());
  for (const Resource& known : agent.record.total.PersistentVolumes()) {
    if (known.metadata()->disk->persistence->id != id) continue;
    if (ReservationRole(*known.metadata()) != role) continue;
    return absl::AlreadyExistsError(absl::StrCat("role '", role, "' has a volume '", id,
                                                 "' on agent ", agent.record.id.value()));
  }
  return absl::OkStatus();
}

absl::Status Check(const resources::CreateVolumes& create, const OperationAsker& asker,
                   const Agent& agent) {
  for (const Resource& volume : create.volumes) {
    if (!volume.is_persistent_volume()) continue;  // refused with the conversion
    if (volume.is_shared() && asker.framework != nullptr &&
        !asker.framework->record.subscription.shared_resources) {
      return Invalid("a shared volume is to be made without capability SHARED_RESOURCES");
    }
    MEROS_RETURN_IF_ERROR(CheckIdIsFree(volume, agent));
    MEROS_RETURN_IF_ERROR(
        CheckPrincipal("a volume", volume.metadata()->disk->persistence->principal, asker));
  }
  return absl::OkStatus();
}

absl::Status Check(const resources::DestroyVolumes&, const OperationAsker&, const Agent&) {
  return absl::OkStatus();
}

absl::Status CheckResizes(const Agent& agent) {
  using Capability = v1::AgentInfo::Capability;
  if (agent.record.capabilities.Has(Capability::RESIZE_VOLUME)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "agent ", agent.record.id.value(), " cannot resize volumes (capability RESIZE_VOLUME)"));
}

absl::Status Check(const resources::GrowVolume&, const OperationAsker&, const Agent& agent) {
  return CheckResizes(agent);
}

absl::Status Check(const resources::ShrinkVolume&, const OperationAsker&, const Agent& agent) {
  return CheckResizes(agent);
}

absl::Status CheckNoProvider(const Resources& resources) {
  for (const Resource& resource : resources) {
    if (resource.metadata()->provider_id.has_value()) {
      return absl::UnimplementedError(
          absl::StrCat("resource providers are not supported: ", resource.DebugString()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<resources::Conversion> JudgeOperation(const ResourceOperation& operation,
                                                     const OperationAsker& asker,
                                                     const Agent& agent) {
  MEROS_RETURN_IF_ERROR(operation.fault);
  if (!operation.content.has_value()) return Invalid(operation.name, " has no content");
  if (operation.allocation_role.has_value() && *operation.allocation_role != asker.role) {
    return Invalid("resources are allocated to role '", *operation.allocation_role,
                   "', the offers to '", asker.role, "'");
  }
  if (!agent.record.capabilities.Has(v1::AgentInfo::Capability::AGENT_OPERATION_FEEDBACK)) {
    return absl::FailedPreconditionError(
        absl::StrCat("agent ", agent.record.id.value(),
                     " carries out no operations (capability AGENT_OPERATION_FEEDBACK)"));
  }
  MEROS_RETURN_IF_ERROR(
      std::visit([&](const auto& op) { return Check(op, asker, agent); }, *operation.content));
  MEROS_ASSIGN_OR_RETURN(resources::Conversion conversion, ConversionOf(*operation.content));
  MEROS_RETURN_IF_ERROR(CheckNoProvider(conversion.consumed));
  return conversion;
}

}  // namespace meros::master

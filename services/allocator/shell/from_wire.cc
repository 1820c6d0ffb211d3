#include "services/allocator/shell/from_wire.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "libs/base/status_macros.h"
#include "libs/wire/field_path.h"
#include "libs/wire/offer_constraints.h"
#include "libs/wire/resources_proto.h"
#include "meros/allocator/v1/allocator_service.pb.h"
#include "services/allocator/shell/policy_from_wire.h"

namespace meros::allocator {
namespace {

using wire::FieldPath;

// What a master may allow at most (master/config.cc), so that its limits are the ones that count.
constexpr resources::RegexLimits kMostRegex = {.memory_bytes_max = 1 << 20,
                                               .program_size_max = 10'000};

template <typename Id>
absl::StatusOr<Id> ReadId(const std::string& text, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(path.Annotate(ValidateId(text)));
  return Id(text);
}

Capabilities ReadCapabilities(const v1::FrameworkState& message) {
  Capabilities capabilities;
  for (const auto& capability : message.capabilities()) {
    switch (capability.type()) {
      case meros::v1::FrameworkInfo::Capability::REVOCABLE_RESOURCES:
        capabilities.revocable_resources = true;
        break;
      case meros::v1::FrameworkInfo::Capability::GPU_RESOURCES:
        capabilities.gpu_resources = true;
        break;
      case meros::v1::FrameworkInfo::Capability::SHARED_RESOURCES:
        capabilities.shared_resources = true;
        break;
      case meros::v1::FrameworkInfo::Capability::RESERVATION_REFINEMENT:
        capabilities.reservation_refinement = true;
        break;
      case meros::v1::FrameworkInfo::Capability::REGION_AWARE:
        capabilities.region_aware = true;
        break;
      default:
        break;  // the others do not concern what is offered
    }
  }
  return capabilities;
}

absl::StatusOr<Change> Read(const v1::FrameworkState& message, const FieldPath& path) {
  FrameworkState state;
  MEROS_ASSIGN_OR_RETURN(state.id,
                         ReadId<FrameworkId>(message.framework_id(), path.Field("framework_id")));
  for (int i = 0; i < message.roles_size(); ++i) {
    MEROS_ASSIGN_OR_RETURN(std::string role, ReadRole(message.roles(i), path.Item("roles", i)));
    state.roles.insert(std::move(role));
  }
  state.suppressed_roles.insert(message.suppressed_roles().begin(),
                                message.suppressed_roles().end());
  state.active = message.active();
  state.capabilities = ReadCapabilities(message);
  for (const auto& [role, minimum] : message.min_allocatable()) {
    MEROS_ASSIGN_OR_RETURN(state.min_allocatable[role],
                           ReadMinAllocatable(minimum, path.Entry("min_allocatable", role)));
  }
  for (const auto& [role, groups] : message.offer_constraints().role_constraints()) {
    // The master has refused what does not compile, or exceeds the limits that its operator set.
    // What gets past it matches no agent: the rest of the cluster must not wait for one framework.
    auto constraints = wire::AgentConstraintsFromProto(groups, path, kMostRegex);
    state.constraints[role] = std::make_shared<const resources::AgentConstraints>(
        constraints.ok() ? *std::move(constraints) : resources::AgentConstraints());
  }
  return UpsertFramework{std::move(state)};
}

absl::StatusOr<Change> Read(const v1::FrameworkRef& message, const FieldPath& path) {
  MEROS_ASSIGN_OR_RETURN(FrameworkId id,
                         ReadId<FrameworkId>(message.framework_id(), path.Field("framework_id")));
  return RemoveFramework{std::move(id)};
}

absl::StatusOr<resources::AgentTraits> ReadTraits(const meros::v1::AgentInfo& info,
                                                  const FieldPath& path) {
  resources::AgentTraits traits;
  traits.hostname = info.hostname();
  if (info.domain().has_fault_domain()) {
    traits.region = info.domain().fault_domain().region().name();
    traits.zone = info.domain().fault_domain().zone().name();
  }
  MEROS_ASSIGN_OR_RETURN(traits.attributes, wire::AttributesFromProto(info.attributes(), path));
  return traits;
}

absl::StatusOr<Change> Read(const v1::AgentState& message, const FieldPath& path) {
  AgentState state;
  MEROS_ASSIGN_OR_RETURN(state.id, ReadId<AgentId>(message.agent_id(), path.Field("agent_id")));
  MEROS_ASSIGN_OR_RETURN(Resources total, wire::ResourcesFromProto(message.total(), path, "total"));
  state.total = total.WithoutAllocation();
  state.active = message.active();
  MEROS_ASSIGN_OR_RETURN(state.traits, ReadTraits(message.info(), path.Field("info")));
  if (message.has_maintenance()) {
    MEROS_ASSIGN_OR_RETURN(state.maintenance,
                           ReadMaintenance(message.maintenance(), path.Field("maintenance")));
  }
  return UpsertAgent{std::move(state)};
}

absl::StatusOr<Change> Read(const v1::AgentRef& message, const FieldPath& path) {
  MEROS_ASSIGN_OR_RETURN(AgentId id, ReadId<AgentId>(message.agent_id(), path.Field("agent_id")));
  return RemoveAgent{std::move(id)};
}

absl::StatusOr<Allocate> ReadAllocation(const v1::Allocation& message, const FieldPath& path) {
  Allocate result;
  MEROS_ASSIGN_OR_RETURN(result.holder.framework,
                         ReadId<FrameworkId>(message.framework_id(), path.Field("framework_id")));
  MEROS_ASSIGN_OR_RETURN(result.holder.role, ReadRole(message.role(), path.Field("role")));
  MEROS_ASSIGN_OR_RETURN(result.agent, ReadId<AgentId>(message.agent_id(), path.Field("agent_id")));
  MEROS_ASSIGN_OR_RETURN(Resources resources, wire::ResourcesFromProto(message.resources(), path));
  result.resources = resources.WithoutAllocation();
  result.proposal_id = message.proposal_id();
  result.offers = message.offers();
  return result;
}

absl::StatusOr<Change> Read(const v1::Allocation& message, const FieldPath& path) {
  return ReadAllocation(message, path);
}

absl::StatusOr<Change> Read(const v1::Recovery& message, const FieldPath& path) {
  MEROS_ASSIGN_OR_RETURN(Allocate allocation,
                         ReadAllocation(message.allocation(), path.Field("allocation")));
  if (message.refuse_ms() < 0) return path.Field("refuse_ms").Fault("is negative");
  return Recover{std::move(allocation.holder),    std::move(allocation.agent),
                 std::move(allocation.resources), absl::Milliseconds(message.refuse_ms()),
                 allocation.proposal_id,          allocation.offers};
}

absl::StatusOr<GangKey> ReadGangKey(const std::string& framework_id, const std::string& gang_id,
                                    const FieldPath& path) {
  GangKey key;
  MEROS_ASSIGN_OR_RETURN(key.framework,
                         ReadId<FrameworkId>(framework_id, path.Field("framework_id")));
  if (gang_id.empty()) return path.Field("gang_id").Fault("must be set");
  key.id = gang_id;
  return key;
}

absl::StatusOr<Change> Read(const v1::Gang& message, const FieldPath& path) {
  GangState gang;
  MEROS_ASSIGN_OR_RETURN(gang.key, ReadGangKey(message.framework_id(), message.gang_id(), path));
  MEROS_ASSIGN_OR_RETURN(gang.role, ReadRole(message.role(), path.Field("role")));
  for (int i = 0; i < message.bundles_size(); ++i) {
    const FieldPath bundle_path = path.Item("bundles", i);
    GangBundle bundle;
    MEROS_ASSIGN_OR_RETURN(bundle.amount,
                           ReadAmounts(message.bundles(i).amount(), bundle_path.Field("amount")));
    bundle.count = message.bundles(i).count();
    if (bundle.amount.empty()) return bundle_path.Field("amount").Fault("is empty");
    if (bundle.count == 0) return bundle_path.Field("count").Fault("is 0");
    gang.bundles.push_back(std::move(bundle));
  }
  if (gang.bundles.empty()) return path.Field("bundles").Fault("is empty");
  gang.distinct_agents = message.distinct_agents();
  gang.remaining = absl::Milliseconds(message.remaining_ms());
  return UpsertGang{std::move(gang)};
}

absl::StatusOr<Change> Read(const v1::GangRef& message, const FieldPath& path) {
  MEROS_ASSIGN_OR_RETURN(GangKey key, ReadGangKey(message.framework_id(), message.gang_id(), path));
  return RemoveGang{std::move(key)};
}

template <typename Selection>
absl::StatusOr<Change> ReadSelection(const v1::RoleSelection& message, const FieldPath& path) {
  MEROS_ASSIGN_OR_RETURN(FrameworkId id,
                         ReadId<FrameworkId>(message.framework_id(), path.Field("framework_id")));
  return Selection{std::move(id), {message.roles().begin(), message.roles().end()}};
}

absl::StatusOr<Change> ReadChange(const v1::Delta& delta, const FieldPath& path) {
  switch (delta.change_case()) {
    case v1::Delta::kUpsertFramework:
      return Read(delta.upsert_framework(), path.Field("upsert_framework"));
    case v1::Delta::kRemoveFramework:
      return Read(delta.remove_framework(), path.Field("remove_framework"));
    case v1::Delta::kUpsertAgent:
      return Read(delta.upsert_agent(), path.Field("upsert_agent"));
    case v1::Delta::kRemoveAgent:
      return Read(delta.remove_agent(), path.Field("remove_agent"));
    case v1::Delta::kAllocate:
      return Read(delta.allocate(), path.Field("allocate"));
    case v1::Delta::kRecover:
      return Read(delta.recover(), path.Field("recover"));
    case v1::Delta::kRevive:
      return ReadSelection<Revive>(delta.revive(), path.Field("revive"));
    case v1::Delta::kSuppress:
      return ReadSelection<Suppress>(delta.suppress(), path.Field("suppress"));
    case v1::Delta::kWeight:
      return ReadPolicy(delta.weight(), path.Field("weight"));
    case v1::Delta::kQuota:
      return ReadPolicy(delta.quota(), path.Field("quota"));
    case v1::Delta::kRoleConfig:
      return ReadPolicy(delta.role_config(), path.Field("role_config"));
    case v1::Delta::kWhitelist:
      return ReadPolicy(delta.whitelist(), path.Field("whitelist"));
    case v1::Delta::kRecovery:
      return ReadPolicy(delta.recovery(), path.Field("recovery"));
    case v1::Delta::kInverseOfferResult:
      return ReadPolicy(delta.inverse_offer_result(), path.Field("inverse_offer_result"));
    case v1::Delta::kUpsertGang:
      return Read(delta.upsert_gang(), path.Field("upsert_gang"));
    case v1::Delta::kRemoveGang:
      return Read(delta.remove_gang(), path.Field("remove_gang"));
    case v1::Delta::CHANGE_NOT_SET:
      break;
  }
  return path.Fault("no change is set that this version knows");
}

RejectReason ReadReason(v1::RejectReason reason) {
  switch (reason) {
    case v1::REJECT_REASON_UNSPECIFIED:
      return RejectReason::kNone;
    case v1::REJECT_REASON_NOT_FREE:
      return RejectReason::kNotFree;
    case v1::REJECT_REASON_AGENT_NOT_ACTIVE:
      return RejectReason::kAgentNotActive;
    case v1::REJECT_REASON_FRAMEWORK_NOT_ACTIVE:
      return RejectReason::kFrameworkNotActive;
    case v1::REJECT_REASON_TOO_MANY_OFFERS:
      return RejectReason::kTooManyOffers;
    case v1::REJECT_REASON_GANG:
      return RejectReason::kGang;
    default:
      return RejectReason::kInvalid;  // of a later version: a rejection all the same
  }
}

MasterMessage Read(const v1::MasterMessage& message, const FieldPath& path) {
  switch (message.body_case()) {
    case v1::MasterMessage::kHello:
      return Hello{message.hello().master_id(), message.hello().epoch(), message.hello().region()};
    case v1::MasterMessage::kSnapshotBegin:
      return SnapshotBegin{message.snapshot_begin().version()};
    case v1::MasterMessage::kSnapshotEnd:
      return SnapshotEnd{message.snapshot_end().version()};
    case v1::MasterMessage::kDelta: {
      absl::StatusOr<Change> change = ReadChange(message.delta(), path.Field("delta"));
      if (!change.ok()) return UnreadableDelta{std::string(change.status().message())};
      return Delta{message.delta().version(), *std::move(change)};
    }
    case v1::MasterMessage::kResult:
      return ProposalResult{message.result().proposal_id(),
                            ReadReason(message.result().reject_reason())};
    case v1::MasterMessage::BODY_NOT_SET:
      break;
  }
  return UnknownMessage{
      std::string(path.Fault("no body is set that this version knows").message())};
}

}  // namespace

std::vector<MasterMessage> FromWire(const v1::MasterFrame& frame) {
  std::vector<MasterMessage> messages;
  messages.reserve(static_cast<size_t>(frame.messages_size()));
  for (int i = 0; i < frame.messages_size(); ++i) {
    messages.push_back(Read(frame.messages(i), FieldPath().Item("messages", i)));
  }
  return messages;
}

}  // namespace meros::allocator

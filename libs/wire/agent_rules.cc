#include "libs/wire/agent_rules.h"

#include <utility>

#include "libs/base/status_macros.h"
#include "libs/resources/validation.h"
#include "libs/wire/launch_rules.h"
#include "libs/wire/limits.h"
#include "libs/wire/resources_proto.h"
#include "libs/wire/structure.h"

namespace meros::wire {

absl::StatusOr<AgentInventory> ValidateAgentInfo(const v1::AgentInfo& info, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(CheckStructure(info, path));
  if (info.hostname().empty()) return path.Field("hostname").Fault("must not be empty");
  MEROS_RETURN_IF_ERROR(CheckText(info.hostname(), kMaxNameBytes, path.Field("hostname")));
  if (info.port() < 0 || info.port() > 65'535) {
    return path.Field("port").Fault("must be 0 to 65535, got ", info.port());
  }
  if (info.has_id()) MEROS_RETURN_IF_ERROR(CheckId(info.id(), path.Field("id")));

  AgentInventory inventory;
  MEROS_ASSIGN_OR_RETURN(inventory.total, ResourcesFromProto(info.resources(), path));
  const FieldPath place = path.Field("resources");
  MEROS_RETURN_IF_ERROR(place.Annotate(ValidateDisks(inventory.total)));
  MEROS_RETURN_IF_ERROR(place.Annotate(ValidateNoRevocableReservation(inventory.total)));
  MEROS_RETURN_IF_ERROR(place.Annotate(ValidateUniquePersistenceIds(inventory.total)));
  for (const resources::Resource& resource : inventory.total) {
    if (!resource.metadata()->allocation_role.empty()) {
      return place.Fault("must not be allocated: ", resource.DebugString());
    }
  }
  MEROS_ASSIGN_OR_RETURN(inventory.attributes, AttributesFromProto(info.attributes(), path));
  return inventory;
}

}  // namespace meros::wire

#include "services/agent/shell/wire_codec.h"

#include "libs/base/status_macros.h"
#include "libs/wire/operations.h"
#include "libs/wire/resources_proto.h"
#include "libs/wire/structure.h"

namespace meros::agent {

ResourceCodec WireCodec() {
  return {
      .encode = [](const resources::Resources& resources,
                   ResourceCodec::Messages* out) { wire::ResourcesToProto(resources, out); },
      .decode = [](const ResourceCodec::Messages& messages)
          -> absl::StatusOr<resources::Resources> { return wire::ResourcesFromProto(messages); },
      .decode_operation =
          [](const v1::Offer::Operation& operation) -> absl::StatusOr<resources::Operation> {
        const wire::FieldPath path("operation");
        MEROS_RETURN_IF_ERROR(wire::CheckStructure(operation, path));
        return wire::OperationFromProto(operation, "", path);
      },
  };
}

}  // namespace meros::agent

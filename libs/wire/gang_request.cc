#include "libs/wire/gang_request.h"

#include <utility>

#include "libs/base/ids.h"
#include "libs/base/status_macros.h"
#include "libs/wire/durations.h"
#include "libs/wire/launch_rules.h"
#include "libs/wire/limits.h"
#include "libs/wire/resources_proto.h"

namespace meros::wire {
namespace {

absl::Status AddAmount(const v1::Resource& message, const FieldPath& path,
                       resources::ResourceQuantities* amount) {
  MEROS_ASSIGN_OR_RETURN(const resources::Resource resource, ResourceFromProto(message, path));
  if (!resource.is_scalar()) return path.Field("type").Fault("must be SCALAR in a gang");
  const resources::Resource plain(resource.name(), resource.scalar());
  if (!(resource == plain)) {
    return path.Fault(
        "must be plain in a gang: no reservation, disk, provider or allocation, "
        "neither revocable nor shared");
  }
  amount->Add(resource.name(), resource.scalar());
  return absl::OkStatus();
}

absl::StatusOr<Bundle> BundleFromProto(const v1::Request& message, const FieldPath& path) {
  if (message.has_agent_id()) {
    return path.Field("agent_id")
        .Fault("must not be set in a gang; offer constraints say which agents will do");
  }
  Bundle bundle;
  if (message.has_count()) bundle.count = message.count();
  if (bundle.count == 0) return path.Field("count").Fault("must be at least 1, got 0");
  for (int i = 0; i < message.resources_size(); ++i) {
    MEROS_RETURN_IF_ERROR(
        AddAmount(message.resources(i), path.Item("resources", i), &bundle.amount));
  }
  if (bundle.amount.empty()) return path.Field("resources").Fault("must not be empty in a gang");
  return bundle;
}

absl::Status CheckDeadline(const v1::DurationInfo& deadline, const FieldPath& path) {
  MEROS_ASSIGN_OR_RETURN(const absl::Duration duration, DurationFromProto(deadline, path));
  if (duration > absl::ZeroDuration()) return absl::OkStatus();
  return path.Fault("must be positive");
}

}  // namespace

absl::StatusOr<std::vector<Bundle>> BundlesFromProto(const v1::scheduler::Call::Request& request,
                                                     const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(path.Field("gang_id").Annotate(ValidateId(request.gang_id())));
  MEROS_RETURN_IF_ERROR(
      CheckCount(request.requests_size(), kMaxBundleKindsPerGang, path.Field("requests")));
  if (request.has_deadline()) {
    MEROS_RETURN_IF_ERROR(CheckDeadline(request.deadline(), path.Field("deadline")));
  }
  std::vector<Bundle> bundles;
  uint32_t count = 0;
  for (int i = 0; i < request.requests_size(); ++i) {
    const FieldPath bundle_path = path.Item("requests", i);
    MEROS_ASSIGN_OR_RETURN(Bundle bundle, BundleFromProto(request.requests(i), bundle_path));
    if (bundle.count > kMaxBundlesPerGang - count) {
      return bundle_path.Field("count").Fault("brings the gang to more than ", kMaxBundlesPerGang,
                                              " bundles");
    }
    count += bundle.count;
    bundles.push_back(std::move(bundle));
  }
  return bundles;
}

absl::Duration GangDeadline(const v1::scheduler::Call::Request& request) {
  if (!request.has_deadline()) return absl::InfiniteDuration();
  return absl::Nanoseconds(request.deadline().nanoseconds());
}

}  // namespace meros::wire

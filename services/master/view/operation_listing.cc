#include "services/master/view/operation_listing.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/master/view/listing_pages.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

bool Matches(const Operation& operation, const pb::ListOperationsRequest& request) {
  if (request.has_framework_id() &&
      operation.framework_id.value() != request.framework_id().value()) {
    return false;
  }
  return !request.has_agent_id() || operation.agent_id.value() == request.agent_id().value();
}

void Encode(const Operation& operation, v1::Operation* out) {
  if (!operation.framework_id.empty()) {
    out->mutable_framework_id()->set_value(operation.framework_id.value());
  }
  out->mutable_agent_id()->set_value(operation.agent_id.value());
  *out->mutable_info() = *operation.info;
  *out->mutable_latest_status() = *operation.status;
  *out->add_statuses() = *operation.status;
  out->mutable_uuid()->set_value(operation.uuid);
}

}  // namespace

absl::StatusOr<pb::ListOperationsResponse> ListOperations(
    const ClusterView& view, const pb::ListOperationsRequest& request) {
  if (request.page_size() > kMaxPageSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("page_size: must be at most ", kMaxPageSize, ", is ", request.page_size()));
  }
  const size_t size = request.page_size() == 0 ? kDefaultPageSize : request.page_size();
  uint64_t after = 0;
  if (!request.page_token().empty() && !absl::SimpleAtoi(request.page_token(), &after)) {
    return absl::InvalidArgumentError("page_token: not one that this master gave");
  }
  pb::ListOperationsResponse response;
  response.set_revision(view.revision());
  uint64_t last = 0;
  for (auto it = view.operations().upper_bound(after); it != view.operations().end(); ++it) {
    if (!Matches(*it->second, request)) continue;
    if (static_cast<size_t>(response.operations_size()) == size) {
      response.set_next_page_token(absl::StrCat(last));
      break;
    }
    Encode(*it->second, response.add_operations());
    last = it->first;
  }
  return response;
}

}  // namespace meros::master

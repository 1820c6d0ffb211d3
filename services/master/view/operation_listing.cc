#include "services/master/view/operation_listing.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/master/view/listing_filters.h"
#include "services/master/view/page_progress.h"

namespace meros::master {

namespace pb = ::meros::v1::master;

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

absl::StatusOr<pb::ListOperationsResponse> ListOperations(const ClusterView& view,
                                                          const pb::ListOperationsRequest& request,
                                                          PageLimits limits) {
  MEROS_ASSIGN_OR_RETURN(const size_t size, PageSize(request.page_size()));
  MEROS_ASSIGN_OR_RETURN(const OperationFilter filter, OperationFilter::Of(request));
  uint64_t last = 0;  // that was looked at; sequences begin at 1
  if (!request.page_token().empty() && !absl::SimpleAtoi(request.page_token(), &last)) {
    return absl::InvalidArgumentError("page_token: not one that this master gave");
  }
  pb::ListOperationsResponse response;
  response.set_revision(view.revision());
  Progress progress{size, limits};
  for (auto it = view.operations().upper_bound(last); it != view.operations().end(); ++it) {
    const bool matches = filter.Matches(*it->second);
    if (progress.ends_before(matches)) {
      response.set_next_page_token(absl::StrCat(last));
      break;
    }
    last = it->first;
    ++progress.examined;
    if (!matches) continue;
    ++progress.rows;
    v1::Operation* operation = response.add_operations();
    Encode(*it->second, operation);
    progress.bytes += operation->ByteSizeLong();
  }
  return response;
}

}  // namespace meros::master

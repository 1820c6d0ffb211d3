#include "services/master/shell/admit.h"

#include "absl/strings/str_cat.h"
#include "libs/base/retry_hint.h"
#include "libs/rpc/server.h"
#include "libs/runtime/clock.h"

namespace meros::master {

void HintRetry(const absl::Status& status, grpc::CallbackServerContext* grpc_context) {
  if (const auto wait = RetryAfter(status)) {
    grpc_context->AddTrailingMetadata(kRetryPushback,
                                      absl::StrCat(absl::ToInt64Milliseconds(*wait)));
  }
}

absl::Status Admit(RateLimiter* limiter, grpc::CallbackServerContext* grpc_context) {
  absl::Status status =
      limiter->Of(rpc::PeerPrincipal(*grpc_context)).Admit(runtime::ProcessClock::Get().Now());
  HintRetry(status, grpc_context);
  return status;
}

}  // namespace meros::master

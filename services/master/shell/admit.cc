#include "services/master/shell/admit.h"

#include "absl/strings/str_cat.h"
#include "libs/base/retry_hint.h"
#include "libs/rpc/server.h"
#include "libs/runtime/clock.h"

namespace meros::master {

absl::Status Admit(RateLimiter* limiter, grpc::CallbackServerContext* grpc_context) {
  absl::Status status =
      limiter->Of(rpc::PeerPrincipal(*grpc_context)).Admit(runtime::ProcessClock::Get().Now());
  if (const auto wait = RetryAfter(status)) {
    grpc_context->AddTrailingMetadata(kRetryPushback,
                                      absl::StrCat(absl::ToInt64Milliseconds(*wait)));
  }
  return status;
}

}  // namespace meros::master

#include "services/master/shell/admit.h"

#include "libs/rpc/server.h"
#include "libs/runtime/clock.h"

namespace meros::master {

absl::Status Admit(RateLimiter* limiter, grpc::CallbackServerContext* grpc_context) {
  absl::Status status =
      limiter->Of(rpc::PeerPrincipal(*grpc_context)).Admit(runtime::ProcessClock::Get().Now());
  rpc::HintRetry(status, grpc_context);
  return status;
}

}  // namespace meros::master

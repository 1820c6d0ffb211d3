// Whether a call may be made now, by the limits of its caller, and what one who may not is told.
//
// Thread rule: thread-safe.
#pragma once

#include <grpcpp/support/server_callback.h>

#include "absl/status/status.h"
#include "services/master/shell/rate_limiter.h"

namespace meros::master {

// ERRORS: ResourceExhausted, with a retry hint, which is also put into the trailing metadata.
absl::Status Admit(RateLimiter* limiter, grpc::CallbackServerContext* grpc_context);

}  // namespace meros::master

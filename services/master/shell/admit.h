// Whether a unary call may be made now, by the limits of its caller.
//
// Thread rule: thread-safe.
#pragma once

#include <grpcpp/support/server_callback.h>

#include "absl/status/status.h"
#include "services/master/shell/rate_limiter.h"

namespace meros::master {

// What gRPC's clients go by: how many milliseconds to wait before the call is made again.
inline constexpr char kRetryPushback[] = "grpc-retry-pushback-ms";

// ERRORS: ResourceExhausted, with a retry hint, which is also put into the trailing metadata.
absl::Status Admit(RateLimiter* limiter, grpc::CallbackServerContext* grpc_context);

}  // namespace meros::master

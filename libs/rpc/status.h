// absl::Status to gRPC's and back. The numeric codes are the same by design of both.
//
// Thread rule: thread-safe.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace meros::rpc {

// The message is cut at kStatusMessageBytesMax: it travels in a trailer, and peers refuse large ones.
inline constexpr size_t kStatusMessageBytesMax = 4096;

// A leader hint (libs/base/leader_hint.h) is repeated in the details, as an ErrorInfo
// (status_details.proto).
grpc::Status ToGrpc(const absl::Status& status);
// Where a connection failed over TLS, the message ends with what to look at.
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace meros::rpc

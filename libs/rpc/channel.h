// Client channels with the keepalive, backoff and size limits that all of Meros uses.
//
// Thread rule: thread-safe.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/channel.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/rpc/credentials.h"

namespace meros::rpc {

// Largest message either side accepts, bytes. Frames are built to stay near kFrameBytesTarget; the
// limit is for a single large item (a task with a big `data` field) and for hostile peers.
inline constexpr int kMessageBytesMax = 16 << 20;
inline constexpr size_t kFrameBytesTarget = 1 << 20;

struct ChannelOptions {
  // A dead peer is noticed after keepalive_time + keepalive_timeout even when nothing is written.
  absl::Duration keepalive_time = absl::Seconds(10);
  absl::Duration keepalive_timeout = absl::Seconds(5);
  absl::Duration reconnect_initial = absl::Milliseconds(100);
  absl::Duration reconnect_maximum = absl::Seconds(5);
  // Distinct values give distinct connections; equal channels share one (benchmarks need their own).
  int connection_group = 0;
  // The connection is probed while there is no call, too, so that one to a host that vanished is
  // not taken for open; and it is never closed for want of calls. See WarmChannels.
  bool stays_open = false;
};

// `address` is host:port or unix:/path; unix ignores `tls`. Connects lazily.
// ERRORS: as MakeChannelCredentials.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address,
                                                           const TlsOptions& tls,
                                                           const ChannelOptions& options = {});

}  // namespace meros::rpc

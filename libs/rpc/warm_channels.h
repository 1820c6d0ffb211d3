// Channels whose connections are open before there is a call, and are opened again when they are
// lost: for peers of which any may be needed in a hurry, such as masters that stand by. One channel
// an address, made once.
//
// A connection that is lost is opened again within check_interval. Clients of one server look at
// times of their own, so that those of a server that was restarted come back spread over this long.
// A peer that cannot be reached is tried again by gRPC, with its own back-off (ChannelOptions).
//
// Certificates that were renewed on disk are taken up within check_interval, too, by new channels;
// calls end on the old ones.
//
// Cost: one thread, which looks at the channels every check_interval. At the server each client is
// one connection without calls: a socket, 23 KiB of memory in plaintext, and a probe every 10 s
// (docs/adr/0013). Nothing ends a connection that stays silent: no server of ours limits its age or
// how long it is unused, and servers take probes of clients that have no call.
//
// Owner: what makes the calls. Thread rule: thread-safe.
#pragma once

#include <grpcpp/channel.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/credentials.h"

namespace meros::rpc {

struct WarmChannelsOptions {
  std::vector<std::string> addresses;  // as for MakeChannel; always kept
  TlsOptions tls;
  size_t learned_max = 8;  // other addresses that are kept, those last asked for
  absl::Duration check_interval = absl::Seconds(5);
  ChannelOptions channel = {.stays_open = true};
};

class WarmChannels {
 public:
  explicit WarmChannels(WarmChannelsOptions options) : options_(std::move(options)) {}
  ~WarmChannels() { Stop(); }
  WarmChannels(const WarmChannels&) = delete;
  WarmChannels& operator=(const WarmChannels&) = delete;

  // Begins to connect, in the background. REQUIRES: called at most once, before Stop().
  void Start();

  // Connects no more; channels that were given out live on. Idempotent.
  void Stop();

  // The channel to `address`, of which the caller is about to make use: when the peer could not be
  // reached, it is tried again now. Addresses that are not in the options are kept as well, up to
  // learned_max. ERRORS: as MakeChannel, only while there is no channel.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Get(const std::string& address);

 private:
  using Channels = std::vector<std::shared_ptr<grpc::Channel>>;
  struct Kept {
    std::shared_ptr<grpc::Channel> channel;
    std::string files;        // the state of the certificates that it was made with
    uint64_t last_asked = 0;  // for learned ones, the number of the call to Get
  };

  void Run();
  // What they replace or forget is put into `retired`, to be let go of without the lock.
  absl::Status Renew(const std::string& address, Kept* kept, Channels* retired)
      MEROS_REQUIRES(mutex_);
  void ForgetOldestLearned(Channels* retired) MEROS_REQUIRES(mutex_);
  // All channels there are.
  Channels RenewAll();

  const WarmChannelsOptions options_;
  Mutex mutex_;
  CondVar wake_;
  std::map<std::string, Kept> configured_ MEROS_GUARDED_BY(mutex_);
  std::map<std::string, Kept> learned_ MEROS_GUARDED_BY(mutex_);
  uint64_t asked_ MEROS_GUARDED_BY(mutex_) = 0;
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace meros::rpc

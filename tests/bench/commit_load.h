// Durable commits as fast as a registry takes them: a window of them is in flight over one session,
// and each answer starts the next. What they write is new each time: a put of what is there already
// would be answered without a write.
//
// Thread rule: Start and the readings are thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/rpc/bidi_client_stream.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"
#include "tests/bench/report.h"

namespace meros::bench {

class CommitLoad {
 public:
  CommitLoad(size_t outstanding, size_t value_bytes)
      : outstanding_(outstanding), value_bytes_(value_bytes) {}
  ~CommitLoad();

  // Takes the lease and begins.
  absl::Status Start(const std::string& address);

  size_t committed() const { return committed_; }
  Samples TakeLatencies();  // since the last call
  // What the registry said last that was no answer; empty if nothing.
  std::string failure() const;

 private:
  void OnFrame(const registry::v1::SessionResponse& frame);
  void Send(size_t commits, absl::Time now);
  void Fail(const std::string& text);

  const size_t outstanding_;
  const size_t value_bytes_;
  std::unique_ptr<registry::v1::RegistryService::Stub> stub_;
  std::shared_ptr<
      rpc::BidiClientStream<registry::v1::SessionRequest, registry::v1::SessionResponse>>
      stream_;
  std::atomic<bool> closed_{false};
  std::atomic<size_t> committed_{0};
  uint64_t next_id_ = 0;  // frames come one at a time
  uint64_t epoch_ = 0;
  absl::flat_hash_map<uint64_t, absl::Time> sent_at_;
  mutable Mutex mutex_;
  Samples latencies_ MEROS_GUARDED_BY(mutex_);
  std::string failure_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::bench

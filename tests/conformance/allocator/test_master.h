// A master as far as an allocator can see: one session, numbered deltas, and what came back.
//
// Thread rule: thread-compatible; frames arrive on gRPC's threads and are kept under a lock.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/resources/resources.h"
#include "libs/rpc/bidi_client_stream.h"
#include "meros/allocator/v1/allocator_service.grpc.pb.h"

namespace meros::allocator_conformance {

namespace proto = meros::allocator::v1;

inline constexpr absl::Duration kLimit = absl::Seconds(60);

resources::Resources Text(absl::string_view text);

// Changes, as deltas without version.
proto::Delta Framework(const std::string& id, const std::vector<std::string>& roles = {"*"});
proto::Delta Agent(const std::string& id, absl::string_view total);
proto::Delta Allocate(const std::string& framework, const std::string& role,
                      const std::string& agent, const resources::Resources& resources,
                      uint64_t proposal_id = 0);
proto::Delta Recover(const std::string& framework, const std::string& role,
                     const std::string& agent, const resources::Resources& resources,
                     absl::Duration refuse = absl::ZeroDuration());
proto::Delta Suppress(const std::string& framework);
proto::Delta Revive(const std::string& framework);

class TestMaster {
 public:
  // Opens a stream; says nothing yet.
  explicit TestMaster(const std::string& address);
  ~TestMaster();

  void Hello(const std::string& master_id, uint64_t epoch);
  void Snapshot(const std::vector<proto::Delta>& objects, uint64_t version);
  void Apply(proto::Delta delta);  // as the next version
  void Send(proto::MasterMessage message);
  void SendDelta(proto::Delta delta, uint64_t version);
  void Accept(const proto::Proposal& proposal);  // the result and the allocation
  void Reject(const proto::Proposal& proposal, proto::RejectReason reason);
  void Cancel();

  // Waits; nullopt or an OK status at the deadline.
  std::optional<proto::Welcome> WaitWelcome(absl::Duration limit = kLimit);
  std::optional<proto::Proposal> WaitProposal(absl::Duration limit = kLimit);
  std::optional<std::string> WaitNeedSnapshot(absl::Duration limit = kLimit);
  absl::Status WaitClosed(absl::Duration limit = kLimit);

  // Asks why; on a call of its own.
  absl::StatusOr<proto::ExplainResponse> Explain(const proto::ExplainRequest& request);

  uint64_t version() const { return version_; }
  void set_version(uint64_t version) { version_ = version; }

 private:
  // What has arrived; shared with the stream, which may outlive the test.
  struct Inbox {
    Mutex mutex;
    std::optional<proto::Welcome> welcome MEROS_GUARDED_BY(mutex);
    std::vector<proto::Proposal> proposals MEROS_GUARDED_BY(mutex);
    std::vector<std::string> need_snapshot MEROS_GUARDED_BY(mutex);
    bool out_of_order MEROS_GUARDED_BY(mutex) = false;
    bool closed MEROS_GUARDED_BY(mutex) = false;
    absl::Status status MEROS_GUARDED_BY(mutex);
  };
  static void Receive(Inbox* inbox, proto::AllocatorFrame frame);

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<proto::AllocatorService::Stub> stub_;
  std::shared_ptr<rpc::BidiClientStream<proto::MasterFrame, proto::AllocatorFrame>> stream_;
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  uint64_t version_ = 0;
};

}  // namespace meros::allocator_conformance

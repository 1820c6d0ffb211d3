// What the registry decides: which requests are valid, what one store transaction holds, who has
// the lease. It never touches the store; it says what is to be written and answers when that is
// durable.
//
// Writes go by group commit (write_state.h). Reads see durable records only. A failed batch leaves
// memory untouched.
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/runtime/tick.h"
#include "meros/registry/v1/registry_service.pb.h"
#include "services/registry/core/leader_watchers.h"
#include "services/registry/core/lease.h"
#include "services/registry/core/options.h"
#include "services/registry/core/record_watchers.h"
#include "services/registry/core/records.h"
#include "services/registry/core/write_state.h"

namespace meros::registry {

// What a start finds in the store.
struct StoredState {
  std::vector<StoreChange> records;
  uint64_t revision = 0;
};

class RegistryCore {
 public:
  // ---- inputs ----
  struct Requested {
    StreamId stream;
    v1::Request request;
  };
  struct StreamClosed {
    StreamId stream;
  };
  // The transaction with that token is durable, or nothing of it was written, whatever the kind of
  // the status.
  struct StoreCommitted {
    uint64_t token;
  };
  struct StoreFailed {
    uint64_t token;
    absl::Status status;
  };
  // Of GetStatus; `call` is the shell's number of the caller.
  struct StatusAsked {
    uint64_t call;
  };
  // Until then nobody else can serve the store, for sure. After that requests are refused and
  // watches ended: another registry may have answered otherwise, and changed what we know. Without
  // this input it is ours for ever.
  struct StoreOwned {
    absl::Time until;
  };
  // Of Watch; `watch` is the shell's number of the stream, other than all before.
  struct WatchAsked {
    StreamId watch;
    v1::WatchRequest request;
  };
  // The watcher has read so many bytes more of what it was told, as messages are packed.
  struct WatchRead {
    StreamId watch;
    size_t bytes;
  };
  // Whoever watched has gone. Harmless for a watch that has ended.
  struct WatchClosed {
    StreamId watch;
  };
  using Input = std::variant<runtime::Tick, Requested, StreamClosed, StoreCommitted, StoreFailed,
                             StatusAsked, StoreOwned, WatchAsked, WatchRead, WatchClosed>;

  // ---- effects ----
  // Write the revision and all changes, which may be none, in one transaction and post
  // StoreCommitted or StoreFailed with the token.
  struct Persist {
    uint64_t token;
    uint64_t revision;  // of the registry after this transaction
    std::vector<StoreChange> changes;
  };
  struct Reply {
    StreamId stream;
    v1::Response response;
  };
  struct ReplyStatus {
    uint64_t call;
    v1::GetStatusResponse response;
  };
  // TellWatcher, EndWatch: in the order in which they are to be sent on their stream.
  using Effect = std::variant<Persist, Reply, ReplyStatus, TellWatcher, EndWatch>;

  RegistryCore(CoreOptions options, StoredState stored, absl::Time now);

  void Step(absl::Time now, Input input, std::vector<Effect>* out);
  absl::Time NextDeadline() const;
  void CheckInvariants() const;

  // For metrics and tests.
  WriteState write_state() const { return write_state_; }
  size_t queued_writes() const { return queue_.size(); }
  const Records& records() const { return records_; }
  uint64_t revision() const { return revision_; }
  const Lease& lease() const { return lease_; }
  size_t record_watchers() const { return record_watchers_.size(); }

 private:
  // A write that waits for its transaction.
  struct QueuedWrite {
    enum class Kind { kCommit, kGrant, kRelease } kind;
    StreamId stream;
    uint64_t request_id;
    v1::Commit commit;      // kCommit
    LeaseWaiter candidate;  // kGrant
  };
  // An answer that waits for the token of the transaction in flight.
  struct HeldReply {
    StreamId stream;
    v1::Response response;
  };
  // The transaction being put together, or in flight.
  struct Batch {
    uint64_t token = 0;
    uint64_t revision = 0;
    size_t bytes = 0;
    std::map<Key, std::optional<Value>> overlay;
    std::vector<HeldReply> replies;
    std::optional<v1::LeaseRecord> lease;  // grant or release in it
    std::optional<LeaseWaiter> granted_to;
    std::vector<SharedChanges> commits;  // what each of its revisions changed
  };

  void On(absl::Time now, const runtime::Tick&, std::vector<Effect>* out);
  void On(absl::Time now, Requested& requested, std::vector<Effect>* out);
  void On(absl::Time now, const StreamClosed& closed, std::vector<Effect>* out);
  void On(absl::Time now, const StoreCommitted& committed, std::vector<Effect>* out);
  void On(absl::Time now, const StoreFailed& failed, std::vector<Effect>* out);
  void On(absl::Time now, const StatusAsked& asked, std::vector<Effect>* out);
  void On(absl::Time now, const StoreOwned& owned, std::vector<Effect>* out);
  void On(absl::Time now, const WatchAsked& asked, std::vector<Effect>* out);
  void On(absl::Time now, const WatchRead& read, std::vector<Effect>* out);
  void On(absl::Time now, const WatchClosed& closed, std::vector<Effect>* out);

  // Whose grant is on its way waits, too: it takes its place again when the store fails.
  size_t waiting() const { return waiters_.size() + (grant_in_queue_ ? 1 : 0); }
  bool MayQueue() const {
    return TakesWrites(write_state_) && queue_.size() < options_.queued_writes_max;
  }

  void Move(WriteEvent event);
  void Enqueue(QueuedWrite write, std::vector<Effect>* out);
  void StartBatch(absl::Time now, std::vector<Effect>* out);
  // Asks the store whether it takes writes again.
  void Probe(std::vector<Effect>* out);
  // Whether that transaction is the one that the store has.
  bool IsInStore(uint64_t token) const;
  void AddCommit(QueuedWrite& write, std::vector<Effect>* out);
  void AddGrant(absl::Time now, QueuedWrite& write);
  void AddRelease(QueuedWrite& write, std::vector<Effect>* out);
  // The batch's next revision. REQUIRES: each key once, values of that revision.
  void AddRevision(std::vector<StoreChange> changes);
  void AddLease(v1::LeaseRecord record);
  absl::Status CheckRevisions(const v1::Commit& commit) const;
  const Value* FindInBatch(const Key& key) const;

  // In lease_requests.cc, as far as AnswerWatchers.
  void Acquire(absl::Time now, StreamId stream, const v1::Request& request,
               std::vector<Effect>* out);
  void Renew(absl::Time now, StreamId stream, const v1::Request& request, std::vector<Effect>* out);
  void GetLeader(absl::Time now, StreamId stream, const v1::Request& request,
                 std::vector<Effect>* out);
  // One that asks again, because its stream broke or otherwise, waits once.
  void ForgetEarlier(const std::string& candidate_id, std::vector<Effect>* out);
  void GrantIfFree(absl::Time now, std::vector<Effect>* out);
  // While a grant to another, or its release, is being written the old holder may not go on.
  bool IsHolderBeingReplaced() const;
  void ExpireWaiters(absl::Time now, std::vector<Effect>* out);
  void AnswerWatchers(absl::Time now, std::vector<Effect>* out);
  void ReplyError(StreamId stream, uint64_t request_id, const absl::Status& status,
                  std::vector<Effect>* out) const;
  void ReplyLease(StreamId stream, uint64_t request_id, const absl::Status& status,
                  std::vector<Effect>* out) const;

  CoreOptions options_;
  Records records_;
  uint64_t revision_ = 0;
  Lease lease_;
  std::deque<LeaseWaiter> waiters_;  // in the order of asking
  LeaderWatchers watchers_;
  RecordWatchers record_watchers_;
  bool grant_in_queue_ = false;  // at most one grant is on its way

  WriteState write_state_ = WriteState::kIdle;
  std::deque<QueuedWrite> queue_;
  Batch batch_;  // in flight while kWriting or kProbing
  uint64_t last_token_ = 0;
  absl::Status store_status_;  // why kReadOnly or kProbing, as clients are told
  absl::Time retry_at_ = absl::InfiniteFuture();
  absl::Time owned_until_ = absl::InfiniteFuture();
};

}  // namespace meros::registry

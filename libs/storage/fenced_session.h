// A session with ZooKeeper whose writes are fenced: the claim on a store's root, kept over lost
// connections and expired sessions, and transactions that are each done exactly once. What is in
// the store is not its business (zookeeper_store.cc).
//
//   CONNECTED ──Claim()──▶ OURS ⇄ away (no quorum; session expired and nobody claimed meanwhile)
//                           └──▶ OVER: another claimed the root, or nodes changed under us
//
// Thread rule: thread-safe, one caller at a time beside its own thread, which proves every sixth of
// the session timeout that the session lives and replaces an expired one.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/base/mutex.h"
#include "libs/coordination/zookeeper.h"
#include "libs/storage/zookeeper_layout.h"
#include "libs/storage/zookeeper_store.h"

namespace meros::storage {

class FencedSession {
 public:
  explicit FencedSession(ZooKeeperStoreOptions options);
  ~FencedSession() { Close(); }
  FencedSession(const FencedSession&) = delete;
  FencedSession& operator=(const FencedSession&) = delete;

  // Before Claim(). ERRORS: as OpenZooKeeperStore.
  absl::Status Connect();
  // Creates nodes (path and data) that are missing.
  absl::Status CreateMissing(const std::vector<std::pair<std::string, std::string>>& nodes);
  // Waits up to claim_timeout until the root is free, and takes it. REQUIRES: ROOT/fence exists.
  absl::Status Claim();

  // OK when the root is ours and every batch's outcome is known. ERRORS: Unavailable, or why it is
  // over.
  absl::Status Usable();
  absl::Status over();

  // Of each path, in their order; the first error wins.
  absl::StatusOr<std::vector<coordination::Node>> Read(absl::Span<const std::string> paths);
  absl::StatusOr<std::vector<std::vector<std::string>>> List(absl::Span<const std::string> paths);
  // Does each exactly once, in order. ERRORS: Unavailable after call_timeout: then it is open how
  // many were done, and the next Usable() ends the session if any was. Else: it is over.
  absl::Status Run(const std::vector<Transaction>& transactions);

  // Gives the root back. Idempotent.
  void Close();

 private:
  std::string Path(absl::string_view name) const;

  absl::Status ConnectBy(absl::Time deadline) MEROS_REQUIRES(mutex_);
  absl::Status AwaitConnected(absl::Time deadline) MEROS_REQUIRES(mutex_);
  // Waits a little. False when the time is up, or the session is being closed.
  bool MayGoOn(absl::Time deadline);
  // Makes sure that session_ is connected and has ROOT/owner; when the last one expired, takes the
  // root back, unless somebody has claimed it since.
  absl::Status EnsureOwner(absl::Time deadline) MEROS_REQUIRES(mutex_);
  absl::Status TakeBack(absl::Time deadline) MEROS_REQUIRES(mutex_);
  absl::Status TryTakeBack() MEROS_REQUIRES(mutex_);
  absl::Status TryClaim() MEROS_REQUIRES(mutex_);
  bool IsOwnerOurs() MEROS_REQUIRES(mutex_);
  void BecomeOwner(absl::Time sent) MEROS_REQUIRES(mutex_);
  void Proved(absl::Time sent, absl::Duration session_timeout);
  void Keep();

  absl::StatusOr<coordination::Node> ReadOne(const std::string& path) MEROS_REQUIRES(mutex_);
  absl::StatusOr<std::vector<coordination::Node>> ReadAll(absl::Span<const std::string> paths)
      MEROS_REQUIRES(mutex_);
  absl::Status Multi(std::vector<coordination::NodeOp> ops) MEROS_REQUIRES(mutex_);
  // Sends all from `done` on, and counts those that were done for sure; with the error of the next
  // one.
  absl::Status SendAll(const std::vector<Transaction>& transactions, size_t* done)
      MEROS_REQUIRES(mutex_);
  // After an answer that the fence is elsewhere: how far it has come. Ends the session when the
  // root is no longer ours.
  absl::StatusOr<size_t> CountDone() MEROS_REQUIRES(mutex_);
  // Finds out what became of transactions that were reported as failed.
  absl::Status SettleDoubt(absl::Time deadline) MEROS_REQUIRES(mutex_);
  absl::Status Over(absl::Status why) MEROS_REQUIRES(mutex_);

  const ZooKeeperStoreOptions options_;
  const std::string root_;
  const std::string claim_;  // what the fence says while it is our turn

  Mutex mutex_;  // held for a whole call
  std::shared_ptr<coordination::ZooKeeper> session_ MEROS_GUARDED_BY(mutex_);
  bool owns_ MEROS_GUARDED_BY(mutex_) = false;          // session_ has made ROOT/owner
  int32_t fence_version_ MEROS_GUARDED_BY(mutex_) = 0;  // before the next transaction
  bool is_in_doubt_ MEROS_GUARDED_BY(mutex_) = false;
  absl::Status over_ MEROS_GUARDED_BY(mutex_);

  std::atomic<bool> owner_is_gone_{false};
  Mutex keeper_mutex_;
  CondVar keeper_wake_;
  bool stopping_ MEROS_GUARDED_BY(keeper_mutex_) = false;
  std::shared_ptr<coordination::ZooKeeper> proving_ MEROS_GUARDED_BY(keeper_mutex_);
  std::thread keeper_;
};

}  // namespace meros::storage

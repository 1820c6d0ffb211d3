// One candidate in an election through ZooKeeper, in the form that Mesos has: every candidate holds
// an ephemeral sequential node PATH/json.info_NNNNNNNNNN with its MasterInfo as JSON, and the one
// with the lowest number leads. Detectors of Mesos can read it.
//
//              (1)               (2)
//   OUT ────────────▶ CANDIDATE ────▶ LEADS
//    ▲                    │ (3)         │ (3)
//    └────────────────────┴─────────────┘
//
//   (1) Run(): a session, and a node at the end of the queue;  (2) nobody before us is left;
//   (3) the session expired, the node is gone, or Resign(): the next Run() queues at the end.
//
// Who leads has proven it with a write to its own node and may act for SafeHold() from the moment
// of asking: before its session can end, so before anybody else can find itself the first.
//
// Every call blocks, for `call_timeout` and at most the session's timeout.
//
// Owner: one thread that may block. Thread rule: thread-compatible; Interrupt() is thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/coordination/zookeeper.h"

namespace meros::coordination {

struct CandidacyOptions {
  ZooKeeperUrl url;  // its path holds the candidates; made when it is missing
  absl::Duration session_timeout = absl::Seconds(10);
  absl::Duration call_timeout = absl::Seconds(5);
  std::string data;  // of our node
};

// The place of a candidate, counted over all candidates there ever were, from the name of its node:
// "json.info_0000000007", and the forms of older masters ("info_0000000007", "0000000007"). Nothing
// for other nodes.
std::optional<int64_t> PlaceInQueue(absl::string_view name);
// The name of the candidate that leads; empty if there is none.
std::string FirstInQueue(const std::vector<std::string>& names);

// Who leads.
struct Standing {
  bool we_lead = false;
  // If we lead: grows with each later leader of this path, and for how long we may act from the
  // moment at which Run() or Prove() was called.
  uint64_t number = 0;
  absl::Duration hold;
  // If another leads: what its node says; empty when it is just going.
  std::string leader_data;
};

class Candidacy {
 public:
  explicit Candidacy(CandidacyOptions options) : options_(std::move(options)) {}
  ~Candidacy() { Resign(); }
  Candidacy(const Candidacy&) = delete;
  Candidacy& operator=(const Candidacy&) = delete;

  // Becomes a candidate unless it is one, and says who leads. ERRORS: Unavailable (no quorum, or
  // the node has just gone: try again), PermissionDenied (access lists).
  absl::StatusOr<Standing> Run();
  // That we still lead. ERRORS: Unavailable (open: try again), FailedPrecondition (we lead no
  // more).
  absl::StatusOr<Standing> Prove();
  // Leaves the queue. Idempotent.
  void Resign();

  // Makes calls end soon; for good.
  void Interrupt();

  // The node's path; empty when it is none.
  const std::string& node() const { return node_; }

 private:
  absl::Status Connect();
  absl::Status MakeNode();
  absl::Status MakePath();
  absl::StatusOr<std::string> Create(const std::string& path, absl::string_view data,
                                     NodeKind kind);
  absl::StatusOr<Standing> FollowerOf(const std::string& leader);

  const CandidacyOptions options_;
  std::unique_ptr<ZooKeeper> session_;
  std::string node_;
  // Of the node. The version is open after a write without an answer.
  int32_t version_ = kAnyVersion;
  std::optional<int64_t> created_;
  bool leads_ = false;
  // Of the leader that was last read.
  std::string leader_, leader_data_;

  Mutex mutex_;
  CondVar changed_;
  bool interrupted_ MEROS_GUARDED_BY(mutex_) = false;
};

}  // namespace meros::coordination

// One session with a ZooKeeper ensemble: the C client in our types. A session that has expired is
// over; its owner opens another.
//
//                      (1)            (2)
//   CONNECTING ───────────▶ CONNECTED ⇄ SUSPENDED
//       │                       │ (3)      │ (3)
//       └──▶ REFUSED (4)        └──▶ EXPIRED ◀┘
//
//   (1) a server has the session;  (2) the connection broke: the client looks for another server,
//   the session lives on until its timeout;  (3) the ensemble says that the session is over: its
//   ephemeral nodes are gone;  (4) the credentials were refused.
//
// Every call returns at once, and its callback runs exactly once, on the client's own thread, in
// the order of the calls (also with Unavailable when the connection broke or the session was
// closed). A callback may make further calls; it must not block, nor destroy the session: it posts
// to a strand, or fills a result that another thread awaits.
//
// An answer Unavailable leaves the outcome of a change open. ERRORS of all calls: NotFound (no such
// node, or no parent), AlreadyExists, Aborted (another version), FailedPrecondition (the node has
// children), PermissionDenied (access list or credentials), ResourceExhausted (quota, or the
// request is larger than the server takes), InvalidArgument, Unavailable (no connection, no quorum,
// or the session is over: see state()).
//
// Thread rule: thread-safe, except for the destructor.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/coordination/zookeeper_url.h"

struct _zhandle;

namespace meros::coordination {

enum class SessionState { kConnecting, kConnected, kSuspended, kExpired, kRefused };

struct NodeStat {
  int32_t version = 0;        // of the data; grows by one with each change
  int64_t created = 0;        // transaction that created it: never the same twice in one ensemble
  int64_t owner_session = 0;  // 0: not ephemeral
};

struct Node {
  std::string data;
  NodeStat stat;
};

// Any version, in Set and Delete.
inline constexpr int32_t kAnyVersion = -1;

// How long after *sending* a write that was answered the ephemeral nodes of its session are sure to
// be there, whatever happens next. Half of the timeout: the leader of the ensemble learns of a
// session's life from the pings of its servers, half a tick (at most a quarter of a timeout) apart,
// and a session that writes every sixth of its timeout was last heard of a sixth earlier. Reads
// prove nothing: a server that lost the leader answers them.
inline absl::Duration SafeHold(absl::Duration session_timeout) { return session_timeout / 2; }
// How often a holder writes to prove that its session lives.
inline absl::Duration ProofInterval(absl::Duration session_timeout) { return session_timeout / 6; }

enum class NodeKind { kPersistent, kEphemeral, kEphemeralSequential };
// With credentials: what others than the creator may do. Without, everyone may do everything.
enum class OthersMay { kNothing, kRead };

// One operation of a transaction.
struct NodeOp {
  enum class Type { kCreate, kSet, kDelete, kCheck };
  Type type = Type::kCheck;
  std::string path;
  std::string data = {};                  // kCreate, kSet
  int32_t version = kAnyVersion;          // kSet, kDelete, kCheck
  NodeKind kind = NodeKind::kPersistent;  // kCreate
};

class ZooKeeper {
 public:
  struct Options {
    ZooKeeperUrl url;                                    // `path` is not used here
    absl::Duration session_timeout = absl::Seconds(10);  // what is asked for
    OthersMay others_may = OthersMay::kNothing;
  };
  // Told of every change of state, on the client's thread. May be empty.
  using OnState = std::function<void(SessionState state)>;

  // Begins to connect. ERRORS: Unavailable (no server's name can be resolved).
  static absl::StatusOr<std::unique_ptr<ZooKeeper>> Open(const Options& options, OnState on_state);
  // Ends the session, so that its ephemeral nodes go at once, and waits for the last callback.
  ~ZooKeeper();
  ZooKeeper(const ZooKeeper&) = delete;
  ZooKeeper& operator=(const ZooKeeper&) = delete;

  // Gives the path, which for sequential nodes has the number at its end.
  void Create(const std::string& path, absl::string_view data, NodeKind kind,
              std::function<void(absl::StatusOr<std::string> path)> done);
  void Get(const std::string& path, std::function<void(absl::StatusOr<Node> node)> done);
  void Set(const std::string& path, absl::string_view data, int32_t version,
           std::function<void(absl::StatusOr<NodeStat> stat)> done);
  void Delete(const std::string& path, int32_t version, std::function<void(absl::Status)> done);
  // Names without the path, in no order.
  void List(const std::string& path,
            std::function<void(absl::StatusOr<std::vector<std::string>> names)> done);
  // All operations or none. The error is that of the first that cannot be done.
  void Multi(std::vector<NodeOp> ops, std::function<void(absl::Status)> done);

  SessionState state() const { return state_; }
  // As the ensemble granted it; as asked for before CONNECTED.
  absl::Duration session_timeout() const;
  // 0 before CONNECTED.
  int64_t session_id() const;

 private:
  ZooKeeper(const Options& options, OnState on_state)
      : others_may_(options.others_may),
        has_credentials_(!options.url.credentials.empty()),
        on_state_(std::move(on_state)) {}
  static void OnEvent(_zhandle* handle, int type, int state, const char* path, void* context);

  const OthersMay others_may_;
  const bool has_credentials_;
  const OnState on_state_;
  std::atomic<SessionState> state_{SessionState::kConnecting};
  _zhandle* handle_ = nullptr;  // set once, before anyone else sees this object
};

}  // namespace meros::coordination

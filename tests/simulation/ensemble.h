// A ZooKeeper ensemble as its clients see it, and the node that speaks for it. What they must
// reckon with is modelled, its own consensus is not:
//
//   - a session of which nothing is heard for its timeout is over, and its ephemeral nodes go with
//     it; while the ensemble is down no session ends, and each gets its whole timeout afterwards;
//   - a write without an answer was done, or never will be: what comes on a connection that the
//     session has replaced does nothing any more;
//   - a read is answered by some server, which may lag behind the others, but not behind what this
//     session has seen.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/rng.h"
#include "libs/simulation/world.h"

namespace meros::simulation {

// The tree and the sessions; outlives crashes of the node that serves them.
class Ensemble {
 public:
  static constexpr char kNode[] = "zookeeper";
  static constexpr int kAnyVersion = -1;

  struct Entry {
    std::string data;
    int version = 0;
    uint64_t created = 0;  // the transaction that made it
    uint64_t owner = 0;    // session; 0: it stays
  };
  using Tree = std::map<std::string, Entry>;  // by path

  struct Op {
    // kPut creates or sets and kErase of nothing is fine, for records: the real store knows which
    // of them there are.
    enum class Kind { kCreate, kCreateSequential, kSet, kCheck, kPut, kErase };
    Kind kind = Kind::kSet;
    std::string path;
    std::string data;
    int version = kAnyVersion;  // kSet, kCheck
    bool is_ephemeral = false;
  };
  struct Request {
    enum class Kind { kAttach, kPing, kWrite, kRead };
    Kind kind = Kind::kPing;
    uint64_t id = 0;
    uint64_t session = 0;  // kAttach: 0 for a new one
    absl::Duration timeout;
    std::vector<Op> ops;  // all or none
  };
  // ERRORS: Aborted (the session is over), NotFound, AlreadyExists, FailedPrecondition (another
  // version).
  struct Answer {
    uint64_t id = 0;
    absl::Status status;
    uint64_t session = 0;
    std::vector<std::pair<std::string, Entry>> written;  // what each op left
    std::shared_ptr<const Tree> tree;                    // kRead
  };

  explicit Ensemble(Rng rng);

  // A request that came on `stream`; false when it gets no answer.
  bool Take(absl::Time now, ConnectionId stream, const Request& request, Answer* answer);
  // Ends the sessions that are silent for too long.
  void Expire(absl::Time now);
  absl::Time NextExpiry() const;  // InfiniteFuture: there is none
  // It is up again: every session gets its whole timeout.
  void Restarted(absl::Time now);

  // Messages cross by their numbers: there is no wire format to be tested here.
  std::string Pack(Request request);
  std::string Pack(Answer answer);
  Request UnpackRequest(const std::string& bytes);
  Answer UnpackAnswer(const std::string& bytes);

 private:
  struct Session {
    absl::Duration timeout;
    absl::Time over;  // unless something is heard
    ConnectionId stream = 0;
    uint64_t seen = 0;  // transaction
  };
  struct Version {
    uint64_t transaction = 0;
    std::shared_ptr<const Tree> tree;
  };

  void Attach(absl::Time now, ConnectionId stream, const Request& request, Answer* answer);
  absl::Status Write(uint64_t session, const Request& request, Answer* answer);
  absl::Status Apply(uint64_t session, const Op& op, Tree* tree, Answer* answer);
  std::shared_ptr<const Tree> Read(Session* session);
  void Commit(Tree tree);

  Rng rng_;
  uint64_t next_session_ = 1;
  uint64_t next_place_ = 0;  // of sequential nodes
  uint64_t last_transaction_ = 0;
  std::deque<Version> versions_;  // the newest last; as far as servers may lag
  std::map<uint64_t, Session> sessions_;

  uint64_t next_mail_ = 1;
  std::map<uint64_t, Request> requests_;
  std::map<uint64_t, Answer> answers_;
};

class EnsembleNode : public Node {
 public:
  EnsembleNode(NodeContext* context, Ensemble* ensemble)
      : context_(*context), ensemble_(*ensemble) {}

  void Start() override;
  void OnCall(const std::string&, const std::string&) override {}
  void OnStreamOpen(ConnectionId, const std::string&) override {}
  void OnStreamMessage(ConnectionId id, const std::string& bytes) override;
  void OnStreamClosed(ConnectionId, const absl::Status&) override {}

 private:
  void WatchSessions();

  NodeContext& context_;
  Ensemble& ensemble_;
  absl::Time armed_for_ = absl::InfiniteFuture();
};

}  // namespace meros::simulation

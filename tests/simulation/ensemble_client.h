// One node's session with the ensemble, as libs/coordination gives it: requests in order, an answer
// or "Unavailable" for each, pings, connections that come back under the same session.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/rng.h"
#include "libs/simulation/world.h"
#include "tests/simulation/ensemble.h"

namespace meros::simulation {

class EnsembleClient {
 public:
  // ERRORS: Unavailable (it is open whether it was done), Aborted (the session is over), and those
  // of Ensemble::Answer.
  using Done = std::function<void(absl::StatusOr<Ensemble::Answer>)>;

  EnsembleClient(NodeContext* context, Ensemble* ensemble, absl::Duration session_timeout);

  void Write(std::vector<Ensemble::Op> ops, Done done);
  void Read(Done done);
  // Gives the session up without a word; the next request begins another. What is open is not
  // answered any more.
  void Leave();

  // How long whoever has proven its session may act, from the moment of asking (SafeHold of
  // libs/coordination).
  absl::Duration hold() const { return timeout_ / 2; }
  absl::Duration timeout() const { return timeout_; }
  uint64_t session() const { return session_; }

  // What the node hears on its streams; true when it was for this client.
  bool OnMessage(ConnectionId id, const std::string& bytes);
  bool OnClosed(ConnectionId id);

 private:
  struct Waiting {
    Ensemble::Request request;
    Done done;
    bool is_sent = false;
  };

  void Send(Ensemble::Request request, Done done);
  void Connect();
  void Disconnect();
  void SendWaiting();
  void Tell(Ensemble::Request request);
  void FailAll(const absl::Status& status);
  void Ping();

  NodeContext& context_;
  Ensemble& ensemble_;
  const absl::Duration timeout_;
  Rng rng_;
  ConnectionId stream_ = 0;         // the present one
  std::set<ConnectionId> streams_;  // of which something may still be heard
  bool is_attached_ = false;
  uint64_t session_ = 0;
  uint64_t round_ = 0;  // sessions that were given up
  uint64_t next_request_ = 1;
  std::map<uint64_t, Waiting> waiting_;
  bool is_pinging_ = false;
};

}  // namespace meros::simulation

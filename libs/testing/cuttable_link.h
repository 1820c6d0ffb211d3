// A piece of network that a test can break: a relay that listens on a free port of loopback and
// passes bytes on to a target. A service that is told the link's address instead of its neighbour's
// can be cut from it without either process noticing anything but silence.
//
//   auto link = CuttableLink::Start(cluster.registry_address());  // --registry=(*link)->address()
//   (*link)->Cut();   // connections stay open, nothing arrives; no end and no reset is seen
//   (*link)->Heal();  // what was sent meanwhile arrives, late, as TCP sends again
//
// A connection that is opened while anything is cut reaches the target after Heal(); until then its
// caller hears nothing. (It does not hang in connect(2), the kernel takes it off our hands.)
//
// Thread rule: thread-safe; one thread of its own moves the bytes.
#pragma once

#include <netinet/in.h>

#include <list>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/mutex.h"

struct pollfd;

namespace meros::testing {

class CuttableLink {
 public:
  enum class Direction { kToTarget, kFromTarget };

  // `target` is an IPv4 address and a port, "127.0.0.1:40123"; nobody needs to listen there yet.
  // ERRORS: InvalidArgument (not such an address), Internal (no socket, with the reason).
  static absl::StatusOr<std::unique_ptr<CuttableLink>> Start(const std::string& target);
  // Ends all connections.
  ~CuttableLink();
  CuttableLink(const CuttableLink&) = delete;
  CuttableLink& operator=(const CuttableLink&) = delete;

  // Where to dial instead of the target.
  const std::string& address() const { return address_; }

  // When these return, no byte passes any more in that direction, not even one that the link has
  // read. Idempotent; two one-way cuts make a whole one.
  void Cut();
  void CutOneWay(Direction direction);
  // Both directions work again, in order and without loss.
  void Heal();

 private:
  // One direction of one connection.
  struct Pipe {
    std::string held;         // read and not yet written, at most kHeldBytesMax
    bool has_ended = false;   // the source writes no more
    bool end_passed = false;  // and the sink was told
  };
  struct Connection {
    int client = -1, target = -1;
    Pipe to_target, from_target;
    bool broken = false;  // one end was reset, the other is to be told
  };

  CuttableLink(int listener, int wake, std::string address, sockaddr_in target);
  void Run();
  void Wake();
  std::vector<pollfd> Wanted() MEROS_REQUIRES(mutex_);
  void MoveAll() MEROS_REQUIRES(mutex_);
  void AcceptAll() MEROS_REQUIRES(mutex_);
  bool is_whole() const MEROS_REQUIRES(mutex_) { return !cut_to_target_ && !cut_from_target_; }

  const int listener_;
  const int wake_;  // an eventfd
  const std::string address_;
  const sockaddr_in target_;

  Mutex mutex_;
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  bool cut_to_target_ MEROS_GUARDED_BY(mutex_) = false;
  bool cut_from_target_ MEROS_GUARDED_BY(mutex_) = false;
  std::list<Connection> connections_ MEROS_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace meros::testing

// A server for tests of who connects, and when: it takes connections, says on each that it speaks
// HTTP/2, and nothing more, ever. A client of gRPC holds such a connection for ready.
//
// Owner: the test. Thread rule: thread-safe.
#pragma once

#include <string>
#include <thread>
#include <vector>

#include "libs/base/mutex.h"

namespace meros::rpc {

class SilentServer {
 public:
  // Takes a port of loopback; connections are refused until Listen().
  SilentServer();
  ~SilentServer();
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  // REQUIRES: called at most once.
  void Listen();
  std::string address() const { return address_; }

  // Ends all connections.
  void Drop();

  int accepted() const;  // since the beginning
  int open();            // of these, those that the client has not closed

 private:
  void Accept();

  const int listener_;
  std::string address_;
  mutable Mutex mutex_;
  std::vector<int> connections_ MEROS_GUARDED_BY(mutex_);
  int accepted_ MEROS_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace meros::rpc

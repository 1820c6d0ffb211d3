// Many simulated agents in one process, each with a real gRPC stream to the master. A simulated
// agent registers, sends heartbeats, and answers every launch with a RUNNING update; once that is
// acknowledged, LifeCycle says what follows. It keeps no more than that takes.
//
// Updates that one frame from the master causes go back in one frame, as a real agent's batch does.
//
// Thread rule: Start, Stop and the counters are thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"

namespace meros::bench {

enum class LifeCycle {
  kRunning,  // tasks run until they are killed
  kFull,     // tasks finish when RUNNING is acknowledged
  kUpdates,  // each acknowledged RUNNING update is followed by another, for ever
};

struct SimulatedAgentsOptions {
  std::string master;  // host:port, plaintext
  int agents = 100;
  int agents_per_connection = 100;  // streams that share an HTTP/2 connection
  double cpus = 1000;               // of each agent
  double mem_mb = 1 << 20;
  LifeCycle life_cycle = LifeCycle::kRunning;
};

class SimulatedAgents {
 public:
  explicit SimulatedAgents(SimulatedAgentsOptions options);
  ~SimulatedAgents();

  // Connects all and waits until each is registered. ERRORS: DeadlineExceeded saying how many were.
  absl::Status Start(absl::Duration limit);

  size_t launches() const { return launches_.load(); }
  size_t registered() const { return registered_.load(); }

 private:
  class Agent;

  void SendHeartbeats();

  const SimulatedAgentsOptions options_;
  std::vector<std::shared_ptr<Agent>> agents_;
  std::atomic<size_t> launches_{0};
  std::atomic<size_t> registered_{0};
  std::atomic<size_t> open_{0};
  std::atomic<int64_t> heartbeat_interval_ms_{3000};
  std::atomic<bool> stopping_{false};
  std::thread heartbeats_;
};

}  // namespace meros::bench

// Many simulated agents in one process, each with a real gRPC stream to the master. A simulated
// agent registers, sends heartbeats, and answers every launch with a RUNNING update; once that is
// acknowledged, LifeCycle says what follows. It keeps no more than that takes.
//
// Agents that are Moved to another master say that they run so many tasks of a framework: what a
// new leader finds, without having launched it all first.
//
// Updates that one frame from the master causes go back in one frame, as a real agent's batch does.
// An agent whose stream ends returns a second later.
//
// Thread rule: Start, Stop and the counters are thread-safe.
#pragma once

#include <grpcpp/channel.h>

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/rpc/credentials.h"
#include "tests/bench/queued_client.h"
#include "tests/bench/report.h"

namespace meros::bench {

enum class LifeCycle {
  kRunning,  // tasks run until they are killed
  kFull,     // tasks finish when RUNNING is acknowledged
  kUpdates,  // each acknowledged RUNNING update is followed by another, for ever
};

// What every agent says that it runs when it moves.
struct HeldTasks {
  std::string framework_id;
  int per_agent = 0;
  int labels = 0;  // of each task
  // Ended tasks that each agent remembers, which ended evenly over a day before `ended_until`.
  int ended_per_agent = 0;
  absl::Time ended_until = absl::UnixEpoch();
};

struct SimulatedAgentsOptions {
  std::string master;  // host:port
  rpc::TlsOptions tls = {.insecure = true};
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

  // All end their streams.
  void Leave();
  // Opens the connections to another master, so that they are there when it leads. Streams to the
  // present one stay.
  absl::Status Warm(const std::string& master);
  // Their reports of what they hold are made and packed before a clock starts: in a cluster they do
  // that on machines of their own.
  void Prepare(HeldTasks held);
  // All leave their master, if they have not, and open their streams to one that does not lead yet,
  // where agents wait who lost the leader `lost` (docs/adr/0013), over the connections that Warm()
  // opened.
  void WaitAt(const std::string& lost);
  // Returns when each is registered. ERRORS: as Start().
  absl::Status AwaitRegistered(absl::Duration limit);
  // All leave their master, if they have not, and return to this one, over the connections that
  // Warm() opened. Waits until each is registered. ERRORS: as Start().
  absl::Status Move(const std::string& master, HeldTasks held, absl::Duration limit);

  size_t launches() const { return launches_.load(); }
  size_t registered() const { return registered_.load(); }
  // Those that have told the present master all they run.
  size_t reported() const { return reported_.load(); }
  // Streams that the master ended, and what it said the last time.
  size_t lost_streams() const;
  std::string last_loss() const;
  // How long after `start` each agent was registered the last time.
  Samples RegisteredAfter(absl::Time start) const;

 private:
  class Agent;

  absl::Status Connect(const std::string& master);
  void Open();
  void SendHeartbeats();
  void ReturnTheLost();
  void OnClosed(Agent* agent, const absl::Status& status);

  const SimulatedAgentsOptions options_;
  ClientQueues queues_;
  HeldTasks held_;
  std::string connected_to_;
  std::string lost_master_;  // the one that did not answer; empty if none
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::shared_ptr<Agent>> agents_;
  std::atomic<size_t> launches_{0};
  std::atomic<size_t> registered_{0};
  std::atomic<size_t> reported_{0};
  std::atomic<size_t> open_{0};
  std::atomic<int64_t> heartbeat_interval_ms_{3000};
  std::atomic<bool> stopping_{false};
  mutable Mutex mutex_;
  std::deque<std::pair<absl::Time, Agent*>> lost_ MEROS_GUARDED_BY(mutex_);  // and when
  size_t lost_streams_ MEROS_GUARDED_BY(mutex_) = 0;
  std::string last_loss_ MEROS_GUARDED_BY(mutex_);
  std::thread heartbeats_;
};

}  // namespace meros::bench

// World: one simulated cluster. It owns time, network, disks and nodes, lets nodes crash, restart
// and pause, checks invariants after every event and keeps the trace.
//
//   World world({.seed = seed, .faults = DrawFaults(&rng)});
//   world.AddNode("registry", {.make = &MakeRegistryNode});
//   world.AddInvariant("one leader", [&] { ... return absl::OkStatus(); });
//   world.StartChaos();
//   absl::Status safety = world.RunFor(absl::Minutes(5));
//   world.HealAll();
//   absl::Status progress = world.RunUntil([&] { return AllTasksRun(); }, absl::Minutes(2));
//
// A node is a binding around a production core (core_node.h) or anything else that speaks through
// its NodeContext; it never touches World, time or randomness in another way.
//
//   node:  kUp ─1▶ kDown ─2▶ kUp      1 Crash: unsynced writes and streams are lost
//          kUp ─3▶ kPaused ─4▶ kUp    2 Restart: `make` again
//                                     3 Pause: nothing of it runs, peers see silence
//                                     4 its events run, late
//
// Thread rule: thread-compatible; a simulation is one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/base/rng.h"
#include "libs/simulation/disk.h"
#include "libs/simulation/event_queue.h"
#include "libs/simulation/faults.h"
#include "libs/simulation/network.h"
#include "libs/simulation/trace.h"

namespace meros::simulation {

class NodeContext;

// One incarnation of a node, from start to crash.
class Node : public Endpoint {
 public:
  // Called once, as an event of its own.
  virtual void Start() = 0;
};

struct NodeOptions {
  std::function<std::unique_ptr<Node>(NodeContext*)> make;
  // Whether chaos may crash, pause and cut it, and whether it may come back without its disk.
  bool may_crash = true;
  bool may_lose_disk = false;
};

struct WorldOptions {
  uint64_t seed = 0;
  Faults faults;
  // More events than this mean that nodes keep each other busy for ever. 50 million take minutes.
  uint64_t events_max = 50'000'000;
  size_t trace_lines = 200;
};

class World {
 public:
  explicit World(const WorldOptions& options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Adds a node and starts it now. REQUIRES: a new name.
  void AddNode(const std::string& name, NodeOptions options);
  // These do nothing when the node is not in the state that they need.
  void Crash(const std::string& name);
  void Restart(const std::string& name);
  void Pause(const std::string& name, absl::Duration duration);
  bool IsUp(const std::string& name) const;
  // The living incarnation, or null. For workloads and invariants.
  Node* Find(const std::string& name) const;

  // Called after every event while the world runs; the first failure ends the run.
  void AddInvariant(const std::string& name, std::function<absl::Status()> check);

  // Draws crashes, partitions, clogs and pauses from now on.
  void StartChaos();
  // Ends chaos and all faults and restarts what is down: from here on the cluster has no excuse.
  // What has begun lasts, pauses above all (Aftermath() in faults.h).
  void HealAll();

  // Runs until `duration` has passed or `condition` holds.
  // ERRORS: Internal (an invariant does not hold), ResourceExhausted (events_max), and for RunUntil
  // DeadlineExceeded (`condition` still does not hold).
  absl::Status RunFor(absl::Duration duration);
  absl::Status RunUntil(const std::function<bool()>& condition, absl::Duration limit);

  absl::Time Now() const { return events_.Now(); }
  EventQueue& events() { return events_; }
  SimNet& net() { return net_; }
  SimDisk& disk(const std::string& node);
  Trace& trace() { return trace_; }
  const Faults& faults() const { return options_.faults; }
  // An independent sequence for each `purpose`, fixed by the seed.
  Rng MakeRng(absl::string_view purpose) const;

 private:
  friend class NodeContext;
  struct Slot;

  enum class Chaos { kCrash, kPartition, kClog, kPause };

  Slot* FindSlot(const std::string& name) const;
  void Boot(Slot* slot);
  absl::Status CheckAfterEvent();
  absl::Duration MeanTimeTo(Chaos kind) const;
  void ScheduleChaos(Chaos kind);
  void DoChaos(Chaos kind);
  std::string PickNode();
  void CrashAndRestartLater(const std::string& name);
  void Partition(const std::string& victim);
  void ClogSome();
  void Note(const std::string& node, absl::string_view what) { trace_.Add(Now(), node, what); }

  const WorldOptions options_;
  EventQueue events_;
  Trace trace_;
  Rng chaos_rng_;
  SimNet net_;
  std::map<std::string, std::unique_ptr<Slot>> slots_;
  std::vector<std::unique_ptr<Node>> dead_;  // may still be on the stack until the event ends
  std::vector<std::pair<std::string, std::function<absl::Status()>>> invariants_;
  uint64_t chaos_round_ = 0;  // HealAll makes planned faults of earlier rounds void
  bool is_chaotic_ = false;
  uint64_t events_run_ = 0;
};

// How a node acts. Everything that it does dies with its incarnation; while paused, its events
// wait.
class NodeContext {
 public:
  NodeContext(World* world, std::string name, uint64_t incarnation);
  NodeContext(const NodeContext&) = delete;
  NodeContext& operator=(const NodeContext&) = delete;

  const std::string& name() const { return name_; }
  absl::Time Now() const { return world_.Now(); }
  const Knobs& knobs() const { return world_.faults().knobs; }
  bool IsAlive() const;

  void At(absl::Time time, std::function<void()> action);
  void After(absl::Duration delay, std::function<void()> action) {
    At(Now() + delay, std::move(action));
  }

  void Call(const std::string& to, std::string bytes);
  // 0 when the node is dead.
  ConnectionId Open(const std::string& to);
  void Write(ConnectionId id, std::string bytes);
  void Close(ConnectionId id, const absl::Status& reason = absl::OkStatus());

  // `done` is an event of this node: it waits while the node is paused and is dropped when it dies.
  void Commit(SimDisk::Writes writes, SimDisk::Done done,
              SimDisk::Atomicity atomicity = SimDisk::Atomicity::kAtomic);
  const std::map<std::string, std::string>& disk() const { return world_.disk(name_).contents(); }

  // A different sequence in each incarnation.
  Rng MakeRng(absl::string_view purpose) const;

  // Counts `what` in the trace and its hash. Returns false when the node dies at this very point:
  // the caller stops at once and applies nothing.
  [[nodiscard]] bool Record(absl::string_view what);

 private:
  World& world_;
  const std::string name_;
  const uint64_t incarnation_;
};

}  // namespace meros::simulation

// A node around an agent's core: a disk that commits when told, a containerizer that outlives the
// agent, and a master that acknowledges. It can crash the agent between any two effects.
//
// It is a model, not a fake: what the real containerizer promises (one launch per id, a termination
// kept until Remove, the truth in List) it does in the simplest way.
//
// Owner: tests. Thread rule: thread-compatible.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/agent/core/agent_core.h"

namespace meros::agent {

AgentOptions ModelOptions();

class NodeModel {
 public:
  // `trace`, when set, sees every effect before it is applied.
  explicit NodeModel(uint64_t seed, std::function<void(const Effect&)> trace = nullptr);

  // The agent's process.
  void StartAgent();
  void CrashAgent();
  bool is_running() const { return core_ != nullptr; }
  AgentCore& core() { return *core_; }
  // Crashes the agent when it has applied this many more effects.
  void CrashAfter(int effects) { crash_after_ = effects; }

  // Neighbours.
  void ConnectContainerizer();
  void BreakContainerizer();
  // Also registers, unless `answers_registration` is off.
  void ConnectMaster(const std::string& lost_master = "");
  void BreakMaster();
  void Reboot();  // the agent crashes, containers vanish, the boot id changes

  // What the world does.
  void Run(const std::string& task, const std::function<void(v1::TaskInfo*)>& change = nullptr);
  void Kill(const std::string& task);
  void Say(agent_link::v1::MasterMessage message);
  void SubscribeAgain();  // the framework does
  void Acknowledge(const std::string& task);
  void ExitContainer(const std::string& task, int code);
  void Advance(absl::Duration duration);
  void Commit();  // makes durable what waits, and releases what waits for it
  void ChangeVolumesNow();

  // Steps and applies until nothing happens any more without the clock.
  void Settle();

  // Settings.
  bool commits_at_once = true;
  bool acknowledges = false;      // every update at once
  bool starts_containers = true;  // a launched container runs at once
  bool stops_containers = true;   // at once; else they run on after Stop, until they exit
  bool answers_registration = true;
  v1::FrameworkInfo framework;
  std::optional<agent_link::v1::Drain> drain;  // what the master says at registration
  absl::Duration first_heartbeat;              // the same
  AgentOptions options = ModelOptions();       // of the next StartAgent
  bool changes_volumes = true;  // at once, else by ChangeVolumesNow; ends with volumes_status
  absl::Status volumes_status;

  // What was seen.
  struct SeenTask {
    std::vector<v1::TaskStatus> updates;  // unique by uuid, in order of arrival
    int launches = 0;                     // containers that came to be
  };
  std::map<std::string, SeenTask> seen;
  std::map<std::string, std::string> disk;
  std::map<std::string, containerizer::v1::ContainerStatus> containers;
  std::vector<std::string> sandboxes;
  std::vector<agent_link::v1::AgentMessage> said;  // by the agent to the master, of all sessions
  std::vector<PrepareSandbox> prepared;
  std::set<std::string> volumes;  // paths of directories
  bool has_exited = false;

  containerizer::v1::ContainerStatus* ContainerOf(const std::string& task);
  void Terminate(const std::string& task, containerizer::v1::Termination termination);

 private:
  void Feed(Input input) { inputs_.push_back(std::move(input)); }
  void StepOnce();
  void Apply(Effect effect);
  void Perform(const ChangeVolumes& effect);
  void Perform(const ToContainerizer& effect);
  void Perform(const ToMaster& effect);
  void Launch(const containerizer::v1::LaunchSpec& spec, containerizer::v1::Response* response);
  void FromContainerizer(containerizer::v1::Response response);
  void OnUpdate(const agent_link::v1::StatusUpdate& update);
  void OnRegistration(const agent_link::v1::AgentMessage& message);

  std::function<void(const Effect&)> trace_;
  uint64_t seed_;
  absl::Time now_ = absl::FromUnixSeconds(1000);
  std::unique_ptr<AgentCore> core_;
  std::deque<Input> inputs_;
  std::deque<Effect> effects_;  // of the last step, not applied yet
  std::deque<Effect> held_;     // waiting for a commit
  std::vector<ChangeVolumes> slow_changes_;
  std::vector<Persist> uncommitted_;
  PersistToken durable_ = 0;
  int crash_after_ = -1;

  SessionId session_ = 0;
  bool has_containerizer_ = false;
  StreamId stream_ = 0;
  bool has_master_ = false;
  bool wants_link_ = false;
  std::string boot_id_ = "boot-1";
  std::map<std::string, bool> known_to_master_;  // task -> is terminal and acknowledged
};

}  // namespace meros::agent

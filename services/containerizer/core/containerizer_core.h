// The containerizer's state machine: all containers of a node, and who is to be told about them.
// Deterministic: the same inputs at the same times give the same effects.
//
// Owner: runtime::CoreStrand in the shell. Each container goes through the states of life_cycle.h;
// inside DESTROYING it takes three steps (DestroyStep), each repeated until it succeeds: at first
// after 50 ms, then twice as long each time, at most every 30 s, for as long as it takes. From the
// fifth failure on its status says what is in the way.
//
// Ordering that others rely on:
//   - a launch is answered only after it was recorded;
//   - a termination is announced only after it was stored and everything was cleaned up;
//   - a container's record goes only after the client said Remove.
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "services/containerizer/core/life_cycle.h"
#include "services/containerizer/core/messages.h"
#include "services/containerizer/core/termination.h"

namespace meros::containerizer {

struct CoreOptions {
  size_t containers_max = 10000;  // known ones, terminated ones included; more are refused
  v1::Launcher launcher = v1::LAUNCHER_UNSPECIFIED;  // for ListResponse
  std::string boot_id;                               // for ListResponse
  bool isolates = false;                             // whether new containers are isolated
};

class ContainerizerCore {
 public:
  using Input = containerizer::Input;
  using Effect = containerizer::Effect;

  explicit ContainerizerCore(CoreOptions options) : options_(std::move(options)) {}

  void Step(absl::Time now, Input input, std::vector<Effect>* out);

  // When the first grace period or retry is due.
  absl::Time NextDeadline() const {
    return timers_.empty() ? absl::InfiniteFuture() : timers_.begin()->first;
  }

  // Timers and containers agree; every state has what it needs.
  void CheckInvariants() const;

  size_t container_count() const { return containers_.size(); }

 private:
  enum class DestroyStep { kKilling, kStoring, kCleaning };

  // A request that is answered later.
  struct Caller {
    StreamId stream = 0;
    uint64_t request_id = 0;
  };

  struct Container {
    v1::LaunchSpec spec;
    State state = State::kStarting;
    bool isolated = false;
    uint32_t pid = 0;
    int64_t started_at_ns = 0;

    std::vector<Caller>
        launchers;  // STARTING: the first is answered LAUNCHED, the others ALREADY_LAUNCHED
    bool end_requested = false;  // STARTING, PREPARING: to be destroyed as soon as possible

    EndCause cause = EndCause::kNone;  // set from DESTROYING on
    std::string start_failure;
    DestroyStep step = DestroyStep::kKilling;
    int failures = 0;  // of tear-down, in a row
    std::string stuck;
    v1::Termination termination;  // valid from DestroyStep::kStoring on

    std::vector<Caller> removers;                  // TERMINATED: waiting for the record's deletion
    absl::Time deadline = absl::InfiniteFuture();  // of grace period or retry; see timers_
  };
  using Containers = std::map<ContainerId, Container>;

  // Inputs from clients, one per request (containerizer_requests.cc).
  void OnRequest(absl::Time now, const Caller& caller, const v1::Request& request,
                 std::vector<Effect>* out);
  void OnLaunch(const Caller& caller, const v1::LaunchSpec& spec, std::vector<Effect>* out);
  void OnKill(absl::Time now, const Caller& caller, const v1::KillRequest& request,
              std::vector<Effect>* out);
  void OnStop(absl::Time now, const Caller& caller, const v1::StopRequest& request,
              std::vector<Effect>* out);
  void OnDestroy(absl::Time now, const Caller& caller, const v1::DestroyRequest& request,
                 std::vector<Effect>* out);
  void OnUpdate(const Caller& caller, const v1::UpdateRequest& request, std::vector<Effect>* out);
  void OnUsage(const Caller& caller, const v1::UsageRequest& request, std::vector<Effect>* out);
  void OnStatus(const Caller& caller, const v1::StatusRequest& request, std::vector<Effect>* out);
  void OnRemove(const Caller& caller, const v1::RemoveRequest& request, std::vector<Effect>* out);
  void OnList(const Caller& caller, std::vector<Effect>* out);

  // Inputs from the shell.
  void On(absl::Time now, const StreamOpened& input, std::vector<Effect>* out);
  void On(absl::Time now, const StreamClosed& input, std::vector<Effect>* out);
  void On(absl::Time now, const RequestReceived& input, std::vector<Effect>* out);
  void On(absl::Time now, Recovered& input, std::vector<Effect>* out);
  void On(absl::Time now, const LaunchRecorded& input, std::vector<Effect>* out);
  void On(absl::Time now, const StartFinished& input, std::vector<Effect>* out);
  void On(absl::Time now, const KillFinished& input, std::vector<Effect>* out);
  void On(absl::Time now, const TerminationStored& input, std::vector<Effect>* out);
  void On(absl::Time now, const CleanUpFinished& input, std::vector<Effect>* out);
  void On(absl::Time now, const UpdateFinished& input, std::vector<Effect>* out);
  void On(absl::Time now, const RecordsRemoved& input, std::vector<Effect>* out);
  void On(absl::Time now, const ProcessEnded& input, std::vector<Effect>* out);
  void On(absl::Time now, const MemoryLimitHit& input, std::vector<Effect>* out);
  void On(absl::Time now, const runtime::Tick& input, std::vector<Effect>* out);

  // Moves along the table of life_cycle.h. REQUIRES: the table has the move.
  void Move(Container* container, LifeEvent event);
  // Begins or goes on with tear-down.
  void BeginDestroy(EndCause cause, Container* container, std::vector<Effect>* out);
  void EmitDestroyStep(const Container& container, std::vector<Effect>* out);
  // Ends it now, or notes that it must end once its present step is answered.
  void RequestEnd(Container* container, std::vector<Effect>* out);
  // True when the step succeeded; else it will be repeated.
  bool DestroyStepDone(absl::Time now, DestroyStep step, const absl::Status& status,
                       Container* container);
  void Recover(RecoveredContainer found, std::vector<Effect>* out);
  void SetDeadline(absl::Time deadline, Container* container);

  Container* Find(const ContainerId& id);
  // As Find, but answers NOT_FOUND when there is none.
  Container* FindOrRefuse(const std::string& id, const Caller& caller, std::vector<Effect>* out);

  v1::ContainerStatus StatusOf(const Container& container) const;
  // A successful answer to be filled in; sent at once since effects are in order.
  v1::Response* Answer(const Caller& caller, std::vector<Effect>* out) const;
  void Refuse(const Caller& caller, const absl::Status& status, std::vector<Effect>* out) const;
  void Broadcast(const v1::Response& event, std::vector<Effect>* out) const;

  const CoreOptions options_;
  Containers containers_;
  std::set<StreamId> streams_;
  std::set<std::pair<absl::Time, ContainerId>> timers_;  // finite deadlines of containers_
};

}  // namespace meros::containerizer

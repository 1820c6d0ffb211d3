// A framework as a node: the SDK's driver core and a scheduler that does a Job's work over it, with
// the habits of real ones: it hoards offers, forgets acknowledgements, kills, and fails over.
//
// Thread rule: thread-compatible.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libs/simulation/core_node.h"
#include "libs/simulation/probes.h"
#include "meros/v1/scheduler/scheduler_service.pb.h"
#include "sdk/cpp/driver_core.h"
#include "tests/simulation/cluster.h"
#include "tests/simulation/frames.h"
#include "tests/simulation/gang_keeper.h"
#include "tests/simulation/job.h"

namespace meros::simulation {

// The driver's core has no books to check.
class SimDriver : public sdk::DriverCore {
 public:
  using DriverCore::DriverCore;
  void CheckInvariants() const {}
};

class FrameworkNode : public CoreNode<SimDriver> {
 public:
  FrameworkNode(NodeContext* context, Cluster* cluster, Job* job);

  void Start() override;
  void OnStreamMessage(ConnectionId id, const std::string& bytes) override;
  void OnStreamClosed(ConnectionId id, const absl::Status& reason) override;

 protected:
  void Apply(absl::Time now, Effect effect) override;
  std::string Describe(const Effect& effect) const override;
  void OnBatchApplied(absl::Time now) override;

 private:
  void Open(const SimDriver::Open& open);
  void Close(const SimDriver::Close& close);
  void Send(const SimDriver::Send& send);
  void Ended(const absl::Status& status);

  // The scheduler.
  void OnEvent(const v1::scheduler::Event& event);
  void OnOffer(const v1::Offer& offer);
  void Answer(const v1::Offer& offer);
  void OnUpdate(const v1::TaskStatus& status);
  void Say(v1::scheduler::Call call) { Post(SimDriver::UserCall{std::move(call)}); }
  void OnOperation(const v1::OperationStatus& status);
  void OnInverseOffer(const v1::InverseOffer& offer);
  void SayKill(const std::string& task_id);
  void Crowd();
  void TakeAnyAgent();
  void Reconcile();
  // What it does by itself every now and then.
  void Live();

  Cluster& cluster_;
  Job& job_;
  Rng rng_;
  GangKeeper gangs_;
  ConnectionId connection_ = 0;  // of the newest stream; 0: none
  StreamId stream_ = 0;          // as the driver numbers it
  Frames<v1::scheduler::Calls> frames_;
  std::set<std::string> offers_;  // that are open as far as it has heard
  bool has_said_choice_ = false;  // on this stream
  bool is_leaving_ = false;
};

}  // namespace meros::simulation

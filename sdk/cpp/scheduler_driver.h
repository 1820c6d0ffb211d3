// Connects a Scheduler to a Meros cluster over gRPC: finds the leader, subscribes, reconnects,
// watches heartbeats, acknowledges updates, removes duplicates, reconciles, and repeats kills until
// a task ends.
//
//   MyScheduler scheduler;
//   sdk::SchedulerDriver driver(&scheduler, {.masters = {"127.0.0.1:7050"}, .framework = info,
//                                            .tls = {.insecure = true}});
//   driver.Start();
//   absl::Status end = driver.Join();
//
// Calls made while not subscribed: launches come back at once as TASK_DROPPED, kills and
// suppression are remembered and sent after the next subscription, everything else has no effect
// (the master keeps nothing of a broken subscription that it could be about).
//
// Thread rule: thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/rpc/credentials.h"
#include "meros/v1/scheduler/scheduler.pb.h"
#include "sdk/cpp/scheduler.h"

namespace meros::sdk {

// Bundles of resources that are wanted on several agents all at once or not at all.
struct GangRequest {
  std::string id;    // chosen by the framework; each Offer of the gang carries it as gang_id
  std::string role;  // may be empty for a framework of one role
  struct Bundle {
    int count = 1;
    std::vector<meros::v1::Resource> resources;  // plain scalars: "cpus", "mem", "ports" (how many)
  };
  std::vector<Bundle> bundles;
  bool distinct_agents = false;                        // no two bundles on one agent
  absl::Duration deadline = absl::InfiniteDuration();  // infinite: the longest the master allows
};

enum class Acknowledgement {
  kImplicit,  // when StatusUpdate or OperationUpdate returns
  kExplicit,  // by Acknowledge() and AcknowledgeOperation(), for schedulers that store updates
              // asynchronously
};

struct DriverOptions {
  std::vector<std::string> masters;    // host:port of every master; order does not matter
  meros::v1::FrameworkInfo framework;  // user and name are required; id to take over
  rpc::TlsOptions tls;
  Acknowledgement acknowledgement = Acknowledgement::kImplicit;
};

class SchedulerDriver {
 public:
  // `scheduler` must outlive the driver.
  SchedulerDriver(Scheduler* scheduler, DriverOptions options);
  ~SchedulerDriver();
  SchedulerDriver(const SchedulerDriver&) = delete;
  SchedulerDriver& operator=(const SchedulerDriver&) = delete;

  // REQUIRES: called once. ERRORS: InvalidArgument for options that cannot work (masters, TLS).
  absl::Status Start();

  // Tears the framework down: its tasks are killed. The driver ends when a master has confirmed it,
  // through fail-overs of masters if need be, or after a minute (Join: DeadlineExceeded).
  void Stop();

  // Ends the subscription only: tasks run on for the framework's failover_timeout, in which a
  // driver with the same framework id may take over.
  void Detach();

  // Waits for the end; returns what Ended() was told. Not from a callback.
  absl::Status Join();

  // Uses offers (of one agent) for operations; what is left is declined with `filters`.
  void AcceptOffers(const std::vector<meros::v1::OfferID>& offers,
                    const std::vector<meros::v1::Offer::Operation>& operations,
                    const meros::v1::Filters& filters = {});
  // AcceptOffers with a single LAUNCH.
  void LaunchTasks(const std::vector<meros::v1::OfferID>& offers,
                   const std::vector<meros::v1::TaskInfo>& tasks,
                   const meros::v1::Filters& filters = {});
  void DeclineOffer(const meros::v1::OfferID& offer, const meros::v1::Filters& filters = {});
  // `filters`: for how long not to be asked again. What was accepted is for the framework to do: it
  // ends its tasks there, or moves them, before the machine goes away.
  void AcceptInverseOffers(const std::vector<meros::v1::OfferID>& offers,
                           const meros::v1::Filters& filters = {});
  void DeclineInverseOffers(const std::vector<meros::v1::OfferID>& offers,
                            const meros::v1::Filters& filters = {});
  // Repeated by the driver after every subscription until the task is heard to have ended.
  void KillTask(const meros::v1::TaskID& task);
  void KillTask(const meros::v1::TaskID& task, const meros::v1::KillPolicy& policy);
  // No roles means all of the framework's.
  void ReviveOffers(const std::vector<std::string>& roles = {});
  void SuppressOffers(const std::vector<std::string>& roles = {});
  // Asks for a gang: ResourceOffers is called with all of its offers together, or GangEnded with
  // why not. Suppressed roles get gangs, too, which is how a framework waits for gangs alone. A
  // gang is forgotten with the subscription: ask again in Registered.
  void RequestGang(const GangRequest& gang);
  void WithdrawGang(const std::string& gang_id);
  // With Acknowledgement::kExplicit only.
  void Acknowledge(const meros::v1::TaskStatus& status);
  void AcknowledgeOperation(const meros::v1::OperationStatus& status);
  // No tasks means all that the master knows.
  void ReconcileTasks(const std::vector<meros::v1::TaskStatus>& tasks);
  void SendMessage(const meros::v1::ExecutorID& executor, const meros::v1::AgentID& agent,
                   const std::string& data);
  // Any other call; framework_id is filled in.
  void Call(meros::v1::scheduler::Call call);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace meros::sdk

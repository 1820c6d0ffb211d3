// What a framework implements: the callbacks of a scheduler.
//
// All callbacks come from one thread, one at a time, in the order in which the master sent the
// events. A callback may call the driver, also to stop it. A callback that blocks delays everything
// that follows.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "meros/v1/scheduler/scheduler.pb.h"

namespace meros::sdk {

class SchedulerDriver;

// Whether this is the first subscription of a driver or one after a break.
enum class Registration { kFirst, kAgain };

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  // The master has accepted the subscription. Keep `framework_id` to come back after a crash. After
  // a break, offers seen before it are void.
  virtual void Registered(SchedulerDriver* driver, const std::string& framework_id,
                          const meros::v1::MasterInfo& master, Registration registration) {}

  // The master is gone for now; the driver reconnects by itself. Offers are void.
  virtual void Disconnected(SchedulerDriver* driver, const absl::Status& reason) {}

  // Each offer is to be accepted or declined; one that is ignored is lost to everyone until it
  // times out.
  virtual void ResourceOffers(SchedulerDriver* driver,
                              const std::vector<meros::v1::Offer>& offers) = 0;

  // An offer may not be used any more.
  virtual void OfferRescinded(SchedulerDriver* driver, const meros::v1::OfferID& offer_id) {}

  // A machine is to go away for maintenance, and the framework has something there:
  // AcceptInverseOffers tells the operator that it will give that back in time, and lets a drain
  // begin that may be delayed; DeclineInverseOffers says that it will not, for now. What is not
  // answered is asked again.
  virtual void InverseOffers(SchedulerDriver* driver,
                             const std::vector<meros::v1::InverseOffer>& offers) {}

  // An inverse offer needs no answer any more.
  virtual void InverseOfferRescinded(SchedulerDriver* driver, const meros::v1::OfferID& offer_id) {}

  // A task changed its state. Each update is delivered once per driver, even when the agent repeats
  // it. With implicit acknowledgement it is acknowledged when this returns, so keep what must not
  // be lost before returning.
  virtual void StatusUpdate(SchedulerDriver* driver, const meros::v1::TaskStatus& status) = 0;

  // An operation with an id has a new state. It may come again until it is acknowledged, which with
  // implicit acknowledgement is when this returns.
  virtual void OperationUpdate(SchedulerDriver* driver, const meros::v1::OperationStatus& status) {}

  // Bytes from an executor; best effort.
  virtual void FrameworkMessage(SchedulerDriver* driver,
                                const meros::v1::scheduler::Event::Message& message) {}

  // An agent or an executor is lost; updates of its tasks come separately.
  virtual void Failure(SchedulerDriver* driver,
                       const meros::v1::scheduler::Event::Failure& failure) {}

  // A gang asked for with RequestGang will not be offered; ask again if it is still wanted.
  virtual void GangEnded(SchedulerDriver* driver,
                         const meros::v1::scheduler::Event::GangEnded& gang) {}

  // Any event that this version of the driver does not know.
  virtual void OtherEvent(SchedulerDriver* driver, const meros::v1::scheduler::Event& event) {}

  // The last callback of a driver: OK after Stop(), otherwise why it gave up (removed framework,
  // another scheduler with the same id, a refused subscription).
  virtual void Ended(SchedulerDriver* driver, const absl::Status& status) {}
};

}  // namespace meros::sdk

// One offer, what is left of it, and the call that answers it while a framework writes it.
//
// Thread rule: thread-compatible.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/resources/conversions.h"
#include "libs/resources/resources.h"
#include "meros/v1/scheduler/scheduler.pb.h"

namespace meros::simulation {

class OfferAnswer {
 public:
  // REQUIRES: a well-formed offer.
  explicit OfferAnswer(const v1::Offer& offer);

  const std::string& agent_id() const { return agent_id_; }
  // Without allocation.
  const resources::Resources& left() const { return left_; }

  // Adds an operation, with an id if feedback is wanted. What it makes is left for what follows,
  // save what resizing makes. False if the offer has not what it needs.
  bool Operate(const resources::Operation& operation, const std::string& id = "");
  // Adds a task with so much, reserved or not, and with `volume` if not empty. False if that is not
  // left. A shared volume is left for further tasks.
  bool Launch(v1::TaskInfo task, double cpus, double mem, const resources::Resources& volume = {});

  struct GroupMember {
    v1::TaskInfo task;
    double cpus = 0;
  };
  // Adds a group of tasks, each with so much memory, with an executor of its own. False if that is
  // not left. A greedy one asks for more than that all the same, and is to be refused.
  bool LaunchGroup(const std::string& executor_id, std::vector<GroupMember> members, double mem,
                   bool is_greedy);

  // Volumes that the call destroys.
  const resources::Resources& destroyed() const { return destroyed_; }
  // ACCEPT, or DECLINE if nothing was added.
  v1::scheduler::Call ToCall(double refuse_seconds) const;

 private:
  // So much of a scalar; of what is reserved first.
  std::optional<resources::Resources> Find(const resources::ResourceName& name,
                                           double amount) const;
  // Takes so much away; nothing if that is not left.
  std::optional<resources::Resources> Take(double cpus, double mem,
                                           const resources::Resources& more);

  const std::string id_;
  const std::string agent_id_;
  resources::Resources left_;
  resources::Resources destroyed_;
  std::vector<v1::Offer::Operation> operations_;
};

}  // namespace meros::simulation

// How a framework keeps volumes. It goes by what offers show and remembers little, as schedulers do
// that survive their own crashes:
//
//   disk ──RESERVE──▶ reserved ──CREATE──▶ volume ──its task──▶ used ──GROW, SHRINK──▶ resized
//     ▲                   │  ▲                                                            │
//     └─────UNRESERVE─────┘  └──────────────────────────DESTROY───────────────────────────┘
//
// A slot of the Job that needs a volume has one of its own; one that is not seen for long is made
// anew elsewhere. What belongs to no slot is undone.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/rng.h"
#include "libs/resources/resources.h"
#include "meros/v1/operation.pb.h"
#include "tests/simulation/offer_answer.h"

namespace meros::simulation {

class Job;

class VolumeKeeper {
 public:
  // An operation that shall be answered.
  struct Asked {
    std::string agent_id;
    absl::Time at;
    v1::OperationState state = v1::OPERATION_PENDING;
    // Nothing more is waited for: it has ended, or its agent is away.
    bool is_answered() const;
  };

  // Of a framework of this name, for its only role.
  VolumeKeeper(std::string name, std::string role, Rng rng)
      : name_(std::move(name)), role_(std::move(role)), rng_(rng) {}

  // Adds to the answer what is to be done with what the offer shows.
  void Answer(absl::Time now, Job* job, OfferAnswer* answer);
  // Volumes that were seen nowhere since `before`, and on which no task is open, are given up.
  void GiveUp(absl::Time before, const Job& job);

  void Heard(const v1::OperationStatus& status);
  // By id, the operations that wait for an answer.
  std::vector<std::pair<std::string, Asked>> Open() const;
  // The framework was removed, and its operations with it.
  void LoseAll() { asked_.clear(); }

  const std::string& role() const { return role_; }

 private:
  // The present volume of a slot.
  struct Volume {
    int attempt = 0;
    bool is_placed = false;  // asked for, and not given up
    absl::Time seen;
    int resizes_left = 0;
  };

  // Adds the operation to the answer; for most feedback is asked. False if the offer does not
  // suffice.
  bool Operate(absl::Time now, const resources::Operation& operation, OfferAnswer* answer);
  void Use(absl::Time now, const resources::Resource& shown, Job* job, OfferAnswer* answer);
  void Resize(absl::Time now, const resources::Resource& shown, OfferAnswer* answer);
  void Make(absl::Time now, size_t slot, Job* job, OfferAnswer* answer);
  void Undo(absl::Time now, OfferAnswer* answer);
  std::string IdOf(size_t slot) const;
  resources::Resources Reserved(double mib) const;

  const std::string name_;
  const std::string role_;
  Rng rng_;
  std::map<size_t, Volume> volumes_;  // by slot
  std::map<std::string, Asked> asked_;
  int last_operation_ = 0;
};

}  // namespace meros::simulation

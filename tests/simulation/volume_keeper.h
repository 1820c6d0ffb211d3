// How a framework keeps volumes. It goes by what offers show and remembers little, as schedulers do
// that survive their own crashes:
//
//   disk ──RESERVE──▶ reserved ──CREATE──▶ volume ──its task──▶ used ──GROW, SHRINK──▶ resized
//     ▲                   │  ▲                                                            │
//     └─────UNRESERVE─────┘  └──────────────────────────DESTROY───────────────────────────┘
//
// A slot of the Job that needs a volume has one of its own; one that is not seen for long is made
// anew elsewhere. What belongs to no slot is undone. Shared volumes are left alone
// (shared_volume.h).
//
// Thread rule: thread-compatible.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "libs/base/rng.h"
#include "libs/resources/resources.h"
#include "tests/simulation/asked_operations.h"
#include "tests/simulation/offer_answer.h"

namespace meros::simulation {

class Job;

class VolumeKeeper {
 public:
  // Of a framework of this name, for its only role.
  VolumeKeeper(std::string name, std::string role, AskedOperations* operations, Rng rng)
      : name_(std::move(name)), role_(std::move(role)), operations_(*operations), rng_(rng) {}

  // Adds to the answer what is to be done with what the offer shows.
  void Answer(absl::Time now, Job* job, OfferAnswer* answer);
  // Volumes that were seen nowhere since `before`, and on which no task is open, are given up.
  void GiveUp(absl::Time before, const Job& job);

  const std::string& role() const { return role_; }

 private:
  // The present volume of a slot.
  struct Volume {
    int attempt = 0;
    bool is_placed = false;  // asked for, and not given up
    absl::Time seen;
    int resizes_left = 0;
  };

  bool Operate(absl::Time now, const resources::Operation& operation, OfferAnswer* answer) {
    return operations_.Operate(now, operation, &rng_, answer);
  }
  void Use(absl::Time now, const resources::Resource& shown, Job* job, OfferAnswer* answer);
  void Resize(absl::Time now, const resources::Resource& shown, OfferAnswer* answer);
  void Make(absl::Time now, size_t slot, Job* job, OfferAnswer* answer);
  void Undo(absl::Time now, OfferAnswer* answer);
  std::string IdOf(size_t slot) const;
  resources::Resources Reserved(double mib) const;

  const std::string name_;
  const std::string role_;
  AskedOperations& operations_;
  Rng rng_;
  std::map<size_t, Volume> volumes_;  // by slot
};

}  // namespace meros::simulation

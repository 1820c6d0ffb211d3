// How a framework keeps a shared volume (capability SHARED_RESOURCES): all of its slots that need
// one run on the same, as many at a time as find room, and the last one out destroys it.
//
//   disk ──CREATE──▶ volume ──tasks of several slots──▶ used ──all are done, DESTROY──▶ disk
//
// It goes by what offers show, which it is also while tasks use it. One that is not seen for long
// although a slot waits for it is made anew elsewhere; what is seen again of it then is destroyed.
// A volume that a task still uses is not: the master refuses that, and it is asked again.
//
// Thread rule: thread-compatible.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "libs/base/rng.h"
#include "libs/resources/resources.h"
#include "tests/simulation/asked_operations.h"
#include "tests/simulation/offer_answer.h"

namespace meros::simulation {

class Job;

class SharedVolume {
 public:
  // Of a framework of this name, for its only role.
  SharedVolume(std::string name, std::string role, AskedOperations* operations, Rng rng)
      : name_(std::move(name)), role_(std::move(role)), operations_(*operations), rng_(rng) {}

  // Adds to the answer what is to be done with what the offer shows.
  void Answer(absl::Time now, Job* job, OfferAnswer* answer);
  // If it was seen nowhere since `before`.
  void GiveUp(absl::Time before, const Job& job);

 private:
  void Use(absl::Time now, const resources::Resource& shown, Job* job, OfferAnswer* answer);
  void Make(absl::Time now, Job* job, OfferAnswer* answer);
  void Launch(const resources::Resource& volume, Job* job, OfferAnswer* answer);
  std::string Id() const;

  const std::string name_;
  const std::string role_;
  AskedOperations& operations_;
  Rng rng_;
  int attempt_ = 0;
  bool is_placed_ = false;  // asked for, and not given up
  absl::Time seen_;
};

}  // namespace meros::simulation

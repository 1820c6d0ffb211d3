// The real core with a master that is played: books are loaded from a snapshot, changed, and then
// allocation runs until nothing moves any more. Every proposal is accepted and its resources are
// held; what is to be preempted is given back at once. Time is simulated, so that a minute of the
// cluster takes as long as its runs do.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/allocator/core/core.h"

namespace meros::allocator {

class PlayedMaster {
 public:
  PlayedMaster(absl::Time now, uint64_t seed);

  // Loads the books. ERRORS: InvalidArgument saying what contradicts the rest.
  absl::Status Load(std::vector<Change> objects);
  // Changes them. REQUIRES: loaded. ERRORS: InvalidArgument as above; the books are lost then.
  absl::Status Apply(Change change);

  struct Outcome {
    bool settled = false;
    uint64_t cycles = 0;  // allocation intervals
    uint64_t offers = 0;
    std::vector<PreemptionProposal> preemptions;
  };
  // Runs until nothing has moved for so long that nothing will, at most `cycles_max` intervals.
  Outcome Run(size_t cycles_max);

  // REQUIRES: loaded.
  const Mirror& mirror() const { return core_.books()->mirror; }

 private:
  // Steps the core; what it asks for is in effects_. ERRORS: it lost its books.
  absl::Status Step(Core::Input input);
  // Answers effects_; true if anything moved.
  bool Answer(Outcome* outcome);

  Core core_;
  absl::Time now_;
  uint64_t version_ = 1;
  std::vector<Core::Effect> effects_;
};

}  // namespace meros::allocator

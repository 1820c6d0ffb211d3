// Stage 7, propose: one allocation run. For each candidate agent the walk in order of fairness
// stops at the first client that passes every filter; it is offered all that it may have of the
// agent (the coarse grain that frameworks of Mesos expect) or, where its role says so, a slice of
// it; what then remains is offered to those who follow, and then again from the start.
//
// Proposals of a run are disjoint, because each leaves the books' free resources before the next is
// looked for.
//
// Owner: services/allocator/core. Thread rule: strand-confined.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/base/rng.h"
#include "services/allocator/core/books.h"
#include "services/allocator/core/model.h"
#include "services/allocator/core/options.h"

namespace meros::allocator {

// What became of one look at an (agent, client).
enum class Gate : uint8_t {
  kOffered,
  kHeldBack,        // the master refuses offers to the framework for now
  kNothing,         // nothing free that the role or the framework may have
  kCapability,      // the agent is kept for frameworks that can use its gpus
  kRegion,          // the agent is in another region
  kConstraints,     // the offer constraints of the framework exclude the agent
  kQuota,           // quota leaves nothing worth offering
  kBelowMinimum,    // less than is worth offering
  kRefused,         // the framework has refused it
  kOffersInFlight,  // the framework holds as many unanswered offers as it may
};
inline constexpr size_t kGateCount = 10;
absl::string_view GateName(Gate gate);

struct RunReport {
  size_t agents = 0;                          // looked at
  size_t proposals = 0;                       // made
  std::array<size_t, kGateCount> gates = {};  // looks at (agent, client), by what became of them
};

struct RunContext {
  const Options* options = nullptr;
  Rng* rng = nullptr;
  absl::Time now;
  uint64_t version = 0;         // of the books
  uint64_t* next_id = nullptr;  // of proposals
};

// Offers what `agents` have, which were taken from the candidates; `emit` is called with each
// proposal. When proposals_waiting_max is reached, those not looked at become candidates again.
RunReport Propose(Books* books, const RunContext& context, std::vector<Agent*> agents,
                  absl::FunctionRef<void(Proposal)> emit);

}  // namespace meros::allocator

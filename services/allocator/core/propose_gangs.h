// Gangs in a run: before anything is offered one by one, places are looked for for the bundles of
// gangs that wait. Nothing is ever proposed for a part of a gang.
//
//   - The gang that holds gets what fits of the marked agents set aside; in a batch its places are
//     looked for anew on all agents, so that an unlucky placement does not last.
//   - New gangs, and in a batch those that wait, in turn, are proposed if all their bundles fit on
//     what is free now. The first that does not, has not held yet, and would fit on the cluster if
//     it were empty, begins to hold when nobody does.
//
// A place respects what every offer respects: reservations, capabilities, region, offer constraints
// and refusals of the framework, limits, headroom and offer_max of the role. The least worth
// offering does not matter: the framework has said what it wants. Nor does suppression.
//
// Owner: services/allocator/core. Thread rule: strand-confined.
#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "services/allocator/core/books.h"
#include "services/allocator/core/propose.h"

namespace meros::allocator {

// `marked`: agents at which something may have become possible. `batch`: looks at all.
// Cost: O(marked) while a gang holds; per gang that has its turn O(agents).
void ProposeGangs(Books* books, const RunContext& context, const std::vector<Agent*>& marked,
                  bool batch, absl::FunctionRef<void(GangProposal)> emit);

// One line for each gang that the client waits for: how much of it would fit, and what is set
// aside. Cost: O(agents) each.
std::vector<std::string> DescribeGangs(const Books& books, const Options& options, absl::Time now,
                                       const Client& client);

}  // namespace meros::allocator

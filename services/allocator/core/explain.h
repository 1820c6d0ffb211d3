// Explain: the stages of a run, asked about one framework in one role without offering anything.
// It calls the same filters as propose.cc, in the order of Stage.
//
// Owner: services/allocator/core. Thread rule: strand-confined; changes nothing.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/allocator/core/books.h"
#include "services/allocator/core/explanation.h"
#include "services/allocator/core/options.h"

namespace meros::allocator {

// Everything but `version`, and reasons in `blocked` that lie outside of the books.
// ERRORS: NotFound if the framework is unknown or not subscribed to the role; InvalidArgument if
// the role is left out and the framework has not exactly one.
// Cost: O(agents); about 20 ms for 20,000.
absl::StatusOr<Explanation> Explain(const Books& books, const Options& options, absl::Time now,
                                    const ExplainQuery& query);

}  // namespace meros::allocator

// Preemption: takes back what preemptible roles hold beyond their guarantees, for roles whose own
// guarantees are not met. The allocator proposes from whom, where and how much; the master judges
// each proposal by its books as they are now, and chooses what goes:
//
//   - no more than the guarantee still lacks, less what is on its way to it;
//   - nothing that takes the victim's role, or one above it, below its guarantee;
//   - what the victim's tasks there give back anyway, because they are being killed, counts: a
//     repeated proposal kills nothing more;
//   - offers go first, then the tasks that started last; of these only as many as are needed.
//
// Tasks are killed with their own grace, by their agent, which reports REASON_CONTAINER_PREEMPTED.
// What is freed goes to the guarantee because the allocator holds it back from everybody else.
//
// There is no answer to the allocator; what is refused is reported with the reason (effects.h).
// Thread rule: strand-confined.
#pragma once

#include "services/master/core/inputs.h"
#include "services/master/core/transaction.h"

namespace meros::master {

// Cost: O(agents + frameworks) for each call, and O(tasks and offers of the agent) per proposal.
void HandlePreemptions(Transaction* tx, const AllocatorPreemptions& message);

}  // namespace meros::master

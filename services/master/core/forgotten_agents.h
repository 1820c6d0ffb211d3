// Agents that have been unreachable for long are forgotten: the oldest when there are too many, and
// each of them after max_unreachable_age. One that returns afterwards is admitted as it says it is;
// of its tasks nothing is known until it does.
//
//   AfterUnreachable / RecoverBooks ─▶ the line (oldest first) ─▶ forgotten: by number, at once;
//                                                                by age, when the timer fires
//
// Thread rule: strand-confined.
#pragma once

#include "services/master/core/transaction.h"

namespace meros::master {

// The agent is unreachable. REQUIRES: later than all that were noted before; ForgetUnreachable is
// called afterwards.
void NoteUnreachable(Transaction* tx, const Agent& agent);

// Forgets whom it is time to forget, and arms the timer for the next.
void ForgetUnreachable(Transaction* tx);
void OnForgetAgents(Transaction* tx);

}  // namespace meros::master

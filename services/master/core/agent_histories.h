// Histories across a fail-over: which tasks ended before this master led, their agents know. Each
// says when it comes back of which frameworks it remembers ended tasks, and the master asks for
// those that would have a place in its own histories (max_completed_tasks_per_framework). That is
// for people and may wait: first all agents give their reports (agent_reports.h), then few are
// asked at a time. The fuller the histories, the fewer tasks are newer than their oldest: of
// millions that the agents remember only some thousands are sent.
//
//   Register.ended ──▶ WAITING ──no reports, credit──▶ ASKED ──last part──▶ known
//                         │                              │
//                         └── nothing of it is wanted    └── more than was asked for, or too late:
//                             any more: known                what comes then is not believed
//
// Thread rule: strand-confined.
#pragma once

#include "services/master/core/transaction.h"

namespace meros::master {

// The agent came into session and told what it remembers.
void AwaitHistory(Transaction* tx, Agent* agent, std::vector<EndedSummary> ended);
// Another agent may be asked, if it is time for that.
void AskForHistories(Transaction* tx);
void HandleEndedTasks(Transaction* tx, Agent* agent, AgentEndedTasks message);
// The stream has ended.
void EndHistory(Transaction* tx, StreamId stream);
// Time is over for an agent that was asked, or (stream 0) to look at more of those that wait.
void OnHistoryTimer(Transaction* tx, StreamId stream);

}  // namespace meros::master

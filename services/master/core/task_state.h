// The states of a task as the master sees them, and which may follow which.
//
//                 (1)          (2)           (3)
//    ── launch ─▶ STAGING ─▶ STARTING ─▶ RUNNING ─▶ KILLING
//                    │           │           │ ▲        │
//                    └───────────┴─────┬─────┘ │        │ (4)
//                                      ▼       │        ▼
//                          FINISHED FAILED KILLED ERROR LOST DROPPED GONE GONE_BY_OPERATOR
//                                      ▲       │
//             (5) agent lost           │ (6)   │
//    any but terminal ─▶ UNREACHABLE ──┴───────┘
//
//   (1) the master accepts a launch;  (2), (3), (4) the agent reports; it may skip states, repeat
//   RUNNING (health changes), and leave KILLING only for the end;  (5) the agent's loss is in the
//   registry; (6) the agent came back: the state that it reports counts, whatever it is.
//
// A terminal state is never left; a task that its agent reports again after it was forgotten or
// lost is a new entry in the books (transaction.h, AddReportedTask).
//
// Source: Mesos' task state reference. The table below is what a test compares with this picture.
// Thread rule: pure functions and constants; thread-safe.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "meros/v1/task.pb.h"

namespace meros::master {

struct TaskTransition {
  v1::TaskState from;
  v1::TaskState to;
};

// Every allowed change of a task's state, repetition of RUNNING included.
absl::Span<const TaskTransition> TaskTransitions();

// Whether `to` may follow `from`.
bool MayFollow(v1::TaskState from, v1::TaskState to);

// The state that a framework without PARTITION_AWARE is shown for one that only aware ones know.
v1::TaskState VisibleState(v1::TaskState state, bool partition_aware);

}  // namespace meros::master

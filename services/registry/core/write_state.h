// How writes reach the store, by group commit: one transaction is on its way at a time; writes that
// arrive meanwhile wait and go together in the next. So a lone write costs one sync, and under load
// one sync carries hundreds.
//
//   (1) IDLE       write            GATHERING   open until the end of the strand's batch
//   (2) GATHERING  close            WRITING     one transaction is in the store
//   (3) GATHERING  nothing          IDLE        all were refused, or changed nothing
//   (4) WRITING    committed        IDLE        answers go out; (1) again for what waited
//   (5) WRITING    failed           READ_ONLY   the batch and what waited are refused
//   (6) READ_ONLY  retry            IDLE        after store_retry_interval; the next write is a try
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace meros::registry {

enum class WriteState { kIdle, kGathering, kWriting, kReadOnly };
enum class WriteEvent { kWrite, kClose, kNothing, kCommitted, kFailed, kRetry };

struct WriteTransition {
  WriteState from;
  WriteEvent event;
  WriteState to;
};

// The arrows above; a test compares the two.
absl::Span<const WriteTransition> WriteTransitions();
absl::string_view WriteStateName(WriteState state);
absl::string_view WriteEventName(WriteEvent event);

}  // namespace meros::registry

// How writes reach the store, by group commit: one transaction is on its way at a time; writes that
// arrive meanwhile wait and go together in the next. So a lone write costs one sync, and under load
// one sync carries hundreds.
//
//   (1) IDLE       write            GATHERING   open until the end of the strand's batch
//   (2) GATHERING  close            WRITING     one transaction is in the store
//   (3) GATHERING  nothing          IDLE        all were refused, or changed nothing
//   (4) WRITING    committed        IDLE        answers go out; (1) again for what waited
//   (5) WRITING    failed           READ_ONLY   the batch and what waited are refused
//   (6) READ_ONLY  retry            PROBING     after store_retry_interval
//   (7) PROBING    committed        IDLE        the store takes writes again
//   (8) PROBING    failed           READ_ONLY
//
// A probe is a transaction that changes nothing but the revision, so that a registry of which
// nobody wants anything finds out, too. Writes are refused until one was durable: what says that
// writes are taken (readiness, metric, status) rests on a write that was.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace meros::registry {

enum class WriteState { kIdle, kGathering, kWriting, kReadOnly, kProbing };
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
// Whether writes are taken. Not after the store has failed, until it has taken a probe.
bool TakesWrites(WriteState state);

}  // namespace meros::registry

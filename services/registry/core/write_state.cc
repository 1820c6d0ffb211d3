#include "services/registry/core/write_state.h"

#include <cstddef>

namespace meros::registry {
namespace {

constexpr WriteTransition kTransitions[] = {
    {WriteState::kIdle, WriteEvent::kWrite, WriteState::kGathering},
    {WriteState::kGathering, WriteEvent::kClose, WriteState::kWriting},
    {WriteState::kGathering, WriteEvent::kNothing, WriteState::kIdle},
    {WriteState::kWriting, WriteEvent::kCommitted, WriteState::kIdle},
    {WriteState::kWriting, WriteEvent::kFailed, WriteState::kReadOnly},
    {WriteState::kReadOnly, WriteEvent::kRetry, WriteState::kProbing},
    {WriteState::kProbing, WriteEvent::kCommitted, WriteState::kIdle},
    {WriteState::kProbing, WriteEvent::kFailed, WriteState::kReadOnly},
};

}  // namespace

absl::Span<const WriteTransition> WriteTransitions() { return kTransitions; }

absl::string_view WriteStateName(WriteState state) {
  static constexpr absl::string_view kNames[] = {"IDLE", "GATHERING", "WRITING", "READ_ONLY",
                                                 "PROBING"};
  return kNames[static_cast<size_t>(state)];
}

absl::string_view WriteEventName(WriteEvent event) {
  static constexpr absl::string_view kNames[] = {"write",     "close",  "nothing",
                                                 "committed", "failed", "retry"};
  return kNames[static_cast<size_t>(event)];
}

bool TakesWrites(WriteState state) {
  return state != WriteState::kReadOnly && state != WriteState::kProbing;
}

}  // namespace meros::registry

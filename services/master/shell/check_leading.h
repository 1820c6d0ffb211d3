// Whether a master may answer questions about the cluster.
//
// Thread rule: pure function; thread-safe.
#pragma once

#include "absl/status/status.h"
#include "libs/base/leader_hint.h"
#include "services/master/core/effects.h"

namespace meros::master {

// Only a leader knows the cluster; one in doubt of its lease still knows what it knew.
inline absl::Status CheckLeading(const LeadershipRecord& leadership) {
  switch (leadership.state) {
    case LeadershipState::kLeading:
    case LeadershipState::kFenced:
      return absl::OkStatus();
    case LeadershipState::kRecovering:
      return absl::UnavailableError("the master is recovering, try again");
    case LeadershipState::kStopping:
      return absl::UnavailableError("the master stops");
    default:
      break;
  }
  return NotLeadingError(leadership.leader_address);
}

}  // namespace meros::master

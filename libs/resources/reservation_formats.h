// The two ways in which Mesos messages describe reservations.
//
//   before refinement   `role` ("*" if absent), and `reservation` if the reservation is dynamic
//   since refinement    `reservations`, bottom to top
//
// Both are accepted everywhere; inside there are only stacks (metadata.h).
// Thread rule: pure functions; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/resources/metadata.h"

namespace meros::resources {

// The reservation fields of a message as they were found.
struct ReservationFields {
  std::optional<std::string> role;
  // Principal and labels count; kind and role are implied by the fields around it.
  std::optional<Reservation> reservation;
  std::vector<Reservation> reservations;
};

// The stack that `fields` describe.
// ERRORS: InvalidArgument if a dynamic reservation is for "*", or if both formats are used and do
// not say the same (with two or more levels only the new one can be used).
absl::StatusOr<std::vector<Reservation>> ToStack(ReservationFields fields);

// The fields of the old format for a stack; nullopt if it cannot express it (two or more levels).
std::optional<ReservationFields> ToPreRefinement(const std::vector<Reservation>& stack);

}  // namespace meros::resources

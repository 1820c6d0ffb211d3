// The maintenance schedule as operators name and change it on the command line.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "meros/v1/maintenance/maintenance.pb.h"

namespace meros::cli {

// "HOSTNAME", "IP" or "HOSTNAME/IP". ERRORS: InvalidArgument.
absl::StatusOr<meros::v1::MachineID> ParseMachine(absl::string_view text);
std::string MachineText(const meros::v1::MachineID& machine);

// "now", "+90m" (from now) or "2030-01-31T22:00:00Z". ERRORS: InvalidArgument.
absl::StatusOr<absl::Time> ParseStart(absl::string_view text, absl::Time now);

// "2h30m"; not negative. ERRORS: InvalidArgument.
absl::StatusOr<absl::Duration> ParseLength(absl::string_view text);

// A schedule as JSON, as `meros maintenance schedule --json` prints it.
// ERRORS: InvalidArgument saying where it is wrong.
absl::StatusOr<meros::v1::maintenance::Schedule> ParseSchedule(const std::string& json);

// Takes the machines out of the schedule; windows that are empty then go. Nothing happens to
// machines that are not in it. Hostnames compare without regard to case.
void Unschedule(const std::vector<meros::v1::MachineID>& machines,
                meros::v1::maintenance::Schedule* schedule);

// Puts them into a window of their own, instead of those they are in.
void Schedule(const std::vector<meros::v1::MachineID>& machines,
              const meros::v1::Unavailability& unavailability,
              meros::v1::maintenance::Schedule* schedule);

// "2030-01-31T22:00:00Z", "2h30m" or "-" for an unknown length.
std::string StartText(const meros::v1::Unavailability& unavailability);
std::string LengthText(const meros::v1::Unavailability& unavailability);

}  // namespace meros::cli

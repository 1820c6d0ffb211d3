// Maintenance as operators send it, as far as the request alone can tell whether it makes sense.
//
// ERRORS of all: InvalidArgument with the path of the offending field.
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/wire/field_path.h"
#include "meros/v1/common.pb.h"
#include "meros/v1/maintenance/maintenance.pb.h"

namespace meros::wire {

// Machines of a schedule, and of a call that starts or stops maintenance.
inline constexpr int kMaxScheduledMachines = 10'000;
inline constexpr int kMaxMachinesPerCall = 1000;
// What a schedule may take, serialized: what every store keeps as one record.
inline constexpr size_t kMaxScheduleBytes = 900'000;

// At least one member is set.
struct Machine {
  std::string hostname;  // lower case; at most 253 letters, digits, '.', '-' and '_'
  std::string ip;        // IPv4

  friend auto operator<=>(const Machine&, const Machine&) = default;
};

struct MaintenanceWindow {
  std::vector<Machine> machines;  // not empty
  absl::Time start;
  absl::Duration duration;  // not negative; infinite: not known
};

absl::StatusOr<Machine> MachineFromProto(const v1::MachineID& message, const FieldPath& path);

// 1 to kMaxMachinesPerCall, each once; `name` is the field of the messages.
absl::StatusOr<std::vector<Machine>> MachinesFromProto(
    const google::protobuf::RepeatedPtrField<v1::MachineID>& messages, const FieldPath& path,
    absl::string_view name);

// Each machine is in one window.
absl::StatusOr<std::vector<MaintenanceWindow>> ScheduleFromProto(
    const v1::maintenance::Schedule& message, const FieldPath& path);

}  // namespace meros::wire

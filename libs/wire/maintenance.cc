#include "libs/wire/maintenance.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/strings/ascii.h"
#include "libs/base/status_macros.h"

namespace meros::wire {
namespace {

constexpr size_t kMaxHostnameBytes = 253;  // RFC 1035

bool IsHostname(const std::string& text) {
  return text.size() <= kMaxHostnameBytes && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' ||
                  c == '_';
         });
}

// Adds the machines of one list to those that are known.
absl::Status Collect(const google::protobuf::RepeatedPtrField<v1::MachineID>& messages,
                     const FieldPath& path, absl::string_view name, absl::btree_set<Machine>* known,
                     std::vector<Machine>* out) {
  if (messages.empty()) return path.Field(name).Fault("must not be empty");
  for (int i = 0; i < messages.size(); ++i) {
    const FieldPath item = path.Item(name, i);
    MEROS_ASSIGN_OR_RETURN(Machine machine, MachineFromProto(messages[i], item));
    if (!known->insert(machine).second) return item.Fault("the machine is named more than once");
    out->push_back(std::move(machine));
  }
  return absl::OkStatus();
}

absl::StatusOr<MaintenanceWindow> WindowFromProto(const v1::maintenance::Window& message,
                                                  const FieldPath& path,
                                                  absl::btree_set<Machine>* known) {
  MaintenanceWindow window;
  MEROS_RETURN_IF_ERROR(
      Collect(message.machine_ids(), path, "machine_ids", known, &window.machines));
  const FieldPath when = path.Field("unavailability");
  const v1::Unavailability& unavailability = message.unavailability();
  if (!unavailability.start().has_nanoseconds()) {
    return when.Field("start").Field("nanoseconds").Fault("must be set");
  }
  window.start = absl::FromUnixNanos(unavailability.start().nanoseconds());
  window.duration = absl::InfiniteDuration();
  if (unavailability.has_duration()) {
    const int64_t length = unavailability.duration().nanoseconds();
    if (length < 0) {
      const FieldPath duration = when.Field("duration");
      return duration.Field("nanoseconds").Fault("must not be negative, is ", length);
    }
    window.duration = absl::Nanoseconds(length);
  }
  return window;
}

}  // namespace

absl::StatusOr<Machine> MachineFromProto(const v1::MachineID& message, const FieldPath& path) {
  if (message.hostname().empty() && message.ip().empty()) {
    return path.Fault("must have a hostname or an ip");
  }
  if (!IsHostname(message.hostname())) {
    return path.Field("hostname")
        .Fault("must be a hostname of at most ", kMaxHostnameBytes, " bytes");
  }
  in_addr address;
  if (!message.ip().empty() && inet_pton(AF_INET, message.ip().c_str(), &address) != 1) {
    return path.Field("ip").Fault("must be an IPv4 address");
  }
  return Machine{absl::AsciiStrToLower(message.hostname()), message.ip()};
}

absl::StatusOr<std::vector<Machine>> MachinesFromProto(
    const google::protobuf::RepeatedPtrField<v1::MachineID>& messages, const FieldPath& path,
    absl::string_view name) {
  if (messages.size() > kMaxMachinesPerCall) {
    return path.Field(name).Fault("must have at most ", kMaxMachinesPerCall, " items, has ",
                                  messages.size());
  }
  absl::btree_set<Machine> known;
  std::vector<Machine> machines;
  MEROS_RETURN_IF_ERROR(Collect(messages, path, name, &known, &machines));
  return machines;
}

absl::StatusOr<std::vector<MaintenanceWindow>> ScheduleFromProto(
    const v1::maintenance::Schedule& message, const FieldPath& path) {
  absl::btree_set<Machine> known;
  std::vector<MaintenanceWindow> windows;
  for (int i = 0; i < message.windows_size(); ++i) {
    MEROS_ASSIGN_OR_RETURN(MaintenanceWindow window,
                           WindowFromProto(message.windows(i), path.Item("windows", i), &known));
    windows.push_back(std::move(window));
  }
  if (known.size() > kMaxScheduledMachines) {
    return path.Field("windows").Fault("must have at most ", kMaxScheduledMachines,
                                       " machines together, have ", known.size());
  }
  if (message.ByteSizeLong() > kMaxScheduleBytes) {
    return path.Fault("must have at most ", kMaxScheduleBytes, " bytes, has ",
                      message.ByteSizeLong());
  }
  return windows;
}

}  // namespace meros::wire

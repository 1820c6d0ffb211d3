#include "cli/schedule.h"

#include <arpa/inet.h>
#include <google/protobuf/util/json_util.h>
#include <netinet/in.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace meros::cli {
namespace {

using meros::v1::MachineID;
using meros::v1::Unavailability;
using meros::v1::maintenance::Window;

bool IsAddress(absl::string_view text) {
  in_addr address;
  return inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

bool IsSame(const MachineID& a, const MachineID& b) {
  return absl::EqualsIgnoreCase(a.hostname(), b.hostname()) && a.ip() == b.ip();
}

}  // namespace

absl::StatusOr<MachineID> ParseMachine(absl::string_view text) {
  const size_t slash = text.find('/');
  const absl::string_view host = slash == text.npos && IsAddress(text) ? "" : text.substr(0, slash);
  const absl::string_view ip = host.empty() && slash == text.npos ? text
                               : slash == text.npos               ? absl::string_view()
                                                                  : text.substr(slash + 1);
  if (text.empty() || (slash != text.npos && !IsAddress(ip))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "machine '", text, "': expected HOSTNAME, IP or HOSTNAME/IP, the address being IPv4"));
  }
  MachineID machine;
  if (!host.empty()) machine.set_hostname(std::string(host));
  if (!ip.empty()) machine.set_ip(std::string(ip));
  return machine;
}

std::string MachineText(const MachineID& machine) {
  if (machine.hostname().empty()) return machine.ip();
  if (machine.ip().empty()) return machine.hostname();
  return absl::StrCat(machine.hostname(), "/", machine.ip());
}

absl::StatusOr<absl::Time> ParseStart(absl::string_view text, absl::Time now) {
  if (text == "now") return now;
  absl::Duration later;
  if (absl::StartsWith(text, "+") && absl::ParseDuration(text.substr(1), &later) &&
      later >= absl::ZeroDuration() && later < absl::InfiniteDuration()) {
    return now + later;
  }
  absl::Time time;
  std::string why;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &why) && time > absl::InfinitePast() &&
      time < absl::InfiniteFuture()) {
    return time;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "start '", text, "': expected now, +DURATION as +90m, or a time as 2030-01-31T22:00:00Z"));
}

absl::StatusOr<absl::Duration> ParseLength(absl::string_view text) {
  absl::Duration length;
  if (absl::ParseDuration(text, &length) && length >= absl::ZeroDuration() &&
      length < absl::InfiniteDuration()) {
    return length;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("duration '", text, "': expected one as 90m or 2h30m"));
}

absl::StatusOr<meros::v1::maintenance::Schedule> ParseSchedule(const std::string& json) {
  meros::v1::maintenance::Schedule schedule;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &schedule);
  if (status.ok()) return schedule;
  return absl::InvalidArgumentError(
      absl::StrCat("the schedule cannot be read: ", status.ToString()));
}

void Unschedule(const std::vector<MachineID>& machines,
                meros::v1::maintenance::Schedule* schedule) {
  meros::v1::maintenance::Schedule left;
  for (Window& window : *schedule->mutable_windows()) {
    Window kept;
    for (const MachineID& machine : window.machine_ids()) {
      const bool is_named = std::any_of(machines.begin(), machines.end(),
                                        [&](const MachineID& m) { return IsSame(m, machine); });
      if (!is_named) *kept.add_machine_ids() = machine;
    }
    if (kept.machine_ids().empty()) continue;
    kept.mutable_unavailability()->Swap(window.mutable_unavailability());
    *left.add_windows() = std::move(kept);
  }
  schedule->Swap(&left);
}

void Schedule(const std::vector<MachineID>& machines, const Unavailability& unavailability,
              meros::v1::maintenance::Schedule* schedule) {
  Unschedule(machines, schedule);
  Window* window = schedule->add_windows();
  for (const MachineID& machine : machines) *window->add_machine_ids() = machine;
  *window->mutable_unavailability() = unavailability;
}

std::string StartText(const Unavailability& unavailability) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ",
                          absl::FromUnixNanos(unavailability.start().nanoseconds()),
                          absl::UTCTimeZone());
}

std::string LengthText(const Unavailability& unavailability) {
  if (!unavailability.has_duration()) return "-";
  return absl::FormatDuration(absl::Nanoseconds(unavailability.duration().nanoseconds()));
}

}  // namespace meros::cli

#include "services/containerizer/core/validation.h"

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace meros::containerizer {
namespace {

constexpr uint64_t kCpuMillisMax = 1000 * 1000 * 1000;  // a million cpus
constexpr uint64_t kBytesMax = uint64_t{1} << 60;       // an exbibyte
constexpr uint64_t kCpuLimitMillisMin = 10;             // the kernel's least quota, 1 ms per 100 ms
constexpr uint64_t kMemoryLimitBytesMin = 1 << 20;      // less does not even start meros-init
constexpr uint64_t kPidsLimitMin = 3;                   // meros-init, the command and one child
constexpr uint64_t kPidsLimitMax = 4 << 20;             // PID_MAX_LIMIT of 64-bit kernels
constexpr size_t kHostnameBytesMax = 64;                // HOST_NAME_MAX
constexpr uint32_t kSigStop = 19;

absl::Status Invalid(absl::string_view field, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(field, " ", what));
}

bool HasZero(absl::string_view text) { return absl::StrContains(text, absl::string_view("\0", 1)); }

absl::Status ValidateCommand(const v1::Command& command) {
  if (command.value().empty()) return Invalid("spec.command.value", "is missing");
  if (HasZero(command.value())) return Invalid("spec.command.value", "holds a zero byte");
  if (command.shell() && command.arguments_size() > 0) {
    return Invalid("spec.command.arguments", "must be empty with shell");
  }
  for (const std::string& argument : command.arguments()) {
    if (HasZero(argument)) return Invalid("spec.command.arguments", "holds a zero byte");
  }
  return absl::OkStatus();
}

absl::Status ValidateEnvironment(const v1::LaunchSpec& spec) {
  size_t bytes = spec.command().value().size();
  for (const std::string& argument : spec.command().arguments()) bytes += argument.size() + 1;
  for (const v1::EnvironmentVariable& variable : spec.environment()) {
    if (variable.name().empty() || absl::StrContains(variable.name(), "=") ||
        HasZero(variable.name())) {
      return Invalid("spec.environment.name", absl::StrCat("'", variable.name(), "' is no name"));
    }
    if (HasZero(variable.value())) return Invalid("spec.environment.value", "holds a zero byte");
    bytes += variable.name().size() + variable.value().size() + 2;
  }
  if (bytes > kCommandBytesMax) {
    return Invalid("spec.environment", absl::StrCat("and command have ", bytes,
                                                    " bytes, more than ", kCommandBytesMax));
  }
  return absl::OkStatus();
}

absl::Status ValidatePaths(const v1::LaunchSpec& spec) {
  if (!absl::StartsWith(spec.sandbox_directory(), "/") || HasZero(spec.sandbox_directory())) {
    return Invalid("spec.sandbox_directory", "is no absolute path");
  }
  for (const std::string* path : {&spec.stdout_path(), &spec.stderr_path()}) {
    if (absl::StartsWith(*path, "/") || HasZero(*path)) {
      return Invalid("spec.stdout_path or spec.stderr_path", "is not relative to the sandbox");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateRlimits(const v1::LaunchSpec& spec) {
  std::set<int> seen;
  for (const v1::Rlimit& limit : spec.rlimits()) {
    if (!v1::Rlimit::Type_IsValid(limit.type()) || limit.type() == v1::Rlimit::TYPE_UNSPECIFIED) {
      return Invalid("spec.rlimits.type", absl::StrCat(limit.type(), " is unknown"));
    }
    if (!seen.insert(limit.type()).second) {
      return Invalid("spec.rlimits.type",
                     absl::StrCat(v1::Rlimit::Type_Name(limit.type()), " is there twice"));
    }
    if (limit.has_soft() != limit.has_hard()) {
      return Invalid("spec.rlimits", "needs both soft and hard, or neither");
    }
    if (limit.soft() > limit.hard()) return Invalid("spec.rlimits.soft", "is above hard");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateContainerId(absl::string_view id) {
  if (id.empty()) return Invalid("container_id", "is missing");
  if (id.size() > kContainerIdBytesMax) {
    return Invalid("container_id",
                   absl::StrCat("has ", id.size(), " bytes, more than ", kContainerIdBytesMax));
  }
  for (const char c : id) {
    if (c == '/' || c == '\\' || c == '.' || c == ' ' || static_cast<unsigned char>(c) < 0x20 ||
        c == 0x7f) {
      return Invalid("container_id", "holds '/', '\\', '.', a space or a control character");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateResources(const v1::ContainerResources& resources) {
  if (resources.cpu_request_millis() > kCpuMillisMax ||
      resources.cpu_limit_millis() > kCpuMillisMax) {
    return Invalid("resources.cpu_request_millis or cpu_limit_millis", "is above a million cpus");
  }
  if (resources.cpu_limit_millis() != 0 && resources.cpu_limit_millis() < kCpuLimitMillisMin) {
    return Invalid("resources.cpu_limit_millis",
                   absl::StrCat("is below ", kCpuLimitMillisMin, ", the least the kernel can do"));
  }
  if (resources.memory_request_bytes() > kBytesMax || resources.memory_limit_bytes() > kBytesMax) {
    return Invalid("resources.memory_request_bytes or memory_limit_bytes", "is above an exbibyte");
  }
  if (resources.memory_limit_bytes() != 0 &&
      resources.memory_limit_bytes() < kMemoryLimitBytesMin) {
    return Invalid("resources.memory_limit_bytes", "is below one mebibyte");
  }
  const uint64_t pids = resources.pids_limit();
  if (pids != 0 && (pids < kPidsLimitMin || pids > kPidsLimitMax)) {
    return Invalid("resources.pids_limit",
                   absl::StrCat(pids, " is not in ", kPidsLimitMin, " to ", kPidsLimitMax));
  }
  return absl::OkStatus();
}

absl::Status ValidateLaunch(const v1::LaunchSpec& spec) {
  MEROS_RETURN_IF_ERROR(ValidateContainerId(spec.container_id()));
  MEROS_RETURN_IF_ERROR(ValidateCommand(spec.command()));
  MEROS_RETURN_IF_ERROR(ValidateEnvironment(spec));
  MEROS_RETURN_IF_ERROR(ValidatePaths(spec));
  MEROS_RETURN_IF_ERROR(ValidateResources(spec.resources()));
  MEROS_RETURN_IF_ERROR(ValidateRlimits(spec));
  if (spec.namespaces().pid() && !spec.namespaces().mount()) {
    return Invalid("spec.namespaces.pid", "needs mount, for a /proc of its own");
  }
  if (spec.hostname().size() > kHostnameBytesMax || HasZero(spec.hostname())) {
    return Invalid("spec.hostname", "has more than 64 bytes or a zero byte");
  }
  if (HasZero(spec.user())) return Invalid("spec.user", "holds a zero byte");
  return absl::OkStatus();
}

absl::Status ValidateSignal(uint32_t signal) {
  if (signal < 1 || signal > 64 || signal == kSigStop || signal == 32 || signal == 33) {
    return Invalid("signal", absl::StrCat(signal, " cannot be handed to a command"));
  }
  return absl::OkStatus();
}

}  // namespace meros::containerizer

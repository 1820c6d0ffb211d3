#include "services/containerizer/shell/init_plan.h"

#include <sys/resource.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/containerizer/shell/users.h"

namespace meros::containerizer {
namespace {

constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

int ResourceOf(v1::Rlimit::Type type) {
  switch (type) {
    case v1::Rlimit::AS:
      return RLIMIT_AS;
    case v1::Rlimit::CORE:
      return RLIMIT_CORE;
    case v1::Rlimit::CPU:
      return RLIMIT_CPU;
    case v1::Rlimit::DATA:
      return RLIMIT_DATA;
    case v1::Rlimit::FSIZE:
      return RLIMIT_FSIZE;
    case v1::Rlimit::MEMLOCK:
      return RLIMIT_MEMLOCK;
    case v1::Rlimit::MSGQUEUE:
      return RLIMIT_MSGQUEUE;
    case v1::Rlimit::NICE:
      return RLIMIT_NICE;
    case v1::Rlimit::NPROC:
      return RLIMIT_NPROC;
    case v1::Rlimit::RSS:
      return RLIMIT_RSS;
    case v1::Rlimit::RTPRIO:
      return RLIMIT_RTPRIO;
    case v1::Rlimit::RTTIME:
      return RLIMIT_RTTIME;
    case v1::Rlimit::SIGPENDING:
      return RLIMIT_SIGPENDING;
    case v1::Rlimit::STACK:
      return RLIMIT_STACK;
    default:
      return RLIMIT_NOFILE;
  }
}

std::vector<std::string> EnvironmentOf(const v1::LaunchSpec& spec) {
  std::map<std::string, std::string> variables = {{"PATH", kDefaultPath}};
  for (const v1::EnvironmentVariable& variable : spec.environment()) {
    variables[variable.name()] = variable.value();
  }
  std::vector<std::string> entries;
  for (const auto& [name, value] : variables) entries.push_back(absl::StrCat(name, "=", value));
  return entries;
}

}  // namespace

absl::StatusOr<InitRequest> MakeInitRequest(const v1::LaunchSpec& spec,
                                            const os::OpenFilesLimit& open_files) {
  InitRequest request;
  MEROS_ASSIGN_OR_RETURN(request.user, ResolveUser(spec.user()));
  const v1::Command& command = spec.command();
  if (command.shell()) {
    request.program = "/bin/sh";
    request.arguments = {"sh", "-c", command.value()};
  } else {
    request.program = command.value();
    request.arguments.assign(command.arguments().begin(), command.arguments().end());
    if (request.arguments.empty()) request.arguments = {command.value()};
  }
  request.environment = EnvironmentOf(spec);
  request.sandbox = spec.sandbox_directory();
  // A later entry of the same kind wins.
  request.rlimits.push_back({RLIMIT_NOFILE, 0, open_files.soft, open_files.hard});
  for (const v1::Rlimit& limit : spec.rlimits()) {
    request.rlimits.push_back({ResourceOf(limit.type()), 0,
                               limit.has_soft() ? limit.soft() : UINT64_MAX,
                               limit.has_hard() ? limit.hard() : UINT64_MAX});
  }
  return request;
}

}  // namespace meros::containerizer

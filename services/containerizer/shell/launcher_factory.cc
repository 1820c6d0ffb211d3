#include "services/containerizer/shell/launcher_factory.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/containerizer/shell/isolators/isolators.h"

namespace meros::containerizer {
namespace {

absl::StatusOr<Isolation> MakeLinux(const std::string& cgroups_root, os::FdWatcher* watcher) {
  if (::geteuid() != 0) return absl::FailedPreconditionError("the linux launcher needs root");
  absl::StatusOr<std::unique_ptr<os::Cgroups>> cgroups = os::DetectCgroups(cgroups_root);
  if (!cgroups.ok()) return cgroups.status();
  Isolation linux_isolation;
  linux_isolation.kind = v1::LAUNCHER_LINUX;
  linux_isolation.cgroups = *std::move(cgroups);
  os::Cgroups* const groups = linux_isolation.cgroups.get();
  linux_isolation.isolators.push_back(MakeMembershipIsolator(groups));
  linux_isolation.isolators.push_back(MakeMemoryIsolator(groups, watcher));
  linux_isolation.isolators.push_back(MakeCpuIsolator(groups));
  linux_isolation.isolators.push_back(MakePidsIsolator(groups));
  linux_isolation.isolators.push_back(MakeNamespacesIsolator());
  return linux_isolation;
}

}  // namespace

absl::StatusOr<Isolation> ChooseIsolation(const std::string& wanted,
                                          const std::string& cgroups_root, os::FdWatcher* watcher) {
  if (wanted != "auto" && wanted != "linux" && wanted != "posix") {
    return absl::InvalidArgumentError(
        absl::StrCat("launcher '", wanted, "' is none of auto, linux, posix"));
  }
  Isolation posix;
  posix.kind = v1::LAUNCHER_POSIX;
  posix.why = "it was asked for";
  if (wanted == "posix") return posix;
  absl::StatusOr<Isolation> isolation = MakeLinux(cgroups_root, watcher);
  if (isolation.ok() || wanted == "linux") return isolation;
  posix.why = std::string(isolation.status().message());
  return posix;
}

}  // namespace meros::containerizer

#include "services/containerizer/shell/launcher_factory.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/containerizer/shell/isolators/isolators.h"

namespace meros::containerizer {
namespace {

// Root in somebody else's container often has cgroups, but may not make namespaces.
bool MayMakeNamespaces() {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, sets) != 0) return false;
  return (sets[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN)) != 0;
}

absl::StatusOr<std::unique_ptr<os::Cgroups>> UsableCgroups(const std::string& cgroups_root) {
  if (::geteuid() != 0) return absl::FailedPreconditionError("the linux launcher needs root");
  if (!MayMakeNamespaces()) {
    return absl::FailedPreconditionError("the linux launcher needs the capability CAP_SYS_ADMIN");
  }
  return os::DetectCgroups(cgroups_root);
}

absl::StatusOr<Isolation> MakeLinux(std::unique_ptr<os::Cgroups> cgroups, os::FdWatcher* watcher) {
  Isolation linux_isolation;
  linux_isolation.kind = v1::LAUNCHER_LINUX;
  linux_isolation.cgroups = std::move(cgroups);
  os::Cgroups* const groups = linux_isolation.cgroups.get();
  MEROS_ASSIGN_OR_RETURN(linux_isolation.cgroups_claim, groups->ClaimRoot());
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
  absl::StatusOr<std::unique_ptr<os::Cgroups>> cgroups = UsableCgroups(cgroups_root);
  if (cgroups.ok()) return MakeLinux(*std::move(cgroups), watcher);
  if (wanted == "linux") return cgroups.status();
  posix.why = std::string(cgroups.status().message());
  return posix;
}

}  // namespace meros::containerizer

#include "libs/linux/safe_open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace meros::os {

absl::StatusOr<UniqueFd> OpenBeneath(int directory_fd, const std::string& path, int flags,
                                     mode_t mode, Links links) {
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = links == Links::kRefuse ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
                                        : RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  // EAGAIN: a component moved during the walk and the kernel could not tell whether the path still
  // stays inside. It asks to try again; eight tries because only an attacker makes it fail twice.
  for (int tries = 0; tries < 8; ++tries) {
    const long fd = ::syscall(SYS_openat2, directory_fd, path.c_str(), &how, sizeof(how));
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  if (errno == EXDEV || errno == ELOOP) {
    return absl::PermissionDeniedError(
        absl::StrCat("path '", path, "' leads out of its directory or through a symbolic link"));
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot open '", path, "'"));
}

absl::StatusOr<UniqueFd> OpenForAppend(int directory_fd, const std::string& path) {
  MEROS_ASSIGN_OR_RETURN(
      UniqueFd fd,
      OpenBeneath(directory_fd, path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0644,
                  Links::kRefuse));
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot stat '", path, "'"));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("'", path, "' is no regular file"));
  }
  ::fcntl(fd.get(), F_SETFL, O_APPEND);
  return fd;
}

}  // namespace meros::os

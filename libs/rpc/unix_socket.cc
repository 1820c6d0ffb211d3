#include "libs/rpc/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace meros::rpc {
namespace {

bool SomeoneListens(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_un address = {.sun_family = AF_UNIX};
  std::memcpy(address.sun_path, path.data(), path.size());
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return connected;
}

}  // namespace

absl::Status PrepareUnixSocket(const std::string& path) {
  if (path.empty() || path[0] != '/') {
    return absl::InvalidArgumentError(absl::StrCat("socket path '", path, "' must be absolute"));
  }
  if (path.size() > kUnixPathBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("socket path must be at most ",
                                                   kUnixPathBytesMax, " bytes, got ", path.size(),
                                                   ": ", path));
  }
  const std::string parent = path.substr(0, std::max<size_t>(1, path.rfind('/')));
  if (access(parent.c_str(), W_OK | X_OK) != 0) {
    const std::string text =
        absl::StrCat("cannot create a socket in ", parent, ": ", std::strerror(errno));
    return errno == ENOENT ? absl::NotFoundError(text) : absl::PermissionDeniedError(text);
  }
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return absl::OkStatus();
  if (!S_ISSOCK(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, S_ISDIR(info.st_mode) ? " is a directory" : " is not a socket", ", not replacing it"));
  }
  if (SomeoneListens(path)) {
    return absl::AlreadyExistsError(absl::StrCat("another process listens on ", path));
  }
  if (unlink(path.c_str()) != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot remove the stale socket ", path, ": ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace meros::rpc

#include "services/agent/shell/sandbox_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/linux/safe_open.h"

namespace meros::agent {
namespace {

// A path that leads out is the caller's mistake, or worse; not a matter of permissions here.
absl::Status AsPathError(const absl::Status& status) {
  if (!absl::IsPermissionDenied(status)) return status;
  return absl::InvalidArgumentError(status.message());
}

// Opens below the sandbox. O_NONBLOCK: a pipe without a writer must not hold us.
absl::StatusOr<os::UniqueFd> Open(const std::string& sandbox, const std::string& path, int flags) {
  if (path.size() > kSandboxPathBytesMax || path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("the path is too long or holds a zero byte");
  }
  os::UniqueFd directory(::open(sandbox.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!directory.valid()) return absl::NotFoundError("the sandbox is gone");
  // Empty, and "/" of a path that was written as absolute, mean the sandbox itself.
  std::string relative = path;
  while (!relative.empty() && relative.front() == '/') relative.erase(0, 1);
  if (relative.empty()) relative = ".";
  for (size_t at = 0; at <= relative.size();) {
    const size_t end = std::min(relative.find('/', at), relative.size());
    if (relative.compare(at, end - at, "..") == 0) {
      return absl::InvalidArgumentError(absl::StrCat("'", path, "' holds '..'"));
    }
    at = end + 1;
  }
  auto fd = os::OpenBeneath(directory.get(), relative, flags | O_NONBLOCK | O_NOCTTY, 0,
                            os::Links::kResolveInRoot);
  if (!fd.ok()) return AsPathError(fd.status());
  return std::move(*fd);
}

std::string UserName(uid_t uid) {
  struct passwd entry;
  struct passwd* found = nullptr;
  char buffer[4096];
  if (::getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found != nullptr) {
    return found->pw_name;
  }
  return absl::StrCat(uid);
}

std::string GroupName(gid_t gid) {
  struct group entry;
  struct group* found = nullptr;
  char buffer[4096];
  if (::getgrgid_r(gid, &entry, buffer, sizeof(buffer), &found) == 0 && found != nullptr) {
    return found->gr_name;
  }
  return absl::StrCat(gid);
}

void Fill(const struct stat& status, v1::FileInfo* info) {
  info->set_nlink(static_cast<int32_t>(status.st_nlink));
  info->set_size(static_cast<uint64_t>(status.st_size));
  info->mutable_mtime()->set_nanoseconds(absl::ToUnixNanos(absl::TimeFromTimespec(status.st_mtim)));
  info->set_mode(status.st_mode);
  info->set_uid(UserName(status.st_uid));
  info->set_gid(GroupName(status.st_gid));
}

}  // namespace

absl::StatusOr<os::UniqueFd> OpenSandboxFile(const std::string& sandbox, const std::string& path) {
  MEROS_ASSIGN_OR_RETURN(os::UniqueFd fd, Open(sandbox, path, O_RDONLY));
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) return absl::ErrnoToStatus(errno, path);
  if (!S_ISREG(status.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("'", path, "' is not a regular file"));
  }
  return fd;
}

absl::StatusOr<std::string> ReadAt(int fd, uint64_t offset, uint64_t bytes_max) {
  std::string data(bytes_max, '\0');
  size_t done = 0;
  while (done < data.size()) {
    const ssize_t bytes =
        ::pread(fd, &data[done], data.size() - done, static_cast<off_t>(offset + done));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return absl::ErrnoToStatus(errno, "reading a file of the sandbox");
    if (bytes == 0) break;
    done += static_cast<size_t>(bytes);
  }
  data.resize(done);
  return data;
}

absl::StatusOr<v1::agent::ReadFileResponse> ReadSandboxFile(const std::string& sandbox,
                                                            const std::string& path,
                                                            uint64_t offset, uint64_t length) {
  MEROS_ASSIGN_OR_RETURN(os::UniqueFd fd, OpenSandboxFile(sandbox, path));
  if (offset > static_cast<uint64_t>(INT64_MAX) - kReadBytesMax) {
    return absl::InvalidArgumentError("the offset is out of range");
  }
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) return absl::ErrnoToStatus(errno, path);
  v1::agent::ReadFileResponse response;
  MEROS_ASSIGN_OR_RETURN(*response.mutable_data(),
                         ReadAt(fd.get(), offset, std::min(length, kReadBytesMax)));
  response.set_size(static_cast<uint64_t>(status.st_size));
  return response;
}

absl::StatusOr<v1::agent::BrowseFilesResponse> BrowseSandbox(const std::string& sandbox,
                                                             const std::string& path) {
  MEROS_ASSIGN_OR_RETURN(os::UniqueFd fd, Open(sandbox, path, O_RDONLY));
  struct stat own;
  if (::fstat(fd.get(), &own) != 0) return absl::ErrnoToStatus(errno, path);
  if (!S_ISDIR(own.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("'", path, "' is not a directory"));
  }
  DIR* directory = ::fdopendir(fd.Release());
  if (directory == nullptr) return absl::ErrnoToStatus(errno, path);
  v1::agent::BrowseFilesResponse response;
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() == kBrowseEntriesMax) {
      response.set_truncated(true);
      break;
    }
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    struct stat status;
    if (::fstatat(::dirfd(directory), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    v1::FileInfo* info = response.add_files();
    info->set_path(path.empty() ? name : absl::StrCat(path, "/", name));
    Fill(status, info);
  }
  ::closedir(directory);
  return response;
}

}  // namespace meros::agent

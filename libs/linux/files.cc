#include "libs/linux/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/linux/unique_fd.h"

namespace meros::os {
namespace {

absl::Status FromErrno(absl::string_view doing, absl::string_view path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", doing, " ", path));
}

absl::Status WriteAll(int fd, absl::string_view contents, absl::string_view path) {
  while (!contents.empty()) {
    const ssize_t written = ::write(fd, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FromErrno("write", path);
    contents.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

constexpr int kTreeDepthMax = 32;

absl::Status RemoveEntries(int directory_fd, dev_t device, const std::string& path, int depth);

absl::Status RemoveEntry(int parent_fd, const char* name, dev_t device, const std::string& path,
                         int depth) {
  if (::unlinkat(parent_fd, name, 0) == 0 || errno == ENOENT) return absl::OkStatus();
  if (errno != EISDIR && errno != EPERM) return FromErrno("delete", path);
  const int fd = ::openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return FromErrno("open directory", path);
  MEROS_RETURN_IF_ERROR(RemoveEntries(fd, device, path, depth + 1));
  if (::unlinkat(parent_fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return FromErrno("delete directory", path);
  }
  return absl::OkStatus();
}

// Takes over `directory_fd`.
absl::Status RemoveEntries(int directory_fd, dev_t device, const std::string& path, int depth) {
  struct stat info;
  DIR* const directory = ::fdopendir(directory_fd);
  if (directory == nullptr) {
    ::close(directory_fd);
    return FromErrno("read directory", path);
  }
  absl::Status status;
  if (depth > kTreeDepthMax) {
    status = absl::ResourceExhaustedError(absl::StrCat(path, " is nested too deeply"));
  } else if (::fstat(directory_fd, &info) != 0 || info.st_dev != device) {
    status = absl::FailedPreconditionError(absl::StrCat(path, " is on another file system"));
  }
  while (status.ok()) {
    const struct dirent* entry = ::readdir(directory);
    if (entry == nullptr) break;
    const absl::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    status = RemoveEntry(directory_fd, entry->d_name, device, absl::StrCat(path, "/", name), depth);
  }
  ::closedir(directory);
  return status;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t bytes_max) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return FromErrno("open", path);
  std::string contents;
  char buffer[4096];
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FromErrno("read", path);
    if (got == 0) return contents;
    contents.append(buffer, static_cast<size_t>(got));
    if (contents.size() > bytes_max) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, " is larger than ", bytes_max, " bytes"));
    }
  }
}

absl::StatusOr<uint64_t> ReadNumber(const std::string& path) {
  MEROS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  const absl::string_view word = absl::StripAsciiWhitespace(text);
  uint64_t number = 0;
  if (word == "max") return UINT64_MAX;
  if (!absl::SimpleAtoi(word, &number)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " holds '", word, "', not a number"));
  }
  return number;
}

absl::StatusOr<uint64_t> ReadKeyedNumber(const std::string& path, absl::string_view key) {
  MEROS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::ConsumePrefix(&line, key) || !absl::ConsumePrefix(&line, " ")) continue;
    uint64_t number = 0;
    if (absl::SimpleAtoi(line, &number)) return number;
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", key, " is '", line, "'"));
  }
  return absl::NotFoundError(absl::StrCat(path, " has no line '", key, "'"));
}

absl::Status WriteControl(const std::string& path, absl::string_view value) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return FromErrno("open", path);
  if (::write(fd.get(), value.data(), value.size()) < 0) {
    return FromErrno(absl::StrCat("write '", value, "' to"), path);
  }
  return absl::OkStatus();
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view contents,
                                 Durability durability) {
  static std::atomic<uint64_t> serial{0};
  const std::string temporary = absl::StrCat(path, ".", ::getpid(), ".", ++serial, ".tmp");
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return FromErrno("create", temporary);
  absl::Status status = WriteAll(fd.get(), contents, temporary);
  if (status.ok() && durability == Durability::kPowerLoss && ::fsync(fd.get()) != 0) {
    status = FromErrno("sync", temporary);
  }
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = FromErrno("rename to", path);
  }
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  return durability == Durability::kPowerLoss ? SyncDirectory(ParentOf(path)) : absl::OkStatus();
}

absl::Status RenameDurably(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
    return FromErrno("rename to", to);
  }
  return SyncDirectory(ParentOf(to));
}

absl::Status SyncDirectory(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return FromErrno("open directory", path);
  // Some file systems do not sync directories; they say so by EINVAL.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return FromErrno("sync directory", path);
  return absl::OkStatus();
}

absl::Status MakeDirectories(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return absl::OkStatus();
  if (errno == EEXIST) {
    if (IsDirectory(path)) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(path, " exists and is no directory"));
  }
  if (errno != ENOENT || path.find('/', 1) == std::string::npos) {
    return FromErrno("create directory", path);
  }
  MEROS_RETURN_IF_ERROR(MakeDirectories(ParentOf(path), mode));
  if (::mkdir(path.c_str(), mode) == 0 || (errno == EEXIST && IsDirectory(path))) {
    return absl::OkStatus();
  }
  return FromErrno("create directory", path);
}

absl::Status RemoveTree(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : FromErrno("delete", path);
  }
  return RemoveEntry(AT_FDCWD, path.c_str(), info.st_dev, path, 0);
}

absl::Status LockExclusively(int fd, absl::Duration wait) {
  constexpr absl::Duration kPoll = absl::Milliseconds(5);
  for (absl::Duration waited; ::flock(fd, LOCK_EX | LOCK_NB) != 0; waited += kPoll) {
    if (errno != EWOULDBLOCK && errno != EINTR) return absl::ErrnoToStatus(errno, "cannot lock");
    if (waited >= wait) return absl::FailedPreconditionError("it is locked by another process");
    absl::SleepFor(kPoll);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path) {
  DIR* const directory = ::opendir(path.c_str());
  if (directory == nullptr) return FromErrno("read directory", path);
  std::vector<std::string> names;
  while (const struct dirent* entry = ::readdir(directory)) {
    const absl::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  ::closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

bool IsDirectory(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace meros::os

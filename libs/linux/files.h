// Small files: control files of the kernel, and records that must survive the death of their
// writer. Errors carry the path and the errno text; no function here follows a path that a user
// names (see safe_open.h for that).
//
// Thread rule: thread-safe, as far as the file system is.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace meros::os {

// Reads a whole file of at most `bytes_max` bytes.
// ERRORS: NotFound; ResourceExhausted when it is larger; else by errno.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t bytes_max = 1 << 20);

// Reads a file that holds one unsigned number. "max" reads as UINT64_MAX.
// ERRORS: as ReadFile; InvalidArgument when it is no number.
absl::StatusOr<uint64_t> ReadNumber(const std::string& path);

// The number after `key` in a file of "key value" lines, such as memory.stat.
// ERRORS: as ReadNumber; NotFound when there is no such line.
absl::StatusOr<uint64_t> ReadKeyedNumber(const std::string& path, absl::string_view key);

// Writes `value` to an existing file by one write(2), as kernel control files want it.
absl::Status WriteControl(const std::string& path, absl::string_view value);

// What a written record has to survive.
enum class Durability {
  kProcessCrash,  // the writer; costs no disk access
  kPowerLoss,     // the machine: file and directory are synced
};

// Replaces `path` by a file that holds `contents`, mode 0600: readers see the old file or the whole
// new one, never a part. The temporary file lies beside it, so the directory must be writable.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view contents,
                                 Durability durability);

// Gives a file, whose contents are synced, its final name, which must be free; survives power loss.
// ERRORS: AlreadyExists; else by errno.
absl::Status RenameDurably(const std::string& from, const std::string& to);

// What was created, renamed or deleted in the directory survives power loss from now on.
absl::Status SyncDirectory(const std::string& path);

// Creates a directory and its parents; an existing directory is fine.
// ERRORS: FailedPrecondition when something in the way is no directory; else by errno.
absl::Status MakeDirectories(const std::string& path, mode_t mode = 0755);

// Deletes a directory and what is in it, without following symbolic links or crossing into another
// file system. A missing directory is fine. At most 32 levels deep.
absl::Status RemoveTree(const std::string& path);

// Takes an exclusive flock(2) on an open file or directory; released when it is closed everywhere.
// A child that a killed owner was just creating may hold it for some milliseconds more, hence the
// wait.
// ERRORS: FailedPrecondition when it is still held by another after `wait`.
absl::Status LockExclusively(int fd, absl::Duration wait);

// Names in a directory, sorted, without "." and "..".
absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path);

bool IsDirectory(const std::string& path);

}  // namespace meros::os

#include "services/containerizer/shell/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "libs/linux/files.h"

namespace meros::containerizer {
namespace {

// A launch is at most 1 MiB of command and environment, and little else.
constexpr size_t kRecordBytesMax = 4 << 20;

template <typename Message>
absl::StatusOr<Message> ReadMessage(const std::string& path) {
  MEROS_ASSIGN_OR_RETURN(const std::string bytes, os::ReadFile(path, kRecordBytesMax));
  Message message;
  if (bytes.empty() || !message.ParseFromString(bytes)) {
    return absl::DataLossError(absl::StrCat(path, " cannot be understood"));
  }
  return message;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Records>> Records::Open(const std::string& runtime_dir) {
  MEROS_RETURN_IF_ERROR(os::MakeDirectories(absl::StrCat(runtime_dir, "/containers"), 0700));
  const std::string path = absl::StrCat(runtime_dir, "/lock");
  os::UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot create ", path));
  if (const absl::Status locked = os::LockExclusively(lock.get(), absl::Seconds(1)); !locked.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("another containerizer uses runtime directory ", runtime_dir));
  }
  return std::unique_ptr<Records>(new Records(runtime_dir, std::move(lock)));
}

Records::Records(std::string runtime_dir, os::UniqueFd lock)
    : runtime_dir_(std::move(runtime_dir)), lock_(std::move(lock)) {}

std::string Records::DirectoryOf(const std::string& id) const {
  return absl::StrCat(runtime_dir_, "/containers/", id);
}

absl::Status Records::WriteLaunch(const v1::LaunchSpec& spec) {
  const std::string directory = DirectoryOf(spec.container_id());
  MEROS_RETURN_IF_ERROR(os::MakeDirectories(directory, 0700));
  return os::WriteFileAtomically(absl::StrCat(directory, "/launch"), spec.SerializeAsString(),
                                 os::Durability::kProcessCrash);
}

absl::Status Records::WriteProcess(const std::string& id, const ProcessRecord& process) {
  return os::WriteFileAtomically(
      absl::StrCat(DirectoryOf(id), "/process"),
      absl::StrCat(process.pid, " ", process.start_time, " ", process.boot_id),
      os::Durability::kProcessCrash);
}

absl::Status Records::WriteTermination(const std::string& id, const v1::Termination& termination) {
  return os::WriteFileAtomically(absl::StrCat(DirectoryOf(id), "/termination"),
                                 termination.SerializeAsString(), os::Durability::kPowerLoss);
}

absl::Status Records::Remove(const std::string& id) { return os::RemoveTree(DirectoryOf(id)); }

absl::StatusOr<std::vector<std::string>> Records::List() const {
  return os::ListDirectory(absl::StrCat(runtime_dir_, "/containers"));
}

absl::StatusOr<v1::LaunchSpec> Records::ReadLaunch(const std::string& id) const {
  return ReadMessage<v1::LaunchSpec>(absl::StrCat(DirectoryOf(id), "/launch"));
}

absl::StatusOr<v1::Termination> Records::ReadTermination(const std::string& id) const {
  return ReadMessage<v1::Termination>(absl::StrCat(DirectoryOf(id), "/termination"));
}

absl::StatusOr<ProcessRecord> Records::ReadProcess(const std::string& id) const {
  const std::string path = absl::StrCat(DirectoryOf(id), "/process");
  MEROS_ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path));
  const std::vector<std::string> words = absl::StrSplit(text, ' ');
  ProcessRecord process;
  if (words.size() != 3 || !absl::SimpleAtoi(words[0], &process.pid) ||
      !absl::SimpleAtoi(words[1], &process.start_time)) {
    return absl::DataLossError(absl::StrCat(path, " cannot be understood"));
  }
  process.boot_id = words[2];
  return process;
}

absl::Status Records::Quarantine(const std::string& id) {
  const std::string directory = absl::StrCat(runtime_dir_, "/quarantine");
  MEROS_RETURN_IF_ERROR(os::MakeDirectories(directory, 0700));
  const std::string target = absl::StrCat(directory, "/", id);
  MEROS_RETURN_IF_ERROR(os::RemoveTree(target));
  if (::rename(DirectoryOf(id).c_str(), target.c_str()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot move ", id, " to ", directory));
}

}  // namespace meros::containerizer

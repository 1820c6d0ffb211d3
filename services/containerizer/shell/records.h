// What the containerizer writes down about each container, so that it can be killed at any moment:
//
//   <runtime_dir>/lock                        held by the running containerizer
//   <runtime_dir>/containers/<id>/launch      LaunchSpec, with the resources of the last update
//   <runtime_dir>/containers/<id>/process     pid, start time and boot id of its meros-init
//   <runtime_dir>/containers/<id>/started     written by meros-init (init_format.h)
//   <runtime_dir>/containers/<id>/exit        written by meros-init
//   <runtime_dir>/containers/<id>/termination Termination
//   <runtime_dir>/quarantine/                 records that could not be understood
//
// Only the termination is synced to disk. The others have to outlive this process, not the machine:
// when that loses power, the containers are gone anyway.
//
// Thread rule: thread-safe, one caller per container at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/linux/unique_fd.h"
#include "meros/containerizer/v1/containerizer.pb.h"

namespace meros::containerizer {

struct ProcessRecord {
  pid_t pid = 0;
  uint64_t start_time = 0;  // clock ticks since boot
  std::string boot_id;
};

class Records {
 public:
  // Creates the directories and takes the lock.
  // ERRORS: FailedPrecondition when another containerizer uses the directory or something that is
  // no directory is in the way; PermissionDenied and others by errno.
  static absl::StatusOr<std::unique_ptr<Records>> Open(const std::string& runtime_dir);

  // The container's directory; it exists from WriteLaunch to Remove.
  std::string DirectoryOf(const std::string& id) const;

  absl::Status WriteLaunch(const v1::LaunchSpec& spec);
  absl::Status WriteProcess(const std::string& id, const ProcessRecord& process);
  absl::Status WriteTermination(const std::string& id, const v1::Termination& termination);
  // A missing container is fine.
  absl::Status Remove(const std::string& id);

  // Ids of all containers with a directory, sorted.
  absl::StatusOr<std::vector<std::string>> List() const;
  // ERRORS (all three): NotFound when there is none; DataLoss when it cannot be understood.
  absl::StatusOr<v1::LaunchSpec> ReadLaunch(const std::string& id) const;
  absl::StatusOr<ProcessRecord> ReadProcess(const std::string& id) const;
  absl::StatusOr<v1::Termination> ReadTermination(const std::string& id) const;
  // Puts a container's directory aside, for people to look at.
  absl::Status Quarantine(const std::string& id);

 private:
  Records(std::string runtime_dir, os::UniqueFd lock);

  const std::string runtime_dir_;
  const os::UniqueFd lock_;
};

}  // namespace meros::containerizer

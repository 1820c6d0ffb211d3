// The containerizer's side of init_format.h: writes requests for meros-init and reads its reports.
//
// Thread rule: thread-safe functions on values.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/linux/unique_fd.h"
#include "services/containerizer/init/init_format.h"

namespace meros::containerizer {

// Whom a command runs as.
struct InitUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<uint32_t> groups;  // supplementary ones
};

// What meros-init is to run.
struct InitRequest {
  bool own_pids = false;
  bool own_mounts = false;
  std::string hostname;  // empty: left as it is
  std::optional<InitUser> user;
  std::vector<InitRlimit> rlimits;
  std::string sandbox;
  std::string program;
  std::vector<std::string> arguments;    // the whole argv
  std::vector<std::string> environment;  // NAME=VALUE
};

// The request in a sealed memfd, which keeps it out of `ps` and out of the reach of the container.
// ERRORS: by errno.
absl::StatusOr<os::UniqueFd> MakeRequestFd(const InitRequest& request);

// Says in words what `failure` means for `request`.
absl::Status ExplainFailure(const InitFailure& failure, const InitRequest& request);

// What meros-init noted in a file of the runtime directory.
struct InitNote {
  int wait_status = 0;
  int64_t unix_ns = 0;
};

// ERRORS: NotFound when there is no such note; InvalidArgument when it cannot be understood.
absl::StatusOr<InitNote> ReadNote(const std::string& runtime_directory, absl::string_view name);

}  // namespace meros::containerizer

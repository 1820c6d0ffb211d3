// Follows a file in a task's sandbox and copies it to a local stream as it grows, through breaks of
// the agent's connection, until the task has ended and everything was copied.
//
// Thread rule: Follow() blocks and is called from one thread; Cancel() is thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "cli/connection.h"
#include "libs/base/mutex.h"

namespace meros::cli {

class FileFollower {
 public:
  // `path` is relative to the sandbox, "stdout" for example. `out` is written from Follow() only.
  FileFollower(const Cluster* cluster, std::string agent_address,
               meros::v1::agent::SandboxPath file, std::FILE* out)
      : cluster_(cluster), address_(std::move(agent_address)), file_(std::move(file)), out_(out) {}

  // kFollow copies until the task has ended, kOnce until the present end of the file.
  // Bytes before `offset` are left out. ERRORS: as AgentService.FollowFile; a broken connection is
  // tried again for 30 s.
  enum class Mode { kFollow, kOnce };
  absl::Status Follow(Mode mode, uint64_t offset);

  // Makes Follow() return soon.
  void Cancel();

 private:
  absl::Status CopyOnce(Mode mode, uint64_t* offset);

  const Cluster* const cluster_;
  const std::string address_;
  const meros::v1::agent::SandboxPath file_;
  std::FILE* const out_;
  std::atomic<bool> cancelled_{false};
  Mutex mutex_;
  grpc::ClientContext* context_ MEROS_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace meros::cli

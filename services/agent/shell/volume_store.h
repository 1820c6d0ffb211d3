// Persistent volumes on the agent's disks: directories that outlive tasks and agents.
//
// A volume that is destroyed is first moved aside, under "volumes/trash" of its disk, so that it is
// gone at once, whatever it holds; then a thread deletes it. What a crash leaves in the trash is
// deleted after the next start. The file system of a MOUNT disk is emptied in place.
//
// Owner: Agent. Thread rule: Change is thread-compatible; the trash has its own thread.
#pragma once

#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "libs/base/mutex.h"
#include "services/agent/core/effects.h"

namespace meros::agent {

class VolumeStore {
 public:
  // What lies in the trash of the work directory is deleted; that of other disks with the first
  // volume destroyed there.
  explicit VolumeStore(const std::string& work_dir);
  ~VolumeStore() { Stop(); }

  void Start();
  // What is not deleted yet is, after the next start. Idempotent.
  void Stop();

  // Deletes, then makes, and syncs: what it did survives power loss. Repeatable. Blocks for some
  // syncs of directories a volume. ERRORS: by errno, with the path; what came before stays done.
  absl::Status Change(const ChangeVolumes& change);

  // Puts a link to the volume into the sandbox and gives the volume to the owner of the sandbox; a
  // shared one only to the first, whose it stays.
  // ERRORS: NotFound if there is no such volume; AlreadyExists if the path is taken; else by errno.
  static absl::Status Link(const std::string& sandbox, const VolumeLink& link);

 private:
  absl::Status Destroy(const VolumeDirectory& volume, const std::string& name);
  void Run();

  Mutex mutex_;
  CondVar wake_;
  std::vector<std::string> trash_ MEROS_GUARDED_BY(mutex_);  // directories whose content goes
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace meros::agent

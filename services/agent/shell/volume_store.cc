#include "services/agent/shell/volume_store.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/rng.h"
#include "libs/base/status_macros.h"
#include "libs/linux/files.h"
#include "libs/telemetry/log.h"

namespace meros::agent {
namespace {

std::string ParentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

// Of a volume at ROOT/volumes/roles/ROLE/ID: ROOT/volumes/trash, so that moving is renaming.
std::string TrashOf(const std::string& volume) {
  return absl::StrCat(ParentOf(ParentOf(ParentOf(volume))), "/trash");
}

// ROOT/volumes/roles/ROLE and all above it, which may be new too.
absl::Status SyncWayTo(const std::string& volume) {
  std::string directory = volume;
  for (int i = 0; i < 4; ++i) {
    directory = ParentOf(directory);
    MEROS_RETURN_IF_ERROR(os::SyncDirectory(directory));
  }
  return absl::OkStatus();
}

// Volumes may be deep: this follows no links and knows no limit.
absl::Status RemoveAll(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (!error) return absl::OkStatus();
  return absl::ErrnoToStatus(error.value(), absl::StrCat("deleting ", path));
}

absl::Status RemoveContents(const std::string& directory) {
  MEROS_ASSIGN_OR_RETURN(const std::vector<std::string> names, os::ListDirectory(directory));
  for (const std::string& name : names) {
    MEROS_RETURN_IF_ERROR(RemoveAll(absl::StrCat(directory, "/", name)));
  }
  return absl::OkStatus();
}

}  // namespace

VolumeStore::VolumeStore(const std::string& work_dir) {
  const std::string trash = absl::StrCat(work_dir, "/volumes/trash");
  if (os::IsDirectory(trash)) trash_.push_back(trash);
}

void VolumeStore::Start() {
  thread_ = std::thread([this] { Run(); });
}

void VolumeStore::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status VolumeStore::Change(const ChangeVolumes& change) {
  int count = 0;
  for (const VolumeDirectory& volume : change.destroy) {
    MEROS_RETURN_IF_ERROR(
        Destroy(volume, absl::StrCat(UuidText(change.operation_uuid), "-", ++count)));
  }
  for (const VolumeDirectory& volume : change.create) {
    MEROS_RETURN_IF_ERROR(os::MakeDirectories(volume.path, 0755));
    if (!volume.is_mount) MEROS_RETURN_IF_ERROR(SyncWayTo(volume.path));
  }
  return absl::OkStatus();
}

absl::Status VolumeStore::Destroy(const VolumeDirectory& volume, const std::string& name) {
  if (volume.is_mount) return RemoveContents(volume.path);
  const std::string trash = TrashOf(volume.path);
  MEROS_RETURN_IF_ERROR(os::MakeDirectories(trash, 0700));
  if (::rename(volume.path.c_str(), absl::StrCat(trash, "/", name).c_str()) != 0 &&
      errno != ENOENT) {
    return absl::ErrnoToStatus(errno, absl::StrCat("moving ", volume.path, " to ", trash));
  }
  // The role's, if this was its last volume.
  const std::string role = ParentOf(volume.path);
  const bool was_last = ::rmdir(role.c_str()) == 0 || errno == ENOENT;
  // A volume that came back after a crash would give its data to whoever makes one of that name.
  const absl::Status synced = os::SyncDirectory(was_last ? ParentOf(role) : role);
  if (!synced.ok() && !absl::IsNotFound(synced)) return synced;  // not found: it was never made
  MEROS_RETURN_IF_ERROR(os::SyncDirectory(trash));
  MutexLock lock(&mutex_);
  trash_.push_back(trash);
  wake_.SignalAll();
  return absl::OkStatus();
}

absl::Status VolumeStore::Link(const std::string& sandbox, const VolumeLink& link) {
  if (!os::IsDirectory(link.volume)) {
    return absl::NotFoundError(absl::StrCat("the volume ", link.volume, " does not exist"));
  }
  struct stat owner, volume;
  if (::stat(sandbox.c_str(), &owner) != 0 || ::stat(link.volume.c_str(), &volume) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("looking at ", sandbox, " and ", link.volume));
  }
  const bool is_taken = link.is_shared && volume.st_uid != ::geteuid();
  if (!is_taken && ::lchown(link.volume.c_str(), owner.st_uid, owner.st_gid) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("giving ", link.volume, " to the task's user"));
  }
  const std::string path = absl::StrCat(sandbox, "/", link.path);
  MEROS_RETURN_IF_ERROR(os::MakeDirectories(ParentOf(path), 0755));
  if (::symlink(link.volume.c_str(), path.c_str()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("linking ", path, " to the volume"));
  }
  return absl::OkStatus();
}

void VolumeStore::Run() {
  pthread_setname_np(pthread_self(), "volume-trash");
  while (true) {
    std::vector<std::string> trash;
    {
      MutexLock lock(&mutex_);
      while (trash_.empty() && !stopping_) wake_.Wait(&mutex_);
      if (stopping_) return;
      trash.swap(trash_);
    }
    for (const std::string& directory : trash) {
      const absl::Status status = RemoveContents(directory);
      if (!status.ok()) MEROS_LOG(WARNING) << "a destroyed volume cannot be deleted: " << status;
    }
  }
}

}  // namespace meros::agent

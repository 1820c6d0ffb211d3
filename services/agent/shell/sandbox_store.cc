#include "services/agent/shell/sandbox_store.h"

#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/linux/files.h"
#include "libs/runtime/clock.h"
#include "libs/telemetry/log.h"
#include "services/agent/shell/volume_store.h"

namespace meros::agent {
namespace {

constexpr char kLatest[] = "latest";

std::string ParentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

struct Owner {
  uid_t uid;
  gid_t gid;
};

absl::StatusOr<Owner> Lookup(const std::string& user) {
  struct passwd entry;
  struct passwd* found = nullptr;
  std::vector<char> buffer(16384);
  const int error = ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("looking up user ", user));
  if (found == nullptr) {
    return absl::NotFoundError(absl::StrCat("user '", user, "' does not exist on this node"));
  }
  return Owner{found->pw_uid, found->pw_gid};
}

// Points runs/latest at the newest run, by renaming over the old link.
absl::Status PointLatest(const std::string& runs, const std::string& name) {
  const std::string temporary = absl::StrCat(runs, "/.", name);
  (void)::unlink(temporary.c_str());
  if (::symlink(name.c_str(), temporary.c_str()) != 0 ||
      ::rename(temporary.c_str(), absl::StrCat(runs, "/", kLatest).c_str()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("linking ", runs, "/", kLatest));
  }
  return absl::OkStatus();
}

std::vector<std::string> Children(const std::string& directory) {
  auto names = os::ListDirectory(directory);
  std::vector<std::string> paths;
  if (!names.ok()) return paths;
  for (const std::string& name : *names) paths.push_back(absl::StrCat(directory, "/", name));
  return paths;
}

// All sandboxes below the work directory.
std::vector<std::string> AllSandboxes(const std::string& work_dir) {
  std::vector<std::string> out;
  for (const std::string& agent : Children(absl::StrCat(work_dir, "/agents"))) {
    for (const std::string& framework : Children(absl::StrCat(agent, "/frameworks"))) {
      for (const std::string& task : Children(absl::StrCat(framework, "/tasks"))) {
        for (const std::string& run : Children(absl::StrCat(task, "/runs"))) {
          struct stat status;
          if (::lstat(run.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) out.push_back(run);
        }
      }
    }
  }
  return out;
}

absl::Time ModifiedAt(const std::string& path) {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) return absl::UnixEpoch();
  return absl::TimeFromTimespec(status.st_mtim);
}

}  // namespace

SandboxStore::SandboxStore(SandboxOptions options) : options_(std::move(options)) {}

void SandboxStore::Start(Prepared prepared) {
  prepared_ = std::move(prepared);
  maker_ = std::thread([this] { RunMaker(); });
  collector_ = std::thread([this] { RunCollector(); });
}

void SandboxStore::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.SignalAll();
  }
  if (maker_.joinable()) maker_.join();
  if (collector_.joinable()) collector_.join();
}

void SandboxStore::Prepare(PrepareSandbox order) {
  MutexLock lock(&mutex_);
  live_.insert(order.directory);
  orders_.push_back([this, order = std::move(order)] { prepared_(order.container, Make(order)); });
  wake_.SignalAll();
}

void SandboxStore::Run(std::function<void()> work) {
  MutexLock lock(&mutex_);
  orders_.push_back(std::move(work));
  wake_.SignalAll();
}

void SandboxStore::Discard(const std::string& directory) {
  // The time from which its age counts, after a restart too.
  (void)::utimensat(AT_FDCWD, directory.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
  MutexLock lock(&mutex_);
  live_.erase(directory);
  discarded_[directory] = runtime::ProcessClock::Get().Now();
}

void SandboxStore::Sweep(const std::vector<std::string>& keep) {
  const std::vector<std::string> all = AllSandboxes(options_.work_dir);
  MutexLock lock(&mutex_);
  live_.insert(keep.begin(), keep.end());
  for (const std::string& directory : all) {
    if (!live_.contains(directory)) discarded_.emplace(directory, ModifiedAt(directory));
  }
  wake_.SignalAll();
}

bool SandboxStore::IsLive(const std::string& directory) const {
  MutexLock lock(&mutex_);
  return live_.contains(directory);
}

SandboxStats SandboxStore::stats() const {
  MutexLock lock(&mutex_);
  SandboxStats stats = stats_;
  stats.live = live_.size();
  stats.waiting = discarded_.size();
  return stats;
}

absl::StatusOr<std::string> SandboxStore::Newest(const std::string& framework,
                                                 const std::string& task) const {
  MEROS_RETURN_IF_ERROR(ValidateId(framework));
  MEROS_RETURN_IF_ERROR(ValidateId(task));
  std::string newest;
  absl::Time newest_time;
  for (const std::string& agent : Children(absl::StrCat(options_.work_dir, "/agents"))) {
    const std::string runs =
        absl::StrCat(agent, "/frameworks/", framework, "/tasks/", task, "/runs");
    char target[NAME_MAX + 1];
    const ssize_t bytes =
        ::readlink(absl::StrCat(runs, "/", kLatest).c_str(), target, sizeof(target));
    if (bytes <= 0) continue;
    const std::string run = absl::StrCat(runs, "/", absl::string_view(target, bytes));
    const absl::Time time = ModifiedAt(run);
    if (!os::IsDirectory(run) || (!newest.empty() && time < newest_time)) continue;
    newest = run;
    newest_time = time;
  }
  if (newest.empty()) {
    return absl::NotFoundError(
        absl::StrCat("task ", task, " of framework ", framework, " has no sandbox on this agent"));
  }
  return newest;
}

void SandboxStore::RunMaker() {
  pthread_setname_np(pthread_self(), "sandbox-maker");
  while (true) {
    std::vector<std::function<void()>> orders;
    {
      MutexLock lock(&mutex_);
      while (orders_.empty() && !stopping_) wake_.Wait(&mutex_);
      if (stopping_) return;
      orders.swap(orders_);
    }
    for (const std::function<void()>& order : orders) order();
  }
}

absl::Status SandboxStore::Make(const PrepareSandbox& order) {
  Owner owner{::geteuid(), ::getegid()};
  if (!order.user.empty()) {
    MEROS_ASSIGN_OR_RETURN(owner, Lookup(order.user));
  }
  MutexLock lock(&parents_mutex_);
  MEROS_RETURN_IF_ERROR(os::MakeDirectories(order.directory, 0755));
  if (::lchown(order.directory.c_str(), owner.uid, owner.gid) != 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("giving ", order.directory, " to '", order.user, "'"));
  }
  for (const VolumeLink& link : order.volumes) {
    MEROS_RETURN_IF_ERROR(VolumeStore::Link(order.directory, link));
  }
  return PointLatest(ParentOf(order.directory), NameOf(order.directory));
}

void SandboxStore::RunCollector() {
  pthread_setname_np(pthread_self(), "sandbox-gc");
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (!stopping_) wake_.WaitFor(&mutex_, options_.disk_watch_interval);
      if (stopping_) return;
    }
    Collect(runtime::ProcessClock::Get().Now());
  }
}

void SandboxStore::Collect(absl::Time now) {
  const absl::StatusOr<double> usage = DiskUsage(options_.work_dir);
  const absl::Duration age =
      AllowedAge(options_.gc_delay, options_.gc_disk_headroom, usage.value_or(0.0));
  std::vector<std::string> due;
  {
    MutexLock lock(&mutex_);
    for (const auto& [directory, since] : discarded_) {
      if (now - since >= age) due.push_back(directory);
    }
  }
  for (const std::string& directory : due) Delete(directory);
}

void SandboxStore::Delete(const std::string& directory) {
  const absl::Status status = os::RemoveTree(directory);
  if (!status.ok()) {
    MEROS_LOG(WARNING) << "a sandbox cannot be deleted: " << status;
  } else {
    MutexLock lock(&parents_mutex_);
    const std::string runs = ParentOf(directory);
    const std::string latest = absl::StrCat(runs, "/", kLatest);
    if (!os::IsDirectory(latest)) (void)::unlink(latest.c_str());
    // Up to the agent's directory, as far as they are empty: runs, task, tasks, framework.
    std::string parent = runs;
    for (int i = 0; i < 4 && ::rmdir(parent.c_str()) == 0; ++i) parent = ParentOf(parent);
  }
  MutexLock lock(&mutex_);
  // One that cannot be deleted is tried again when it is as old again.
  if (status.ok()) {
    discarded_.erase(directory);
    ++stats_.removed;
  } else {
    discarded_[directory] = runtime::ProcessClock::Get().Now();
    ++stats_.remove_failed;
  }
}

}  // namespace meros::agent

#include <map>
#include <memory>
#include <utility>

#include "libs/base/mutex.h"
#include "libs/base/status_macros.h"
#include "services/containerizer/shell/isolators/isolators.h"

namespace meros::containerizer {
namespace {

class MemoryIsolator : public Isolator {
 public:
  MemoryIsolator(os::Cgroups* cgroups, os::FdWatcher* watcher)
      : cgroups_(cgroups), watcher_(watcher) {}

  // The notification is asked for before the process exists, so that it cannot be too early for us.
  absl::Status Prepare(const v1::LaunchSpec& spec, LaunchPlan*) override {
    MEROS_RETURN_IF_ERROR(Update(spec.container_id(), spec.resources()));
    return Recover(spec);
  }

  absl::Status Recover(const v1::LaunchSpec& spec) override {
    auto watched = std::make_shared<Watched>();
    MEROS_ASSIGN_OR_RETURN(watched->oom, cgroups_->WatchOom(spec.container_id()));
    MutexLock lock(&mutex_);
    watched_[spec.container_id()] = std::move(watched);
    return absl::OkStatus();
  }

  absl::Status Update(const std::string& id, const v1::ContainerResources& resources) override {
    return cgroups_->SetMemory(id, {.request_bytes = resources.memory_request_bytes(),
                                    .limit_bytes = resources.memory_limit_bytes()});
  }

  void Watch(const std::string& id, std::function<void()> memory_limit_hit) override {
    MutexLock lock(&mutex_);
    const auto found = watched_.find(id);
    if (found == watched_.end()) return;
    found->second->memory_limit_hit = std::move(memory_limit_hit);
    Arm(id, found->second);
  }

  void AddFacts(const std::string& id, EndFacts* facts) override {
    facts->oom_kills = cgroups_->OomKills(id);
    facts->memory_peak_bytes = cgroups_->Usage(id).memory_peak_bytes.value_or(0);
    Forget(id);  // removing the cgroup would otherwise look like an event
  }

  absl::Status CleanUp(const std::string& id) override {
    Forget(id);
    return absl::OkStatus();
  }

 private:
  struct Watched {
    os::OomWatch oom;
    std::function<void()> memory_limit_hit;
    os::FdWatcher::WatchId watch = 0;  // 0: not armed
  };

  void Arm(const std::string& id, const std::shared_ptr<Watched>& watched) MEROS_REQUIRES(mutex_) {
    absl::StatusOr<os::FdWatcher::WatchId> watch =
        watcher_->Once(watched->oom.fd.get(), [this, id] { OnReadable(id); });
    // Without a watch the limit is still found out at the end, from the count of kills.
    watched->watch = watch.value_or(0);
  }

  void OnReadable(const std::string& id) {
    std::function<void()> hit;
    {
      MutexLock lock(&mutex_);
      const auto found = watched_.find(id);
      if (found == watched_.end()) return;
      if (!cgroups_->CheckOom(id, found->second->oom)) return Arm(id, found->second);
      hit = std::move(found->second->memory_limit_hit);
    }
    if (hit) hit();
  }

  void Forget(const std::string& id) {
    std::shared_ptr<Watched> forgotten;
    {
      MutexLock lock(&mutex_);
      const auto found = watched_.find(id);
      if (found == watched_.end()) return;
      forgotten = std::move(found->second);
      watched_.erase(found);
    }
    if (forgotten->watch != 0) watcher_->Remove(forgotten->watch);
  }

  os::Cgroups* const cgroups_;
  os::FdWatcher* const watcher_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Watched>> watched_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Isolator> MakeMemoryIsolator(os::Cgroups* cgroups, os::FdWatcher* watcher) {
  return std::make_unique<MemoryIsolator>(cgroups, watcher);
}

}  // namespace meros::containerizer

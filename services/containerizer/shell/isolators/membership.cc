#include "libs/base/status_macros.h"
#include "services/containerizer/shell/isolators/isolators.h"

namespace meros::containerizer {
namespace {

class MembershipIsolator : public Isolator {
 public:
  explicit MembershipIsolator(os::Cgroups* cgroups) : cgroups_(cgroups) {}

  absl::Status Prepare(const v1::LaunchSpec& spec, LaunchPlan* plan) override {
    MEROS_RETURN_IF_ERROR(cgroups_->Create(spec.container_id()));
    MEROS_ASSIGN_OR_RETURN(plan->cgroup, cgroups_->Enter(spec.container_id()));
    return absl::OkStatus();
  }

  void AddUsage(const std::string& id, v1::ContainerUsage* usage) override {
    const os::CgroupUsage now = cgroups_->Usage(id);
    if (now.cpu_user_ns) usage->set_cpu_user_ns(*now.cpu_user_ns);
    if (now.cpu_system_ns) usage->set_cpu_system_ns(*now.cpu_system_ns);
    if (now.cpu_periods) usage->set_cpu_periods(*now.cpu_periods);
    if (now.cpu_throttled_periods) usage->set_cpu_throttled_periods(*now.cpu_throttled_periods);
    if (now.cpu_throttled_ns) usage->set_cpu_throttled_ns(*now.cpu_throttled_ns);
    if (now.memory_total_bytes) usage->set_memory_total_bytes(*now.memory_total_bytes);
    if (now.memory_rss_bytes) usage->set_memory_rss_bytes(*now.memory_rss_bytes);
    if (now.memory_cache_bytes) usage->set_memory_cache_bytes(*now.memory_cache_bytes);
    if (now.memory_peak_bytes) usage->set_memory_peak_bytes(*now.memory_peak_bytes);
    if (now.memory_limit_bytes) usage->set_memory_limit_bytes(*now.memory_limit_bytes);
    if (now.pids) usage->set_pids(*now.pids);
  }

  absl::Status Kill(const std::string& id) override { return cgroups_->KillAll(id); }

  absl::Status CleanUp(const std::string& id) override { return cgroups_->Remove(id); }

  absl::Status SweepOrphans(const std::function<bool(const std::string& id)>& is_known) override {
    MEROS_ASSIGN_OR_RETURN(const std::vector<std::string> ids, cgroups_->List());
    absl::Status first_failure;
    for (const std::string& id : ids) {
      if (is_known(id)) continue;
      first_failure.Update(Destroy(id));
    }
    return first_failure;
  }

 private:
  // Killed processes may take a moment to go; Remove waits 100 ms for them each time.
  absl::Status Destroy(const std::string& id) {
    absl::Status removed;
    for (int tries = 0; tries < 20; ++tries) {
      MEROS_RETURN_IF_ERROR(cgroups_->KillAll(id));
      removed = cgroups_->Remove(id);
      if (removed.ok()) break;
    }
    return removed;
  }

  os::Cgroups* const cgroups_;
};

}  // namespace

std::unique_ptr<Isolator> MakeMembershipIsolator(os::Cgroups* cgroups) {
  return std::make_unique<MembershipIsolator>(cgroups);
}

}  // namespace meros::containerizer

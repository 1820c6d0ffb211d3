#include "services/containerizer/shell/isolators/isolators.h"

namespace meros::containerizer {
namespace {

class PidsIsolator : public Isolator {
 public:
  explicit PidsIsolator(os::Cgroups* cgroups) : cgroups_(cgroups) {}

  absl::Status Prepare(const v1::LaunchSpec& spec, LaunchPlan*) override {
    return Update(spec.container_id(), spec.resources());
  }

  absl::Status Update(const std::string& id, const v1::ContainerResources& resources) override {
    return cgroups_->SetPids(id, resources.pids_limit());
  }

  void AddFacts(const std::string& id, EndFacts* facts) override {
    facts->forks_refused = cgroups_->ForksRefused(id);
  }

 private:
  os::Cgroups* const cgroups_;
};

}  // namespace

std::unique_ptr<Isolator> MakePidsIsolator(os::Cgroups* cgroups) {
  return std::make_unique<PidsIsolator>(cgroups);
}

}  // namespace meros::containerizer

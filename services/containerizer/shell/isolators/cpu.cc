#include "services/containerizer/shell/isolators/isolators.h"

namespace meros::containerizer {
namespace {

class CpuIsolator : public Isolator {
 public:
  explicit CpuIsolator(os::Cgroups* cgroups) : cgroups_(cgroups) {}

  absl::Status Prepare(const v1::LaunchSpec& spec, LaunchPlan*) override {
    return Update(spec.container_id(), spec.resources());
  }

  absl::Status Update(const std::string& id, const v1::ContainerResources& resources) override {
    return cgroups_->SetCpu(id, {.request_millis = resources.cpu_request_millis(),
                                 .limit_millis = resources.cpu_limit_millis()});
  }

 private:
  os::Cgroups* const cgroups_;
};

}  // namespace

std::unique_ptr<Isolator> MakeCpuIsolator(os::Cgroups* cgroups) {
  return std::make_unique<CpuIsolator>(cgroups);
}

}  // namespace meros::containerizer

#include <sched.h>

#include "services/containerizer/shell/isolators/isolators.h"

namespace meros::containerizer {
namespace {

// Namespaces vanish with the last process in them, and their mounts with them: there is nothing to
// clean up and nothing to recover.
class NamespacesIsolator : public Isolator {
 public:
  absl::Status Prepare(const v1::LaunchSpec& spec, LaunchPlan* plan) override {
    const v1::Namespaces& wanted = spec.namespaces();
    if (wanted.pid()) plan->clone_flags |= CLONE_NEWPID;
    if (wanted.mount()) plan->clone_flags |= CLONE_NEWNS;
    if (wanted.ipc()) plan->clone_flags |= CLONE_NEWIPC;
    if (wanted.uts()) plan->clone_flags |= CLONE_NEWUTS;
    plan->request.own_pids = wanted.pid();
    plan->request.own_mounts = wanted.mount();
    if (wanted.uts()) plan->request.hostname = spec.hostname();
    return absl::OkStatus();
  }
};

}  // namespace

std::unique_ptr<Isolator> MakeNamespacesIsolator() {
  return std::make_unique<NamespacesIsolator>();
}

}  // namespace meros::containerizer

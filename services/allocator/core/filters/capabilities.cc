#include "services/allocator/core/filters/capabilities.h"

namespace meros::allocator {

bool MayUseAgent(const Capabilities& capabilities, const Agent& agent, bool filter_gpu_resources) {
  return !filter_gpu_resources || !agent.has_gpus || capabilities.gpu_resources;
}

bool HasUnusable(const Capabilities& capabilities, const Agent& agent) {
  return (agent.has_revocable && !capabilities.revocable_resources) ||
         (agent.has_refined && !capabilities.reservation_refinement);
}

Resources StripUnusable(const Capabilities& capabilities, const Resources& resources) {
  return resources.Filter([&](const resources::Resource& resource) {
    return (capabilities.revocable_resources || !resource.is_revocable()) &&
           (capabilities.reservation_refinement || !resource.has_refined_reservation());
  });
}

}  // namespace meros::allocator

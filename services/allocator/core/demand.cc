#include "services/allocator/core/demand.h"

#include <algorithm>

namespace meros::allocator {

bool DemandGrew(const FrameworkState& before, const FrameworkState& after) {
  if (!after.active) return false;
  if (!before.active || before.capabilities != after.capabilities ||
      before.min_allocatable != after.min_allocatable) {
    return true;
  }
  return std::any_of(after.roles.begin(), after.roles.end(), [&](const std::string& role) {
    return WantsOffers(after, role) && !WantsOffers(before, role);
  });
}

}  // namespace meros::allocator

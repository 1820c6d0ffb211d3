#include "services/allocator/core/demand.h"

#include <algorithm>

namespace meros::allocator {

namespace {

template <typename Map>
bool SameConstraints(const Map& a, const Map& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && *x.second == *y.second;
  });
}

}  // namespace

bool DemandGrew(const FrameworkState& before, const FrameworkState& after) {
  if (!after.active) return false;
  if (!before.active || before.capabilities != after.capabilities ||
      before.min_allocatable != after.min_allocatable ||
      !SameConstraints(before.constraints, after.constraints)) {
    return true;
  }
  return std::any_of(after.roles.begin(), after.roles.end(), [&](const std::string& role) {
    return WantsOffers(after, role) && !WantsOffers(before, role);
  });
}

}  // namespace meros::allocator

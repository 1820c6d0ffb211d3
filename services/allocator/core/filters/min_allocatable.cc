#include "services/allocator/core/filters/min_allocatable.h"

#include "services/allocator/core/mirror.h"

namespace meros::allocator {

const MinAllocatable& MinAllocatableOf(const Client& client, const MinAllocatable& by_default) {
  const auto& own = client.framework->state.min_allocatable;
  if (own.empty()) return by_default;
  const auto found = own.find(client.role->name());
  return found == own.end() ? by_default : found->second;
}

}  // namespace meros::allocator

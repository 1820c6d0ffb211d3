#include "services/allocator/core/filters/min_allocatable.h"

#include "services/allocator/core/mirror.h"

namespace meros::allocator {

const MinAllocatable& MinAllocatableOf(const Client& client, const MinAllocatable& by_default) {
  if (client.min_allocatable != nullptr) return *client.min_allocatable;
  const MinAllocatable* const of_role = client.role->min_allocatable();
  return of_role == nullptr ? by_default : *of_role;
}

}  // namespace meros::allocator

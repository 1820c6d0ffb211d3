#include "services/allocator/core/filters/offer_parts.h"

#include <utility>

namespace meros::allocator {

std::vector<Resources> PartsOf(const Resources& offer) {
  Resources lasting, revocable, shared;
  for (const resources::Resource& resource : offer) {
    Resources& part = resource.is_shared() ? shared : resource.is_revocable() ? revocable : lasting;
    part.Add(resource);
  }
  std::vector<Resources> parts;
  for (Resources* part : {&lasting, &revocable}) {
    if (!part->empty()) parts.push_back(std::move(*part));
  }
  if (!parts.empty()) parts.front() += shared;
  return parts;
}

}  // namespace meros::allocator

#include "libs/resources/shrink.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace meros::resources {
namespace {

std::vector<const Resource*> Order(const Resources& resources, Rng* rng) {
  std::vector<const Resource*> order;
  order.reserve(resources.size());
  for (const Resource& item : resources) order.push_back(&item);
  if (rng != nullptr) rng->Shuffle(&order);
  return order;
}

// The part of `item` within `allowance`, if any.
std::optional<Resource> Cut(const Resource& item, Scalar allowance) {
  if (item.Quantity() <= allowance) return item;
  if (!item.is_scalar() || item.is_indivisible() || !allowance.is_positive()) return std::nullopt;
  return item.WithValue(allowance);
}

}  // namespace

Resources ShrinkTo(const Resources& resources, ResourceQuantities target, Rng* rng) {
  Resources result;
  for (const Resource* item : Order(resources, rng)) {
    const std::optional<Resource> part = Cut(*item, target.Get(item->name()));
    if (!part) continue;
    ResourceQuantities used;
    used.Add(part->name(), part->Quantity());
    target -= used;
    result.Add(*part);
  }
  return result;
}

Resources ShrinkTo(const Resources& resources, ResourceLimits limits, Rng* rng) {
  Resources result;
  for (const Resource* item : Order(resources, rng)) {
    const std::optional<Scalar> limit = limits.Get(item->name());
    const std::optional<Resource> part = limit ? Cut(*item, *limit) : *item;
    if (!part) continue;
    if (limit) limits.Set(part->name(), *limit - part->Quantity());
    result.Add(*part);
  }
  return result;
}

}  // namespace meros::resources

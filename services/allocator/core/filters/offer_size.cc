#include "services/allocator/core/filters/offer_size.h"

#include <string>
#include <utility>
#include <vector>

namespace meros::allocator {
namespace {

using resources::Ranges;
using resources::Resource;
using resources::ResourceName;
using resources::Scalar;
using resources::StringSet;

bool IsDivisible(const Resource& resource) {
  return !resource.is_reserved() && !resource.is_indivisible() && !resource.is_shared();
}

// Of `whole`, the part `cut` of `from` thousandths: exact, because the product fits 128 bits.
int64_t Part(int64_t whole, Scalar cut, Scalar from) {
  return static_cast<int64_t>(static_cast<__int128>(whole) * cut.millis() / from.millis());
}
uint64_t PartUp(uint64_t whole, Scalar cut, Scalar from) {
  const __int128 product = static_cast<__int128>(whole) * cut.millis();
  return static_cast<uint64_t>((product + from.millis() - 1) / from.millis());
}

resources::Value CutValue(const Resource& resource, Scalar cut, Scalar from) {
  if (resource.is_scalar()) {
    const int64_t part = Part(resource.scalar().millis(), cut, from);
    if (resource.name() != ResourceName::Gpus()) return Scalar::FromMillis(part);
    return Scalar::FromUnits((part + Scalar::kScale - 1) / Scalar::kScale);
  }
  if (const auto* ranges = std::get_if<Ranges>(&resource.value())) {
    return ranges->First(PartUp(ranges->Count(), cut, from));
  }
  std::vector<std::string> items = std::get<StringSet>(resource.value()).items();
  items.resize(PartUp(items.size(), cut, from));
  return *StringSet::FromUnique(std::move(items));
}

}  // namespace

Resources CutToSize(const Resources& offer, const ResourceLimits& most) {
  if (most.empty()) return offer;
  const ResourceQuantities have = offer.Filter(IsDivisible).ScalarQuantities();
  // The smallest of limit / amount, as a fraction.
  Scalar cut = Scalar::FromUnits(1);
  Scalar from = cut;
  for (const auto& [name, limit] : most) {
    const Scalar amount = have.Get(name);
    if (amount <= limit) continue;
    const bool is_smaller = static_cast<__int128>(limit.millis()) * from.millis() <
                            static_cast<__int128>(cut.millis()) * amount.millis();
    if (!is_smaller) continue;
    cut = limit;
    from = amount;
  }
  if (cut == from) return offer;
  Resources result;
  for (const Resource& resource : offer) {
    result.Add(IsDivisible(resource) ? resource.WithValue(CutValue(resource, cut, from))
                                     : resource);
  }
  return result;
}

Resources CutToPart(const Resources& offer, const ResourceQuantities& total, size_t parts,
                    const MinAllocatable& minimum) {
  for (; parts > 1; parts /= 2) {
    ResourceLimits most;
    for (const auto& [name, amount] : total) {
      most.Set(name, Scalar::FromMillis(amount.millis() / static_cast<int64_t>(parts)));
    }
    Resources part = CutToSize(offer, most);
    if (!part.empty() && minimum.SatisfiedBy(part)) return part;
  }
  return offer;
}

}  // namespace meros::allocator

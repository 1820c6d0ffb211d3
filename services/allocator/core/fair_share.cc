#include "services/allocator/core/fair_share.h"

#include <algorithm>

namespace meros::allocator {

double DominantShare(const ResourceQuantities& charged, const ResourceQuantities& totals) {
  double share = 0;
  auto total = totals.begin();
  // Both are sorted by name.
  for (const auto& [name, amount] : charged) {
    while (total != totals.end() && total->first < name) ++total;
    if (total == totals.end()) break;
    if (total->first != name) continue;
    share = std::max(
        share, static_cast<double>(amount.millis()) / static_cast<double>(total->second.millis()));
  }
  return share;
}

Charge Charge::Of(const Resources& resources) {
  Charge charge;
  charge.all = resources.ScalarQuantities();
  bool plain = true;
  for (const auto& resource : resources) {
    plain = plain && !resource.is_reserved() && !resource.is_revocable();
  }
  if (plain) {
    charge.unreserved = charge.all;
  } else {
    charge.unreserved = resources
                            .Filter([](const resources::Resource& resource) {
                              return !resource.is_reserved() && !resource.is_revocable();
                            })
                            .ScalarQuantities();
  }
  return charge;
}

}  // namespace meros::allocator

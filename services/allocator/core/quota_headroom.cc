#include "services/allocator/core/quota_headroom.h"

#include <algorithm>
#include <utility>

#include "libs/resources/shrink.h"
#include "services/allocator/core/fair_share.h"

namespace meros::allocator {
namespace {

bool IsSubjectToQuota(const resources::Resource& resource) {
  return resource.is_scalar() && !resource.is_reserved() && !resource.is_revocable() &&
         !resource.is_shared();
}

// Whether some of `wanted` is above what the limits leave. Of names that are not wanted, any amount
// may be consumed.
bool IsBeyond(const ResourceLimits& limits, const ResourceQuantities& consumed,
              const ResourceQuantities& wanted) {
  return std::any_of(wanted.begin(), wanted.end(), [&](const auto& entry) {
    const auto limit = limits.Get(entry.first);
    return limit.has_value() && consumed.Get(entry.first) + entry.second > *limit;
  });
}

}  // namespace

QuotaHeadroom::QuotaHeadroom(const Mirror& mirror) : mirror_(mirror), roles_(mirror.roles()) {}

bool QuotaHeadroom::HasShortfall(const RoleNode& role) const {
  for (const RoleNode* node = &role; node != nullptr; node = node->parent()) {
    if (node->has_own_shortfall()) return true;
  }
  return false;
}

Resources QuotaHeadroom::WithinLimits(const RoleNode& role, Resources resources,
                                      const ResourceQuantities& taken) const {
  for (const RoleNode* node = &role; node != nullptr; node = node->parent()) {
    if (node->quota().limits.empty()) continue;
    ResourceLimits left = node->quota().limits;
    left -= node->Consumed();
    left -= taken;
    resources = resources::ShrinkTo(resources, std::move(left), nullptr);
  }
  return resources;
}

Resources QuotaHeadroom::WithinHeadroom(const Resources& resources) const {
  const ResourceQuantities& required = roles_.root().shortfall();
  ResourceLimits spare;
  for (const auto& [name, amount] : required) {
    spare.Set(name, std::max(resources::Scalar(), mirror_.available().Get(name) - amount));
  }
  return resources::ShrinkTo(resources, std::move(spare), nullptr);
}

ResourceQuantities QuotaHeadroom::Missing(const RoleNode& role) {
  ResourceQuantities missing;
  for (const RoleNode* node = &role; node != nullptr; node = node->parent()) {
    if (!node->has_own_shortfall()) continue;
    const ResourceQuantities own = node->OwnShortfall();
    missing += own - missing;  // the larger of both
  }
  return missing;
}

bool QuotaHeadroom::LeavesAll(const RoleNode& role, const ResourceQuantities& amount,
                              const ResourceQuantities& guaranteed) const {
  for (const auto& [name, required] : roles_.root().shortfall()) {
    const resources::Scalar burst = amount.Get(name) - guaranteed.Get(name);
    if (burst.is_positive() && burst > mirror_.available().Get(name) - required) return false;
  }
  for (const RoleNode* node = &role; node != nullptr; node = node->parent()) {
    if (node->quota().limits.empty()) continue;
    if (!node->quota().limits.Contains(node->Consumed() + amount)) return false;
  }
  return true;
}

Resources QuotaHeadroom::Cut(const RoleNode& role, const Resources& available, Pass pass) const {
  const ResourceQuantities amount = Charge::Of(available).unreserved;
  ResourceQuantities missing;
  if (pass == Pass::kGuarantees) missing = Missing(role);
  const ResourceQuantities met = amount - (amount - missing);  // the smaller of both
  if (pass == Pass::kGuarantees && met.empty()) return {};
  if (LeavesAll(role, amount, met)) return available;
  const Resources subject = available.Filter(IsSubjectToQuota);
  Resources offer =
      available.Filter([](const resources::Resource& r) { return !IsSubjectToQuota(r); });
  if (pass == Pass::kFairShare) {
    return offer + WithinHeadroom(WithinLimits(role, subject, {}));
  }
  const Resources guaranteed =
      WithinLimits(role, resources::ShrinkTo(subject, std::move(missing), nullptr), {});
  if (guaranteed.empty()) return {};
  const Resources burst = WithinLimits(role, subject - guaranteed, guaranteed.ScalarQuantities());
  return offer + guaranteed + WithinHeadroom(burst);
}

const RoleNode* QuotaHeadroom::ForbiddenBy(const RoleNode& role,
                                           const MinAllocatable& minimum) const {
  if (minimum.any_of.empty()) return nullptr;
  for (const RoleNode* node = &role; node != nullptr; node = node->parent()) {
    const ResourceLimits& limits = node->quota().limits;
    if (limits.empty()) continue;
    const ResourceQuantities consumed = node->Consumed();
    if (std::all_of(minimum.any_of.begin(), minimum.any_of.end(),
                    [&](const ResourceQuantities& alternative) {
                      return IsBeyond(limits, consumed, alternative);
                    })) {
      return node;
    }
  }
  return nullptr;
}

}  // namespace meros::allocator

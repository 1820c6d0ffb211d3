// Stage 4, quota: how much of an agent's free resources a role may be offered so that no limit is
// exceeded and what is guaranteed to others stays free somewhere in the cluster.
//
// Limits and guarantees hold for a role with all its sub-roles, at every level of the tree. What a
// role has reserved, what is not a scalar and what is revocable is not subject to quota.
//
// Guarantees are served in a pass of their own, before everyone else:
//   kGuarantees  roles whose guarantee (or an ancestor's) is not met get what is missing, and, lest
//   an
//                agent be cut to pieces, more of the same agent as far as headroom allows;
//   kFairShare   everyone gets what headroom allows.
// Headroom is what is free in the cluster beyond what guarantees still lack.
//
// Owner: services/allocator/core. Thread rule: strand-confined; lives for one run.
#pragma once

#include "services/allocator/core/mirror.h"
#include "services/allocator/core/model.h"
#include "services/allocator/core/role_tree.h"

namespace meros::allocator {

enum class Pass : uint8_t { kGuarantees, kFairShare };

class QuotaHeadroom {
 public:
  explicit QuotaHeadroom(const Mirror& mirror);

  // Whether there are quotas at all; without them Cut need not be called.
  bool applies() const { return roles_.has_quota(); }
  // Whether any guarantee is not met: whether the first pass is worth making.
  bool has_shortfall() const { return !roles_.root().shortfall().empty(); }
  // Whether `role` takes part in the first pass; whether it or a role below it does.
  bool HasShortfall(const RoleNode& role) const;
  bool HasShortfallWithin(const RoleNode& role) const {
    return !role.shortfall().empty() || HasShortfall(role);
  }

  // The part of `available` that `role` may be offered now; empty in the first pass if it holds
  // nothing that the guarantee lacks.
  Resources Cut(const RoleNode& role, const Resources& available, Pass pass) const;
  // The role, `role` or one above it, whose limits leave less than each alternative of `minimum`
  // asks for: nothing that is subject to quota can be offered until something comes back to it.
  // Null if there is none.
  const RoleNode* ForbiddenBy(const RoleNode& role, const MinAllocatable& minimum) const;

 private:
  // Cuts to the limits of the role and of those above it, as if `taken` were consumed already.
  Resources WithinLimits(const RoleNode& role, Resources resources,
                         const ResourceQuantities& taken) const;
  // Whether limits and guarantees of others leave `amount`, of which `guaranteed` is the role's
  // own.
  bool LeavesAll(const RoleNode& role, const ResourceQuantities& amount,
                 const ResourceQuantities& guaranteed) const;
  // What the guarantees of the role and of those above it lack.
  static ResourceQuantities Missing(const RoleNode& role);
  // Cuts to what guarantees of others leave.
  Resources WithinHeadroom(const Resources& resources) const;

  const Mirror& mirror_;
  const RoleTree& roles_;
};

}  // namespace meros::allocator

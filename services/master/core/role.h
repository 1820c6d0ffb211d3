// What operators set of roles, and how they ask for it.
//
// Thread rule: value types; immutable once shared.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/resources/quantities.h"

namespace meros::master {

// Numbers as RolePlacement, RoleSorter and RoleOfferSplit of master_service.proto.
enum class RolePlacement { kInherited = 0, kRandom = 1, kSpread = 2, kPack = 3 };
enum class RoleSorter { kInherited = 0, kDrf = 1, kRandom = 2 };
enum class RoleOfferSplit { kInherited = 0, kNone = 1, kByDemand = 2 };

// The least that is worth offering: any one of the amounts suffices. Empty: everything.
using MinAllocatable = std::vector<resources::ResourceQuantities>;

struct RoleQuota {
  resources::ResourceQuantities guarantees;
  resources::ResourceLimits limits;

  bool empty() const { return guarantees.empty() && limits.empty(); }
  friend bool operator==(const RoleQuota&, const RoleQuota&) = default;
};

// How a role is served besides quota and weight.
struct RolePolicy {
  int32_t priority = 0;  // among siblings a higher one comes first
  bool preemptible = false;
  RolePlacement placement = RolePlacement::kInherited;
  RoleSorter sorter = RoleSorter::kInherited;
  resources::ResourceQuantities offer_max;  // empty: no bound of its own
  std::optional<MinAllocatable> min_allocatable;
  std::optional<absl::Duration> offer_timeout;  // infinite: offers never expire
  uint32_t max_offers_in_flight = 0;            // 0: no bound of its own
  RoleOfferSplit offer_split = RoleOfferSplit::kInherited;

  friend bool operator==(const RolePolicy&, const RolePolicy&) = default;
};

// Everything that is set of one role.
struct RoleConfig {
  std::string role;
  RoleQuota quota;
  double weight = 1;
  RolePolicy policy;
  // Another one after each change, never the same again, also after a fail-over.
  uint64_t version = 0;

  // Nothing is set: a role as any other.
  bool is_default() const { return quota.empty() && weight == 1 && policy == RolePolicy(); }
};

using RoleConfigRef = std::shared_ptr<const RoleConfig>;

// What is to be set of one role; what is absent stays as it is.
struct RoleChange {
  std::string role;
  std::optional<RoleQuota> quota;
  std::optional<double> weight;
  std::optional<int32_t> priority;
  std::optional<bool> preemptible;
  std::optional<RolePlacement> placement;
  std::optional<RoleSorter> sorter;
  std::optional<resources::ResourceQuantities> offer_max;
  // Within: nothing makes it inherited.
  std::optional<std::optional<MinAllocatable>> min_allocatable;
  std::optional<std::optional<absl::Duration>> offer_timeout;
  std::optional<uint32_t> max_offers_in_flight;
  std::optional<RoleOfferSplit> offer_split;
  // The version that this change is based on, 0 for a role of which nothing is set.
  std::optional<uint64_t> version;
};

}  // namespace meros::master

// What is set of roles, and the changes that operators have asked for and that are not durable yet.
// Changes are carried out one after another, each judged by what the one before it left:
//
//   asked ─▶ WAITING ─▶ WRITING ─▶ in force, answered
//               │           └─────▶ refused by the registry, answered
//               └─ refused by the rules (role_rules.h), answered
//
// Thread rule: strand-confined.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/resources/roles.h"
#include "services/master/core/role.h"

namespace meros::master {

// One call of an operator.
struct PendingRoleChange {
  std::vector<uint64_t> calls;  // who waits for the answer; more than one when it was repeated
  std::string request_id;
  std::vector<RoleChange> changes;
  bool force = false;
  std::vector<RoleConfigRef> planned;  // while its write is open: what it will leave
};

class RoleBook {
 public:
  using Map = absl::btree_map<std::string, RoleConfigRef>;

  // Roles of which something is set, by name.
  const Map& all() const { return configs_; }
  // What is set of the role; a default one with version 0 if nothing is. Never null.
  RoleConfigRef Get(absl::string_view role) const {
    auto it = configs_.find(role);
    if (it != configs_.end()) return it->second;
    auto none = std::make_shared<RoleConfig>();
    none->role = std::string(role);
    return none;
  }
  // How long offers for the role may stay unanswered: as the nearest of it and the roles above it
  // says that says so.
  absl::Duration OfferTimeout(absl::string_view role, absl::Duration by_default) const {
    for (; !role.empty(); role = resources::ParentRole(role)) {
      auto it = configs_.find(role);
      if (it == configs_.end() || !it->second->policy.offer_timeout) continue;
      return *it->second->policy.offer_timeout;
    }
    return by_default;
  }
  // Replaces what is set; a default one means nothing.
  void Put(RoleConfigRef config) {
    if (config->is_default()) {
      configs_.erase(config->role);
    } else {
      configs_[config->role] = std::move(config);
    }
  }

  // Never given before, neither here nor by a former leader.
  uint64_t NextVersion(uint64_t epoch) {
    // A leader starts above everything that those before it can have given.
    next_version_ = std::max(next_version_, epoch * kVersionsPerEpoch);
    return ++next_version_;
  }
  void SawVersion(uint64_t version) { next_version_ = std::max(next_version_, version); }

  // Oldest first; only the first may have `planned`.
  std::deque<PendingRoleChange>& pending() { return pending_; }
  const std::deque<PendingRoleChange>& pending() const { return pending_; }

 private:
  static constexpr uint64_t kVersionsPerEpoch = 1'000'000;

  Map configs_;
  std::deque<PendingRoleChange> pending_;
  uint64_t next_version_ = 0;
};

}  // namespace meros::master

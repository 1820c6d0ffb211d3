// What the allocator knows of the cluster, as values: the facts that the master tells about
// frameworks, agents and roles.
//
// Owner: services/allocator/core. Thread rule: value types; thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "libs/base/ids.h"
#include "libs/resources/quantities.h"
#include "libs/resources/resources.h"

namespace meros::allocator {

using resources::ResourceLimits;
using resources::ResourceQuantities;
using resources::Resources;

// What a framework can deal with; everything else is kept from it.
struct Capabilities {
  bool revocable_resources = false;
  bool gpu_resources = false;
  bool shared_resources = false;
  bool reservation_refinement = false;

  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

// The least that is worth offering: any one of the quantities suffices.
struct MinAllocatable {
  std::vector<ResourceQuantities> any_of;  // empty: everything is worth offering

  bool SatisfiedBy(const Resources& resources) const;
  friend bool operator==(const MinAllocatable&, const MinAllocatable&) = default;
};

struct FrameworkState {
  FrameworkId id;
  absl::btree_set<std::string> roles;
  absl::btree_set<std::string> suppressed_roles;  // those outside of `roles` mean nothing
  bool active = false;
  Capabilities capabilities;
  absl::btree_map<std::string, MinAllocatable> min_allocatable;  // by role; absent: the default
};

struct AgentState {
  AgentId id;
  Resources total;
  bool active = false;
  // Hostname, attributes and domain in some canonical encoding. The core only compares it: an agent
  // whose traits change is another agent to those who refused it.
  std::string traits;
};

struct Quota {
  ResourceQuantities guarantees;
  ResourceLimits limits;

  bool empty() const { return guarantees.empty() && limits.empty(); }
  friend bool operator==(const Quota&, const Quota&) = default;
};

// Who holds resources of an agent. Ordered by framework first.
struct HolderKey {
  FrameworkId framework;
  std::string role;

  friend bool operator==(const HolderKey&, const HolderKey&) = default;
  friend bool operator<(const HolderKey& a, const HolderKey& b) {
    return a.framework == b.framework ? a.role < b.role : a.framework < b.framework;
  }
};

// "Offer these resources of this agent to this role of this framework."
struct Proposal {
  uint64_t id = 0;                // > 0, growing
  uint64_t based_on_version = 0;  // of the master's books
  FrameworkId framework;
  std::string role;
  AgentId agent;
  Resources resources;  // not empty, without allocation role
};

}  // namespace meros::allocator

// What the allocator knows of the cluster, as values: the facts that the master tells about
// frameworks, agents and roles.
//
// Owner: services/allocator/core. Thread rule: value types; thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/resources/agent_constraints.h"
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
  bool region_aware = false;

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
  // Agents that will do, by role; absent: all. Compiled once, compared by value.
  absl::btree_map<std::string, std::shared_ptr<const resources::AgentConstraints>> constraints;
};

// When an agent goes away.
struct Maintenance {
  absl::Time start;
  absl::Duration duration = absl::InfiniteDuration();

  friend bool operator==(const Maintenance&, const Maintenance&) = default;
};

struct AgentState {
  AgentId id;
  Resources total;
  bool active = false;
  // An agent whose traits change is another agent to those who refused it.
  resources::AgentTraits traits;
  std::optional<Maintenance> maintenance;
};

struct Quota {
  ResourceQuantities guarantees;
  ResourceLimits limits;

  bool empty() const { return guarantees.empty() && limits.empty(); }
  friend bool operator==(const Quota&, const Quota&) = default;
};

// In which order agents are offered to a role.
enum class Placement : uint8_t {
  kRandom,
  kSpread,  // most free first
  kPack,    // least free first
};

// In which order siblings take their turns.
enum class Sorter : uint8_t {
  kDrf,     // smallest dominant share divided by weight first
  kRandom,  // a weighted lottery
};

// Whether what an agent has free is divided among those who want offers.
enum class OfferSplit : uint8_t { kNone, kByDemand };

// How a role is served, besides weight and quota. What is not set is as the nearest ancestor that
// sets it has it, and as the options say if none does; only priority is each role's own.
struct RoleSettings {
  static constexpr int32_t kPriorityMax = 1000;  // and least: its negative

  int32_t priority = 0;  // among siblings a higher one comes first
  bool preemptible = false;
  std::optional<Placement> placement;
  std::optional<Sorter> sorter;  // of its children and frameworks
  std::optional<MinAllocatable> min_allocatable;
  ResourceLimits offer_max;  // of one offer of one agent
  // Unanswered offers of one framework, above which it gets no more; 0: not set.
  uint32_t max_offers_in_flight = 0;
  std::optional<OfferSplit> offer_split;

  friend bool operator==(const RoleSettings&, const RoleSettings&) = default;
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

// "Take this back from a role that may be preempted, because another lacks it."
struct PreemptionProposal {
  FrameworkId framework;
  std::string role;
  AgentId agent;
  ResourceQuantities amount;  // to be freed there, at least
  std::string for_role;
};

// Bundles that a framework wants offered all at once or not at all.
struct GangKey {
  FrameworkId framework;
  std::string id;  // the framework's name for it

  friend bool operator==(const GangKey&, const GangKey&) = default;
  friend bool operator<(const GangKey& a, const GangKey& b) {
    return a.framework == b.framework ? a.id < b.id : a.framework < b.framework;
  }
};
struct GangBundle {
  ResourceQuantities amount;  // on one agent; not empty
  uint32_t count = 1;         // > 0
};
struct GangState {
  GangKey key;
  std::string role;
  std::vector<GangBundle> bundles;  // not empty
  bool distinct_agents = false;     // no two bundles on one agent
  absl::Duration remaining;         // until the master drops it
};

// "Offer all of this together."
struct GangProposal {
  struct Part {
    uint64_t id = 0;  // of a proposal
    AgentId agent;
    Resources resources;  // not empty, without allocation role
  };
  GangKey gang;
  std::string role;
  uint64_t based_on_version = 0;
  std::vector<Part> parts;  // one per agent
};

// A framework begins or ceases to hoard.
struct HoardingChange {
  FrameworkId framework;
  bool hoards = false;
  double share = 0;  // of the cluster, on average
};

// "Ask this framework to give back what it has on this agent."
struct InverseOffer {
  FrameworkId framework;
  AgentId agent;
  Maintenance maintenance;
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

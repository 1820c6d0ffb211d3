// What is asked about offers that do not come, and what is answered: explain.proto in model types.
//
// Owner: services/allocator/core. Thread rule: value types; thread-compatible.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/resources/agent_constraints.h"
#include "services/allocator/core/model.h"

namespace meros::allocator {

struct ExplainQuery {
  FrameworkId framework;
  std::string role;  // empty: the only one of the framework
  ResourceQuantities wanted;
  std::optional<resources::AgentConstraints> constraints;  // next to the framework's own
  size_t examples_max = 3;
};

// What keeps an agent from a framework: the first that does, in this order.
enum class Stage : uint8_t {
  kOfferable,  // nothing
  kAgentInactive,
  kWhitelist,
  kWantedConstraints,
  kOfferConstraints,
  kGpu,
  kRegion,
  kTooSmall,
  kNotFree,
  kBelowMinimum,
  kQuota,
  kOfferSize,
  kRefused,
  kOffersInFlight,
};
inline constexpr size_t kStageCount = 14;

struct ExplainedAgent {
  AgentId agent;
  std::string hostname;
  ResourceQuantities available;  // to the role at that stage
  ResourceQuantities lacking;    // of what is wanted
  absl::Duration refused;        // kRefused: how long still
};

struct ExplainedStage {
  size_t agents = 0;
  std::vector<ExplainedAgent> examples;  // nearest first
};

struct ExplainedRole {
  std::string role;
  double share = 0;
  double weight = 1;
  int32_t priority = 0;
  size_t position = 0;  // how many siblings with demand stand before it
  size_t siblings = 0;  // with demand
  Quota quota;
  ResourceQuantities consumed;
  ResourceLimits limit_left;
};

struct Explanation {
  uint64_t version = 0;
  std::vector<std::string> blocked;  // why nothing is offered whatever the agents
  size_t agents = 0;
  std::array<ExplainedStage, kStageCount> stages;
  std::optional<ExplainedAgent> nearest;
  Stage nearest_stage = Stage::kOfferable;
  std::vector<ExplainedRole> roles;  // from the top down
  size_t position = 0;               // how many frameworks with demand stand before it in the role
  size_t competitors = 0;
  double share = 0;
  std::optional<ResourceQuantities> headroom;  // free beyond what guarantees lack
  ResourceQuantities guarantees_lacking;
  size_t filters = 0;
  std::vector<std::string> notes;  // gangs that wait, resources that are hoarded
};

}  // namespace meros::allocator

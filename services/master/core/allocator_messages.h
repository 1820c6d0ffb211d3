// What the allocator is told: who the master is, its books as a snapshot and numbered deltas, and
// what became of proposals. The shell encodes them (shell/allocator_codec.h).
//
// Thread rule: immutable values, moved out of the core.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/resources/resources.h"
#include "meros/v1/agent.pb.h"
#include "services/master/core/framework.h"
#include "services/master/core/gang.h"
#include "services/master/core/maintenance.h"
#include "services/master/core/role.h"
#include "services/master/core/whitelist.h"

namespace meros::master {

struct HelloMessage {
  uint64_t epoch = 0;
  std::string region = {};  // empty: none
};
struct SnapshotBeginMessage {
  uint64_t version = 0;
};
struct SnapshotEndMessage {
  uint64_t version = 0;
};
struct ProposalResultMessage {
  // As RejectReason of allocator_service.proto.
  enum class Reject {
    kNone = 0,
    kNotFree = 1,
    kAgentNotActive = 2,
    kFrameworkNotActive = 3,
    kTooManyOffers = 4,
    kInvalid = 5,
    kGang = 6,
  };
  uint64_t proposal_id = 0;
  Reject reject = Reject::kNone;
};
struct UpsertFrameworkDelta {
  FrameworkId framework_id;
  bool active = false;
  Subscription subscription;
};
struct RemoveFrameworkDelta {
  FrameworkId framework_id;
};
struct UpsertAgentDelta {
  AgentId agent_id;
  std::shared_ptr<const v1::AgentInfo> info;
  resources::Resources total;
  bool active = false;
  std::optional<Unavailability> unavailability = {};
};
struct RemoveAgentDelta {
  AgentId agent_id;
};
struct AllocateDelta {
  FrameworkId framework_id;
  std::string role;
  AgentId agent_id;
  resources::Resources resources;
  uint64_t proposal_id = 0;
  uint32_t offers = 0;  // unanswered ones that it consists of
};
struct RecoverDelta {
  FrameworkId framework_id;
  std::string role;
  AgentId agent_id;
  resources::Resources resources;
  absl::Duration refuse;
  uint64_t proposal_id = 0;  // of the offer that ends thereby; 0: none that this allocator proposed
  uint32_t offers = 0;       // that end thereby
};
struct ReviveDelta {
  FrameworkId framework_id;
  std::vector<std::string> roles;
};
struct SuppressDelta {
  FrameworkId framework_id;
  std::vector<std::string> roles;
};
struct WeightDelta {
  std::string role;
  double weight = 1;
};
struct QuotaDelta {
  std::string role;
  RoleQuota quota;
};
struct RolePolicyDelta {
  std::string role;
  RolePolicy policy;
};
// Agents that are here or may come back; 0: nobody is awaited.
struct RecoveryDelta {
  uint64_t agents_expected = 0;
};
// An inverse offer is not outstanding any more, or was not made.
struct InverseOfferResultDelta {
  FrameworkId framework_id;
  AgentId agent_id;
  absl::Duration refuse;
};
struct WhitelistDelta {
  WhitelistRef hostnames;
};
struct UpsertGangDelta {
  FrameworkId framework_id;
  std::string gang_id;
  std::string role;
  std::vector<GangBundle> bundles;
  bool distinct_agents = false;
  absl::Duration remaining;
};
struct RemoveGangDelta {
  FrameworkId framework_id;
  std::string gang_id;
};

struct ToAllocator {
  using Message =
      std::variant<HelloMessage, SnapshotBeginMessage, SnapshotEndMessage, ProposalResultMessage,
                   UpsertFrameworkDelta, RemoveFrameworkDelta, UpsertAgentDelta, RemoveAgentDelta,
                   AllocateDelta, RecoverDelta, ReviveDelta, SuppressDelta, WeightDelta, QuotaDelta,
                   RolePolicyDelta, InverseOfferResultDelta, WhitelistDelta, RecoveryDelta,
                   UpsertGangDelta, RemoveGangDelta>;

  ToAllocator(StreamId the_stream, uint64_t the_version, Message the_message)
      : stream(the_stream),
        version(the_version),
        message(std::make_shared<const Message>(std::move(the_message))) {}

  StreamId stream;
  // Of the books after this delta; 0 inside a snapshot and for other messages.
  uint64_t version;
  // Never null. Apart, because resources would make every effect three times as large.
  std::shared_ptr<const Message> message;
};

}  // namespace meros::master

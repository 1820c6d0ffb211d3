// The inputs and effects of the allocator's core: protos/meros/allocator/v1 in model types. The
// shell converts and validates; what it could not read comes as Unreadable, so that the core alone
// decides what follows from it.
//
// Owner: services/allocator/core. Thread rule: value types; thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/runtime/tick.h"
#include "services/allocator/core/explanation.h"
#include "services/allocator/core/model.h"

namespace meros::allocator {

// Changes of the master's books. See the proto for their meaning.
struct UpsertFramework {
  FrameworkState framework;
};
struct RemoveFramework {
  FrameworkId framework;
};
struct UpsertAgent {
  AgentState agent;
};
struct RemoveAgent {
  AgentId agent;
};
struct Allocate {
  HolderKey holder;
  AgentId agent;
  Resources resources;
  uint64_t proposal_id = 0;  // 0: not caused by a proposal
  uint32_t offers = 0;       // that are unanswered; 0: what runs
};
struct Recover {
  HolderKey holder;
  AgentId agent;
  Resources resources;
  absl::Duration refuse;     // zero: no filter
  uint64_t proposal_id = 0;  // of an offer that ended thereby; 0: of none
  uint32_t offers = 0;       // that ended thereby
};
struct Revive {
  FrameworkId framework;
  std::vector<std::string> roles;  // empty: all
};
struct Suppress {
  FrameworkId framework;
  std::vector<std::string> roles;  // empty: all
};
struct SetWeight {
  std::string role;
  double weight = 1;
};
struct SetQuota {
  std::string role;
  Quota quota;
};

struct ConfigureRole {
  std::string role;  // "": for the children of the root
  RoleSettings settings;
};
struct SetWhitelist {
  std::optional<absl::btree_set<std::string>> hostnames;  // nullopt: all agents
};
struct SetRecovery {
  uint64_t agents_expected = 0;  // 0: no waiting
};
struct SettleInverseOffer {
  FrameworkId framework;
  AgentId agent;
  absl::Duration refuse;
};

struct UpsertGang {
  GangState gang;
};
struct RemoveGang {
  GangKey gang;
};

using Change = std::variant<UpsertFramework, RemoveFramework, UpsertAgent, RemoveAgent, Allocate,
                            Recover, Revive, Suppress, SetWeight, SetQuota, ConfigureRole,
                            SetWhitelist, SetRecovery, SettleInverseOffer, UpsertGang, RemoveGang>;

// Messages of a master.
struct Hello {
  std::string master_id;
  uint64_t epoch = 0;
  std::string region = {};  // fault-domain region of the master; empty: none
};
struct SnapshotBegin {
  uint64_t version = 0;
};
struct SnapshotEnd {
  uint64_t version = 0;
};
struct Delta {
  uint64_t version = 0;  // 0 inside a snapshot
  Change change;
};
enum class RejectReason : uint8_t {
  kNone,  // accepted
  kNotFree,
  kAgentNotActive,
  kFrameworkNotActive,
  kTooManyOffers,
  kInvalid,
  kGang,  // another part of the gang was rejected, or nobody wants it any more
};
struct ProposalResult {
  uint64_t proposal_id = 0;
  RejectReason reject_reason = RejectReason::kNone;
};
// A message that is none: no member is set, or one that this version does not know.
struct UnknownMessage {
  std::string what;
};
// A delta whose content could not be read; `what` names the field.
struct UnreadableDelta {
  std::string what;
};

using MasterMessage = std::variant<Hello, SnapshotBegin, SnapshotEnd, Delta, ProposalResult,
                                   UnknownMessage, UnreadableDelta>;

// Inputs. A stream is known by its first frame.
struct FrameReceived {
  StreamId stream = 0;
  std::vector<MasterMessage> messages;
};
struct StreamClosed {
  StreamId stream = 0;
};

// Somebody asks why nothing is offered; the answer is an Explained of the same number.
struct ExplainAsked {
  uint64_t call = 0;
  ExplainQuery query;
};

// Effects.
struct Explained {
  uint64_t call = 0;
  // Behind a pointer: an effect must not be as large as an explanation.
  absl::StatusOr<std::shared_ptr<const Explanation>> explanation;
};
struct SendWelcome {
  StreamId stream = 0;
};
struct SendProposal {
  StreamId stream = 0;
  Proposal proposal;
};
struct SendGangProposal {
  StreamId stream = 0;
  GangProposal proposal;
};
struct SendInverseOffer {
  StreamId stream = 0;
  InverseOffer inverse_offer;
};
struct SendPreemption {
  StreamId stream = 0;
  PreemptionProposal preemption;
};
// For the log: the framework begins or ceases to hoard.
struct HoardingNoticed {
  HoardingChange change;
};
struct SendNeedSnapshot {
  StreamId stream = 0;
  std::string reason;
};
// Ends a stream after what was sent before.
struct CloseStream {
  StreamId stream = 0;
  absl::Status status;
};

}  // namespace meros::allocator

// The records on their way to the registry, and what becomes visible when they are durable.
//
//   Enqueue ─▶ WAITING (behind an earlier write of the same object) ─▶ IN_FLIGHT ─▶ done, `after`
//   is due
//                                                         ▲               │ unavailable
//                                                         └── RETRYING ◀──┘
//
// Writes of one object keep their order; different objects do not wait for each other. A
// framework's record that has not been sent is replaced by a newer one of the same framework. While
// the registry is away, writes wait here, with exponential delays between the tries; nothing else
// waits for them.
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/base/rng.h"
#include "services/master/core/effects.h"

namespace meros::master {

// What a durable write allows.
struct NothingAfter {};
struct AdmitAfter {
  AgentId agent_id;
};
struct UnreachableAfter {
  AgentId agent_id;
  absl::Time since;
};
struct ReachableAfter {
  AgentId agent_id;
};
// Why an agent leaves for good.
enum class Leaving { kByItself, kForMaintenance };
struct RemoveAgentAfter {
  AgentId agent_id;
  std::string reason;
  Leaving leaving = Leaving::kByItself;
};
// The oldest pending order about the agent.
struct AgentOrderAfter {
  AgentId agent_id;
};
// The oldest pending change of roles.
struct RolesAfter {};
// The oldest pending change of maintenance.
struct MaintenanceAfter {};
// A framework's tombstone.
struct FrameworkRemovedAfter {
  FrameworkId framework_id;
};
using AfterWrite = std::variant<NothingAfter, AdmitAfter, UnreachableAfter, ReachableAfter,
                                RemoveAgentAfter, AgentOrderAfter, RolesAfter, MaintenanceAfter,
                                FrameworkRemovedAfter>;

class RegistryQueue {
 public:
  // Queues a record of the object named by `key` and sends it unless an earlier one is before it.
  void Enqueue(std::string key, RegistryRecord record, AfterWrite after, uint64_t epoch,
               EffectList* out);

  // The write is durable, or refused for good. Sends the next one of the same object.
  // Nullopt if the token is unknown (an answer of an earlier leadership).
  std::optional<AfterWrite> Finish(uint64_t token, uint64_t epoch, EffectList* out);

  // The write may be tried again. Returns the delay after which Resend is wanted, nullopt for an
  // unknown token.
  std::optional<absl::Duration> Delay(uint64_t token, Rng* rng);
  void Resend(uint64_t token, uint64_t epoch, EffectList* out);

  // Writes not yet durable.
  size_t size() const { return writes_.size(); }

 private:
  struct Write {
    std::string key;
    std::shared_ptr<const RegistryRecord> record;
    AfterWrite after;
    int tries = 0;
  };

  absl::btree_map<uint64_t, Write> writes_;                       // by token
  absl::btree_map<std::string, std::deque<uint64_t>> by_object_;  // head is in flight or retrying
  uint64_t next_token_ = 1;
};

}  // namespace meros::master

// An offer: resources of one agent shown to one role of one framework, until the framework answers
// or the master takes them back. Immutable; it is in the OfferBook or it is nowhere.
//
//   ── proposal committed ─▶ OUTSTANDING ─▶ accepted | declined | rescinded | expired | taken back
//
// Thread rule: immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/resources/resources.h"
#include "meros/v1/agent.pb.h"
#include "services/master/core/maintenance.h"

namespace meros::master {

struct Offer {
  uint64_t sequence = 0;
  OfferId id;  // not guessable by other frameworks
  FrameworkId framework_id;
  std::string role;
  AgentId agent_id;
  resources::Resources resources;  // without allocation; not empty
  absl::Time made;
  absl::Time expires;                               // InfiniteFuture: never
  std::shared_ptr<const v1::AgentInfo> agent_info;  // as of the offer
  std::string agent_ip;                             // that it connected from, may be empty
  std::vector<ExecutorId> executors;                // of this framework on the agent
  std::optional<Unavailability> unavailability;     // when its machine goes away
  uint64_t proposal_id = 0;                         // that it was made of
  uint64_t allocator_stream = 0;                    // of the session of that proposal
  std::string gang_id;                              // empty: a part of none
};

using OfferRef = std::shared_ptr<const Offer>;

}  // namespace meros::master

// Inverse offers: who has been asked to give back what it has on an agent that goes away. One is
// outstanding per framework and agent; when it is settled, the next follows after the time that the
// framework refused for.
//
// Owner: services/allocator/core (Books). Thread rule: strand-confined.
#pragma once

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "services/allocator/core/mirror.h"
#include "services/allocator/core/model.h"

namespace meros::allocator {

class InverseOffers {
 public:
  // Maintenance of the agent was set, changed or taken back. REQUIRES: not called when it stayed.
  void OnMaintenance(const AgentId& agent, bool is_set);
  void OnAgentRemoved(const AgentId& agent) { agents_.erase(agent); }
  void OnFrameworkRemoved(const FrameworkId& framework);
  // Who holds what on the agent changed.
  void OnHolding(const AgentId& agent);
  // The framework wants to be asked again, or is connected again.
  void OnRevive(const FrameworkId& framework);

  // REQUIRES: refuse is not negative. Unknown ones are ignored: it raced with the end of
  // maintenance.
  void Settle(const FrameworkId& framework, const AgentId& agent, absl::Time refused_until);

  // Asks whoever is to be asked. With `all`, agents are looked at whose refusals may have ended.
  void Run(const Mirror& mirror, absl::Time now, bool all,
           absl::FunctionRef<void(InverseOffer)> emit);

  size_t agents() const { return agents_.size(); }

 private:
  struct Agent {
    // When each framework may be asked again; InfiniteFuture while one is outstanding.
    absl::btree_map<FrameworkId, absl::Time> asked;
    bool changed = true;
  };

  absl::btree_map<AgentId, Agent> agents_;  // with maintenance
};

}  // namespace meros::allocator

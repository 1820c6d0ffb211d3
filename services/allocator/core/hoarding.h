// Hoarding: who keeps much of the cluster on offer to itself while others want offers.
//
// One number per framework says it: the dominant share of what is on offer to it, averaged over
// time; what was on offer hoarding_window ago weighs 1/e of what is now. It does not matter whether
// the framework never answers, lets offers expire, or declines each after a long while: the average
// is what it has kept from others. Above hoarding_share, while another framework wants offers, it
// hoards; it does so until the average is below half of that.
//
// Nothing is done about it but saying so: the offer timeout of the master bounds what a single
// offer can do, weights and limits of roles what a framework can have.
//
// Limits: offers that were made before the mirror was loaded are not counted. A framework that is
// slow and uses its offers in the end counts as one that does not: it keeps as much from others.
//
// Owner: services/allocator/core (Books). Thread rule: strand-confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "services/allocator/core/mirror.h"
#include "services/allocator/core/model.h"

namespace meros::allocator {

class Hoarding {
 public:
  // `share` 0: nobody is ever said to hoard.
  Hoarding(double share, absl::Duration window) : share_(share), window_(window) {}

  // A proposal became an offer. REQUIRES: `id` is not on offer.
  void OnOffer(absl::Time now, uint64_t id, const FrameworkId& framework, const AgentId& agent,
               const Resources& resources, const ResourceQuantities& totals);
  // An offer has ended; nothing happens if it is not known.
  void OnEnded(absl::Time now, uint64_t id, const ResourceQuantities& totals);
  void OnFrameworkRemoved(const FrameworkId& framework);
  void OnAgentRemoved(absl::Time now, const AgentId& agent, const ResourceQuantities& totals);

  // Brings averages up to date; each batch. Cost: O(frameworks with offers).
  void Run(absl::Time now, const Mirror& mirror, absl::FunctionRef<void(HoardingChange)> emit);

  size_t count() const { return hoarders_; }
  // One line for each framework that hoards, up to a few.
  std::vector<std::string> Describe() const;

  // MEROS_CHECKs what is on offer to whom against the offers.
  void CheckInvariants() const;

 private:
  struct Offer {
    FrameworkId framework;
    AgentId agent;
    ResourceQuantities amount;
  };
  struct Account {
    size_t offers = 0;
    ResourceQuantities offered;
    double level = 0;     // the share of `offered`
    absl::Time since;     // of the level
    double area = 0;      // level times seconds since the last run
    absl::Time last_run;  // or when it began
    double average = 0;
    bool hoards = false;
  };

  static void SetLevel(absl::Time now, Account* account, const ResourceQuantities& totals);

  const double share_;
  const absl::Duration window_;
  absl::btree_map<uint64_t, Offer> offers_;  // by proposal
  absl::btree_set<std::pair<AgentId, uint64_t>> offers_by_agent_;
  absl::btree_map<FrameworkId, Account> accounts_;
  size_t hoarders_ = 0;
};

}  // namespace meros::allocator

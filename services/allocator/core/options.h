// How the allocator behaves; every bound of the core has its name here.
//
// Owner: services/allocator/core. Thread rule: value type; thread-compatible.
#pragma once

#include <cstddef>
#include <string>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/allocator/core/model.h"

namespace meros::allocator {

struct Options {
  // Between the end of a run over all agents and the next one.
  absl::Duration allocation_interval = absl::Seconds(1);
  // Least time between two runs that events cause; what happens meanwhile is one run.
  absl::Duration event_interval = absl::Milliseconds(1);
  // Added to event_interval for each proposal of the last run: about what a proposal costs master
  // and allocator together, so that frameworks which decline everything at once leave half of the
  // time to others.
  absl::Duration proposal_pace = absl::Microseconds(20);
  // A master that leaves a proposal unanswered this long is asked for a snapshot.
  absl::Duration proposal_timeout = absl::Seconds(60);
  // Between two requests for a snapshot while none of them leads to a mirror that fits: doubled
  // from the least to the most. Also how long a snapshot may be awaited before it is asked for
  // again.
  absl::Duration snapshot_backoff_min = absl::Milliseconds(100);
  absl::Duration snapshot_backoff_max = absl::Seconds(10);
  // A run stops when this many proposals wait for results, and goes on when results have come.
  size_t proposals_waiting_max = 200'000;
  // Refuse filters in all, and of one role of one framework on one agent. Beyond the first a filter
  // is not installed (and counted); beyond the second the one that ends first makes room.
  size_t filters_max = 5'000'000;
  size_t filters_per_pair_max = 16;

  // Each interval, next to what events have marked, so many agents are looked at that each is once
  // in this time: should an event ever fail to mark an agent, the agent is not lost.
  absl::Duration sweep_interval = absl::Minutes(5);
  // While a master recovers and there are quotas, nothing is proposed before this part of the
  // expected agents is there, or the timeout has passed since the session began.
  double recovery_factor = 0.8;
  absl::Duration recovery_timeout = absl::Minutes(10);

  // How long a guarantee is lacking before something is taken from others for it; and after how
  // long it is asked for again if it has not come (tasks have their grace).
  absl::Duration preemption_delay = absl::Seconds(2);
  absl::Duration preemption_interval = absl::Seconds(30);

  // How long, once, what is free is set aside for a gang that waits, one gang at a time; zero:
  // never. And at how many of the gangs that wait each batch looks, in turn.
  absl::Duration gang_hold_max = absl::Seconds(30);
  size_t gang_looks_max = 64;

  // A framework hoards while it has, on average over about the window, so much of the cluster on
  // offer and others want offers; 0: nobody does.
  double hoarding_share = 0.25;
  absl::Duration hoarding_window = absl::Minutes(1);

  // Where no role says otherwise.
  Placement placement = Placement::kRandom;
  Sorter sorter = Sorter::kDrf;
  // For frameworks that name no minimum for a role.
  MinAllocatable min_allocatable;
  // Names that do not count in fair shares.
  absl::btree_set<std::string> fair_sharing_excluded_resource_names;
  // Keeps agents that have gpus for frameworks that can use them.
  bool filter_gpu_resources = true;

  // ERRORS: InvalidArgument naming the option and its bounds.
  absl::Status Validate() const;
};

}  // namespace meros::allocator

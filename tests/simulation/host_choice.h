// Which agents a framework wants to be offered, as it says so in offer constraints.
//
// Thread rule: thread-compatible.
#pragma once

#include <set>
#include <string>

#include "libs/base/rng.h"
#include "meros/v1/scheduler/scheduler.pb.h"

namespace meros::simulation {

class HostChoice {
 public:
  // Of agents that are called agent-1 to agent-N.
  HostChoice(int agents, Rng rng);

  // It wants some agents only. Who is not takes any.
  bool is_picky() const { return !refused_.empty(); }
  bool Takes(const std::string& hostname) const { return !refused_.contains(hostname); }
  // REQUIRES: is_picky().
  v1::scheduler::OfferConstraints ToConstraints(const std::string& role) const;
  // Any agent will do from now on.
  void GiveUp() { refused_.clear(); }

 private:
  enum class Way { kNames, kOtherNames, kExpression, kOtherExpression };

  std::set<std::string> wanted_;
  std::set<std::string> refused_;
  Way way_ = Way::kNames;
};

}  // namespace meros::simulation

// What operators of a simulated cluster do, and how they undo it, by what the leader's books show.
//
// Thread rule: pure functions but for what they draw; thread-compatible.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libs/base/rng.h"
#include "services/master/core/books.h"
#include "tests/simulation/operator_calls.h"

namespace meros::simulation {

// Which kinds of deeds a world knows.
struct OperatorHabits {
  bool operations = false;
  bool roles = false;
  bool claims = false;  // large guarantees, for which others give way; with `roles`
  bool orders = false;
  bool maintenance = false;
  bool teardown = false;
  bool kills = false;  // of tasks
  bool whitelist = false;

  bool any() const {
    return operations || roles || orders || maintenance || teardown || kills || whitelist;
  }
};

class OperatorDeeds {
 public:
  // The role for which operators reserve what no framework is to have.
  static constexpr char kRole[] = "role-of-operators";

  // `roles` are those of frameworks.
  OperatorDeeds(const OperatorHabits& habits, std::vector<std::string> roles, Rng rng)
      : habits_(habits), roles_(std::move(roles)), rng_(rng) {}

  // Something to do; nothing if what was drawn has no object.
  std::optional<OperatorCall> Draw(const master::Books& books);
  // The next step back to a cluster of which operators want nothing; nothing if it is one.
  std::optional<OperatorCall> Undo(const master::Books& books);

 private:
  const master::Agent* DrawAgent(const master::Books& books);
  std::optional<OperatorCall> DrawOperation(const master::Books& books);
  std::optional<OperatorCall> DrawReserve(const master::Agent& agent);
  std::optional<OperatorCall> DrawVolume(const master::Agent& agent,
                                         const resources::Resource& volume);
  std::optional<OperatorCall> DrawOrder(const master::Books& books);
  std::optional<OperatorCall> DrawMaintenance(const master::Books& books);
  std::optional<OperatorCall> DrawTeardown(const master::Books& books);
  std::optional<OperatorCall> DrawKill(const master::Books& books);
  OperatorCall DrawRole();
  OperatorCall DrawClaim(const master::Books& books);
  // All that names a request so that it can be told from others.
  template <typename Request>
  OperatorCall Named(Request request);

  const OperatorHabits habits_;
  const std::vector<std::string> roles_;
  Rng rng_;
  int last_volume_ = 0;
};

}  // namespace meros::simulation

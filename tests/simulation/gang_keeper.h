// The gangs that a framework waits for, and what must be true of them: all offers of a gang come in
// one event and are enough for it; a gang is offered, or ended, or lost with the stream, once.
//
// Thread rule: thread-compatible.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libs/base/rng.h"
#include "meros/v1/scheduler/scheduler.pb.h"
#include "tests/simulation/ledger.h"

namespace meros::simulation {

class GangKeeper {
 public:
  GangKeeper(int agents, Ledger* ledger, Rng rng);

  // A gang to ask for, or to withdraw; mostly nothing.
  std::optional<v1::scheduler::Call> Draw();
  void OnOffers(const v1::scheduler::Event::Offers& offers);
  void OnEnded(const v1::scheduler::Event::GangEnded& ended);
  // With the stream masters forget what was asked on it.
  void OnDisconnected() { asked_.clear(); }

 private:
  struct Asked {
    double cpus = 0;  // of all bundles together
    size_t agents_min = 1;
    bool is_too_large = false;  // to be refused
    bool is_withdrawn = false;  // what crossed that on its way may still come
  };

  v1::scheduler::Call Ask();
  v1::scheduler::Call Withdraw(const std::string& id);
  void OnGang(const std::string& id, const std::vector<const v1::Offer*>& offers);

  const int agents_;
  Ledger& ledger_;
  Rng rng_;
  bool asks_ = false;
  std::map<std::string, Asked> asked_;
};

}  // namespace meros::simulation

// Whether the whitelist is kept to: who proposes offers to a master and knows its list proposes
// only agents that are on it.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>

#include "services/master/core/allocator_messages.h"
#include "services/master/core/books.h"
#include "services/master/core/inputs.h"
#include "tests/simulation/ledger.h"

namespace meros::simulation {

// Of one run of a master.
class WhitelistLedger {
 public:
  explicit WhitelistLedger(Ledger* ledger) : ledger_(*ledger) {}

  void OnToAllocator(const master::ToAllocator& message);
  // What comes from the session that was told the above.
  void OnFromAllocator(const master::Input& input, const master::Books& books);

 private:
  void OnProposal(const master::Proposal& proposal, const master::Books& books);

  Ledger& ledger_;
  master::WhitelistRef told_;  // to this session
  uint64_t told_version_ = 0;  // who has seen it knows the list
};

}  // namespace meros::simulation

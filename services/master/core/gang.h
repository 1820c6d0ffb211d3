// Gangs: bundles of resources that a framework wants offered all at once or not at all. The master
// keeps them for as long as they wait, so that an allocator which starts anew is told of them.
//
//   ── REQUEST ─▶ WAITING ─▶ offered | deadline passed | withdrawn | replaced | subscription ended
//
// A pure index: changed by transaction.h, which tells the allocator.
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/resources/quantities.h"

namespace meros::master {

struct GangBundle {
  resources::ResourceQuantities amount;  // on one agent; not empty
  uint32_t count = 1;
};

struct Gang {
  uint64_t sequence = 0;  // in the order of asking
  FrameworkId framework_id;
  std::string id;  // the framework's name for it
  std::string role;
  std::vector<GangBundle> bundles;  // not empty
  bool distinct_agents = false;
  absl::Time deadline;

  // Of all bundles together.
  resources::ResourceQuantities Total() const;
};

class GangBook {
 public:
  // REQUIRES: key and sequence are new.
  const Gang& Insert(Gang gang);
  // REQUIRES: it is there.
  void Erase(uint64_t sequence);

  // Null if there is none.
  const Gang* Find(const FrameworkId& framework_id, const std::string& id) const;
  const Gang* Find(uint64_t sequence) const;
  // Sequences, in order of their names.
  std::vector<uint64_t> Of(const FrameworkId& framework_id) const;

  // In the order of asking.
  const absl::btree_map<uint64_t, Gang>& all() const { return gangs_; }
  uint64_t NextSequence() { return next_sequence_++; }

 private:
  absl::btree_map<uint64_t, Gang> gangs_;
  absl::btree_map<std::pair<FrameworkId, std::string>, uint64_t> sequence_by_key_;
  uint64_t next_sequence_ = 1;
};

}  // namespace meros::master

// Owns the operations that are not done with. Agents point into it; transaction.h keeps the two
// together.
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "services/master/core/operation.h"

namespace meros::master {

class OperationBook {
 public:
  using Map = absl::btree_map<uint64_t, std::unique_ptr<Operation>>;

  // Takes the operation and numbers it. The pointer stays good until Erase. REQUIRES: the uuid is
  // new.
  Operation* Insert(Operation operation);
  // REQUIRES: it is there.
  void Erase(uint64_t sequence);
  // It has no name any more: nobody waits for its result.
  void Unname(Operation* operation);

  // Null if there is none. Of several of one name, the first.
  Operation* FindByUuid(const std::string& uuid) const;
  Operation* FindByName(const FrameworkId& framework_id, const std::string& id) const;
  // Those of the framework that have a name.
  std::vector<Operation*> NamedOf(const FrameworkId& framework_id) const;

  // In order of entry.
  const Map& all() const { return operations_; }

  void CheckInvariants() const;

 private:
  using Name = std::pair<FrameworkId, std::string>;

  Map operations_;
  absl::flat_hash_map<std::string, Operation*> by_uuid_;  // lookup only
  absl::btree_map<Name, Operation*> by_name_;
  uint64_t next_sequence_ = 1;
};

}  // namespace meros::master

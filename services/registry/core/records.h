// The registry's records in memory: what is durable, in key order. A batch being written is an overlay
// that becomes part of it only when the store has it.
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "meros/registry/v1/registry_service.pb.h"

namespace meros::registry {

// Kind and name; ordered as listings are.
using Key = std::pair<int, std::string>;

struct Value {
  std::string bytes;
  uint64_t revision = 0;  // of the commit that wrote it
};

// One change of a store transaction; no value deletes the record.
struct StoreChange {
  Key key;
  std::optional<Value> value;
};

class Records {
 public:
  // The durable value, or null.
  const Value* Find(const Key& key) const;

  // Applies what the store has made durable.
  void Apply(const std::vector<StoreChange>& changes);

  // Records of the kinds (all if empty), in key order, in parts of about `part_bytes`. Never empty; the
  // last part has `last` set. LEASE records are listed like any other.
  std::vector<v1::ListResult> List(const v1::List& wanted, uint64_t revision,
                                   size_t part_bytes) const;

  size_t size() const { return values_.size(); }
  uint64_t value_bytes() const { return value_bytes_; }

 private:
  std::map<Key, Value> values_;
  uint64_t value_bytes_ = 0;  // sum of the values' sizes
};

}  // namespace meros::registry

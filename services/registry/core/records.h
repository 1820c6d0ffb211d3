// The registry's records in memory: what is durable, in key order. A batch being written is an overlay
// that becomes part of it only when the store has it.
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "meros/registry/v1/registry_service.pb.h"

namespace meros::registry {

// Kind and name; ordered as listings are.
using Key = std::pair<int, std::string>;

// Never changes; copies share the bytes, on any thread.
class Value {
 public:
  // `revision` is that of the commit that wrote it.
  Value(std::string bytes, uint64_t revision)
      : bytes_(std::make_shared<const std::string>(std::move(bytes))), revision_(revision) {}

  const std::string& bytes() const { return *bytes_; }
  uint64_t revision() const { return revision_; }

 private:
  std::shared_ptr<const std::string> bytes_;
  uint64_t revision_;
};

// One change of a store transaction; no value deletes the record.
struct StoreChange {
  Key key;
  std::optional<Value> value;
};

// About how much of a listing it takes, in bytes.
inline size_t ListedBytes(const Key& key, const Value& value) {
  return key.second.size() + value.bytes().size() + 16;
}
inline size_t ListedBytes(const StoreChange& change) {
  return change.value.has_value() ? ListedBytes(change.key, *change.value)
                                  : change.key.second.size() + 16;
}

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

  // All as they are now, in key order. Cost: O(records), whatever the size of the values.
  std::vector<StoreChange> All() const;

  size_t size() const { return values_.size(); }
  uint64_t value_bytes() const { return value_bytes_; }

 private:
  std::map<Key, Value> values_;
  uint64_t value_bytes_ = 0;  // sum of the values' sizes
};

}  // namespace meros::registry

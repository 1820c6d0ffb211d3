#include "services/registry/core/records.h"

#include <algorithm>

namespace meros::registry {

const Value* Records::Find(const Key& key) const {
  const auto it = values_.find(key);
  return it == values_.end() ? nullptr : &it->second;
}

void Records::Apply(const std::vector<StoreChange>& changes) {
  for (const StoreChange& change : changes) {
    const auto it = values_.find(change.key);
    if (it != values_.end()) {
      value_bytes_ -= it->second.bytes().size();
      values_.erase(it);
    }
    if (change.value.has_value()) {
      value_bytes_ += change.value->bytes().size();
      values_.emplace(change.key, *change.value);
    }
  }
}

std::vector<v1::ListResult> Records::List(const v1::List& wanted, uint64_t revision,
                                          size_t part_bytes) const {
  std::vector<v1::ListResult> parts(1);
  size_t bytes = 0;
  for (const auto& [key, value] : values_) {
    const auto& kinds = wanted.kinds();
    if (!kinds.empty() && std::find(kinds.begin(), kinds.end(), key.first) == kinds.end()) continue;
    if (bytes > 0 && bytes + ListedBytes(key, value) > part_bytes) {
      parts.emplace_back();
      bytes = 0;
    }
    v1::Record* record = parts.back().add_records();
    record->mutable_key()->set_kind(static_cast<v1::RecordKind>(key.first));
    record->mutable_key()->set_name(key.second);
    record->set_value(value.bytes());
    record->set_revision(value.revision());
    bytes += ListedBytes(key, value);
  }
  for (v1::ListResult& part : parts) part.set_revision(revision);
  parts.back().set_last(true);
  return parts;
}

std::vector<StoreChange> Records::All() const {
  std::vector<StoreChange> all;
  all.reserve(values_.size());
  for (const auto& [key, value] : values_) all.push_back({key, value});
  return all;
}

}  // namespace meros::registry

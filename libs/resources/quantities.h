// Amounts by resource name, without metadata: what can be summed over agents and compared with
// quota.
//
//   ResourceQuantities  an absent name means 0.
//   ResourceLimits      an absent name means no limit.
//
// Both are kept sorted by name, so that walking them is deterministic.
// Thread rule: value types; thread-compatible.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "libs/resources/name.h"
#include "libs/resources/scalar.h"

namespace meros::resources {

class ResourceQuantities {
 public:
  using Entry = std::pair<ResourceName, Scalar>;
  using const_iterator = const Entry*;

  ResourceQuantities() = default;

  // No entry is 0.
  bool empty() const { return entries_.empty(); }
  const_iterator begin() const { return entries_.data(); }
  const_iterator end() const { return entries_.data() + entries_.size(); }

  // 0 if absent.
  Scalar Get(const ResourceName& name) const;
  // Adds to what is there. Amounts may not be negative. Cost: O(n).
  void Add(const ResourceName& name, Scalar amount);

  // At least as much of every name.
  bool Contains(const ResourceQuantities& other) const;
  ResourceQuantities& operator+=(const ResourceQuantities& other);
  // Never below 0; names that reach 0 vanish.
  ResourceQuantities& operator-=(const ResourceQuantities& other);

  // "cpus:4;mem:512"; "{}" if empty.
  std::string ToString() const;

  friend bool operator==(const ResourceQuantities&, const ResourceQuantities&) = default;

 private:
  absl::InlinedVector<Entry, 4> entries_;
};

inline ResourceQuantities operator+(ResourceQuantities a, const ResourceQuantities& b) {
  return std::move(a += b);
}
inline ResourceQuantities operator-(ResourceQuantities a, const ResourceQuantities& b) {
  return std::move(a -= b);
}

class ResourceLimits {
 public:
  using Entry = std::pair<ResourceName, Scalar>;
  using const_iterator = const Entry*;

  ResourceLimits() = default;

  // True if nothing is limited.
  bool empty() const { return entries_.empty(); }
  const_iterator begin() const { return entries_.data(); }
  const_iterator end() const { return entries_.data() + entries_.size(); }

  // nullopt if there is no limit.
  std::optional<Scalar> Get(const ResourceName& name) const;
  // Replaces. A limit of 0 forbids the resource.
  void Set(const ResourceName& name, Scalar limit);

  // Every amount is within its limit.
  bool Contains(const ResourceQuantities& quantities) const;
  // Lowers each limit by what is used of its name, never below 0; unlimited names stay so.
  ResourceLimits& operator-=(const ResourceQuantities& used);

  // "cpus:4;mem:512"; "{}" if nothing is limited.
  std::string ToString() const;

  friend bool operator==(const ResourceLimits&, const ResourceLimits&) = default;

 private:
  absl::InlinedVector<Entry, 4> entries_;
};

}  // namespace meros::resources

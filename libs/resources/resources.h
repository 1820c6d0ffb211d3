// The resources of one agent, or a part of them: the value that the whole system counts with.
//
// A Resources holds objects (see resource.h) in a canonical order, each kind at most once, so equal
// resources are equal values and whatever is derived from them is deterministic. The exceptions are
// indivisible pieces (persistent volumes, mounts, block devices, raw volumes with an id): they keep
// their boundaries, so several of one kind may stand side by side.
//
// The rules of arithmetic, which are those of Mesos:
//  - Add merges objects of equal kind. Indivisible pieces are put beside each other. A shared
//    resource that is there already gains a share instead.
//  - Subtract takes from the object of equal kind and never goes below nothing. An indivisible
//    piece goes only as a whole; a shared resource loses a share. Empty objects vanish.
//  - Contains asks that for each object on the right there is one of equal kind on the left with at
//    least its amount.
// Hence (a + b) - b == a wherever a and b share no number of a range and no item of a set.
//
// Resources of different agents must not be mixed: ports and volumes would collide. Sums over
// agents are ResourceQuantities (quantities.h).
//
// Bounds: none of its own; validation.h bounds what comes from outside.
// Thread rule: value type; thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/resources/quantities.h"
#include "libs/resources/resource.h"

namespace meros::resources {

class Resources {
 public:
  using const_iterator = const Resource*;

  Resources() = default;
  // Implicit, because one resource is resources. An empty resource gives an empty value.
  Resources(const Resource& resource) { Add(resource); }  // NOLINT(google-explicit-constructor)
  // The sum of `list`, in any order. Cost: O(n log n) comparisons; objects that come in canonical
  // order are appended, others inserted.
  explicit Resources(absl::Span<const Resource> list);

  // Shorthand for tests and tools: plain scalars in whole units, absent if 0.
  static Resources Of(int64_t cpus, int64_t mem_mib, int64_t disk_mib = 0);

  bool empty() const { return items_.empty(); }
  size_t size() const { return items_.size(); }
  // In canonical order.
  const_iterator begin() const { return items_.data(); }
  const_iterator end() const { return items_.data() + items_.size(); }

  // Arithmetic. Cost: O(n + m).
  void Add(const Resource& resource);
  Resources& operator+=(const Resources& other);
  void Subtract(const Resource& resource);
  Resources& operator-=(const Resources& other);
  bool Contains(const Resources& other) const;
  // Whether the amounts suffice whatever their metadata.
  bool Contains(const ResourceQuantities& quantities) const;

  // Amounts by name: scalars, and counts for ranges and sets. A shared resource counts once.
  ResourceQuantities Quantities() const;
  // The same of scalars alone, which is what fair shares and quota are made of.
  ResourceQuantities ScalarQuantities() const;

  // The sum of all scalars of a name; 0 if there is none.
  Scalar GetScalar(const ResourceName& name) const;
  Scalar Cpus() const { return GetScalar(ResourceName::Cpus()); }
  Scalar Mem() const { return GetScalar(ResourceName::Mem()); }    // MiB
  Scalar Disk() const { return GetScalar(ResourceName::Disk()); }  // MiB
  Scalar Gpus() const { return GetScalar(ResourceName::Gpus()); }
  // The union of all ranges of a name.
  Ranges GetRanges(const ResourceName& name) const;
  Ranges Ports() const { return GetRanges(ResourceName::Ports()); }

  // Parts. `keep` is called with each Resource.
  template <typename Predicate>
  Resources Filter(Predicate keep) const;
  Resources AllocatableTo(absl::string_view role) const;
  Resources Reserved() const;
  // Reserved for exactly this role (top of the stack).
  Resources Reserved(absl::string_view role) const;
  Resources Unreserved() const;
  Resources Revocable() const;
  Resources NonRevocable() const;
  Resources Shared() const;
  Resources NonShared() const;
  Resources PersistentVolumes() const;
  Resources Scalars() const;
  Resources Named(const ResourceName& name) const;
  // What an agent must remember across restarts: dynamic reservations and persistent volumes of its
  // own (resource providers keep theirs).
  Resources NeedingCheckpoint() const;

  // Reserved resources by role of the top of the stack.
  absl::btree_map<std::string, Resources> ReservationsByRole() const;
  // Resources by the role they are allocated to; not allocated ones under "".
  absl::btree_map<std::string, Resources> AllocationsByRole() const;

  // The same resources allocated to `role` (whatever they were allocated to before), or to none.
  Resources WithAllocationRole(absl::string_view role) const;
  Resources WithoutAllocation() const;
  // Fills the allocation role only where there is none.
  Resources WithDefaultAllocationRole(absl::string_view role) const;

  // The same resources with one more level of reservation, or without the top level.
  // REQUIRES: for Pop, every object is reserved.
  Resources PushReservation(const Reservation& reservation) const;
  Resources PopReservation() const;
  Resources WithoutReservations() const;

  // One line in canonical order: "cpus:4;mem:512;ports(eng):[31000-32000]". Empty: "{}".
  std::string DebugString() const;

  friend bool operator==(const Resources& a, const Resources& b) { return a.items_ == b.items_; }
  template <typename H>
  friend H AbslHashValue(H state, const Resources& resources) {
    return H::combine(std::move(state), absl::MakeConstSpan(resources.items_));
  }

 private:
  using Storage = absl::InlinedVector<Resource, 4>;

  struct Position {
    size_t index;
    bool found;
  };

  // The first item from `from` on whose kind is not below that of `resource`, and whether it is
  // equal.
  Position Find(size_t from, const Resource& resource) const;
  // The item of the kind and value of `resource`, or where it would stand. REQUIRES: `first` is the
  // first item of its kind.
  Position FindEqual(size_t first, const Resource& resource) const;
  // Add and subtract with a hint: no item before `from` has the kind. Return the hint for the next
  // resource in canonical order.
  size_t AddFrom(size_t from, const Resource& resource);
  size_t SubtractFrom(size_t from, const Resource& resource);
  // Rebuilds with each object's metadata replaced by `change(metadata)`.
  template <typename Change>
  Resources MapMetadata(Change change) const;

  Storage items_;
};

inline Resources operator+(Resources a, const Resources& b) { return std::move(a += b); }
inline Resources operator-(Resources a, const Resources& b) { return std::move(a -= b); }

template <typename Predicate>
Resources Resources::Filter(Predicate keep) const {
  Resources result;
  for (const Resource& item : items_) {
    // A part of a canonical list is canonical.
    if (keep(item)) result.items_.push_back(item);
  }
  return result;
}

}  // namespace meros::resources

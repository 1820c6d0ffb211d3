// One resource: a name, an amount and metadata, such as 4 cpus reserved for role eng.
//
// Thread rule: value type; thread-compatible.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "libs/resources/metadata.h"
#include "libs/resources/name.h"
#include "libs/resources/ranges.h"
#include "libs/resources/scalar.h"
#include "libs/resources/sets.h"

namespace meros::resources {

// The amount. Its alternative is the type of the resource.
using Value = std::variant<Scalar, Ranges, StringSet>;

class Resource {
 public:
  // `shares` counts the uses of a shared resource; it is 1 for all others.
  Resource(ResourceName name, Value value, MetadataRef metadata = {}, uint32_t shares = 1)
      : name_(std::move(name)),
        value_(std::move(value)),
        metadata_(std::move(metadata)),
        shares_(shares) {}

  const ResourceName& name() const { return name_; }
  const Value& value() const { return value_; }
  const MetadataRef& metadata() const { return metadata_; }
  uint32_t shares() const { return shares_; }

  bool is_scalar() const { return value_.index() == 0; }
  // REQUIRES: the value has that type.
  Scalar scalar() const { return std::get<Scalar>(value_); }
  const Ranges& ranges() const { return std::get<Ranges>(value_); }
  const StringSet& set() const { return std::get<StringSet>(value_); }

  // Nothing left of it: a scalar that is not positive, no numbers, no items.
  bool empty() const;
  // The amount as a number: the scalar, or how many numbers or items there are.
  Scalar Quantity() const;

  bool is_reserved() const { return !metadata_->reservations.empty(); }
  // Reserved for exactly this role, at the top of the stack.
  bool IsReservedFor(absl::string_view role) const;
  // Whether a framework of `role` may be given it: unreserved, or reserved for the role or an
  // ancestor of it.
  bool IsAllocatableTo(absl::string_view role) const;
  bool is_dynamically_reserved() const;
  // More than one level of reservation: invisible to peers that do not know refinement.
  bool has_refined_reservation() const { return metadata_->reservations.size() > 1; }
  bool is_revocable() const { return metadata_->revocable; }
  bool is_shared() const { return metadata_->shared; }
  bool is_persistent_volume() const {
    return metadata_->disk.has_value() && metadata_->disk->persistence.has_value();
  }
  bool is_indivisible() const { return !metadata_.is_plain() && IsIndivisible(*metadata_); }

  // Copies with one thing changed.
  Resource WithValue(Value value) const;
  Resource WithMetadata(MetadataRef metadata) const;
  Resource WithShares(uint32_t shares) const;

  // Whether both could be parts of one resource: equal name, type of value and metadata.
  bool SameKind(const Resource& other) const {
    return name_ == other.name_ && value_.index() == other.value_.index() &&
           metadata_ == other.metadata_;
  }
  // By name, type of value and metadata: the order inside Resources.
  static std::strong_ordering CompareKind(const Resource& a, const Resource& b);

  // "cpus(eng):4" and, for what text cannot express, further words in the parentheses.
  std::string DebugString() const;

  friend bool operator==(const Resource& a, const Resource& b) {
    return a.SameKind(b) && a.value_ == b.value_ && a.shares_ == b.shares_;
  }
  template <typename H>
  friend H AbslHashValue(H state, const Resource& r) {
    state = H::combine(std::move(state), r.name_, r.metadata_, r.shares_, r.value_.index());
    return std::visit([&state](const auto& value) { return H::combine(std::move(state), value); },
                      r.value_);
  }

 private:
  friend class Resources;

  ResourceName name_;
  Value value_;
  MetadataRef metadata_;
  uint32_t shares_;
};

// "4", "[31000-32000]" or "{a, b}".
std::string ValueText(const Value& value);

}  // namespace meros::resources

// Arithmetic. The parts and metadata changes are in resources_parts.cc.
#include "libs/resources/resources.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_join.h"

namespace meros::resources {
namespace {

// How many items are scanned before bisecting: most agents have fewer.
constexpr size_t kScan = 4;

// Adds `other` to `*value`. REQUIRES: the same type.
void AddValue(const Value& other, Value* value) {
  if (Scalar* scalar = std::get_if<Scalar>(value)) {
    *scalar += *std::get_if<Scalar>(&other);
  } else if (Ranges* ranges = std::get_if<Ranges>(value)) {
    *ranges += *std::get_if<Ranges>(&other);
  } else {
    std::get<StringSet>(*value) += std::get<StringSet>(other);
  }
}

void SubtractValue(const Value& other, Value* value) {
  if (Scalar* scalar = std::get_if<Scalar>(value)) {
    *scalar -= *std::get_if<Scalar>(&other);
  } else if (Ranges* ranges = std::get_if<Ranges>(value)) {
    *ranges -= *std::get_if<Ranges>(&other);
  } else {
    std::get<StringSet>(*value) -= std::get<StringSet>(other);
  }
}

bool ValueContains(const Value& value, const Value& other) {
  if (const Scalar* scalar = std::get_if<Scalar>(&value)) {
    return *scalar >= *std::get_if<Scalar>(&other);
  }
  if (const Ranges* ranges = std::get_if<Ranges>(&value)) {
    return ranges->Contains(*std::get_if<Ranges>(&other));
  }
  return std::get<StringSet>(value).Contains(std::get<StringSet>(other));
}

// Whether objects of this kind keep their boundaries, so that only equal values meet.
bool MeetsOnlyEquals(const Resource& resource) {
  return resource.is_indivisible() || resource.is_shared();
}

}  // namespace

Resources::Resources(absl::Span<const Resource> list) {
  for (const Resource& resource : list) Add(resource);
}

Resources Resources::Of(int64_t cpus, int64_t mem_mib, int64_t disk_mib) {
  Resources result;
  result.Add(Resource(ResourceName::Cpus(), Scalar::FromUnits(cpus)));
  result.Add(Resource(ResourceName::Mem(), Scalar::FromUnits(mem_mib)));
  result.Add(Resource(ResourceName::Disk(), Scalar::FromUnits(disk_mib)));
  return result;
}

Resources::Position Resources::Find(size_t from, const Resource& resource) const {
  const size_t scan_end = std::min(items_.size(), from + kScan);
  for (size_t i = from; i < scan_end; ++i) {
    const auto order = Resource::CompareKind(items_[i], resource);
    if (order >= 0) return {i, order == 0};
  }
  const auto found = std::lower_bound(
      items_.begin() + static_cast<std::ptrdiff_t>(scan_end), items_.end(), resource,
      [](const Resource& a, const Resource& b) { return Resource::CompareKind(a, b) < 0; });
  return {static_cast<size_t>(found - items_.begin()),
          found != items_.end() && found->SameKind(resource)};
}

Resources::Position Resources::FindEqual(size_t first, const Resource& resource) const {
  // Bisected, because a message may hold thousands of mounts of one kind.
  const auto found =
      std::lower_bound(items_.begin() + static_cast<std::ptrdiff_t>(first), items_.end(), resource,
                       [](const Resource& a, const Resource& b) {
                         const auto order = Resource::CompareKind(a, b);
                         return order < 0 || (order == 0 && a.value_ < b.value_);
                       });
  const bool is_equal =
      found != items_.end() && found->value_ == resource.value_ && found->SameKind(resource);
  return {static_cast<size_t>(found - items_.begin()), is_equal};
}

size_t Resources::AddFrom(size_t from, const Resource& resource) {
  if (resource.empty()) return from;
  const Position first = Find(from, resource);
  if (first.found && !MeetsOnlyEquals(resource)) {
    AddValue(resource.value_, &items_[first.index].value_);
    return first.index;
  }
  const Position at = first.found ? FindEqual(first.index, resource) : first;
  if (at.found && resource.is_shared()) {
    items_[at.index].shares_ += resource.shares_;
  } else {
    items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(at.index), resource);
  }
  return first.index;
}

size_t Resources::SubtractFrom(size_t from, const Resource& resource) {
  const Position first = Find(from, resource);
  if (!first.found) return first.index;
  size_t at = first.index;
  if (MeetsOnlyEquals(resource)) {
    const Position equal = FindEqual(at, resource);
    if (!equal.found) return at;
    at = equal.index;
    items_[at].shares_ -= std::min(items_[at].shares_, resource.shares_);
    if (items_[at].shares_ > 0) return first.index;
  } else {
    SubtractValue(resource.value_, &items_[at].value_);
    if (!items_[at].empty()) return at;
  }
  items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(at));
  return first.index;
}

void Resources::Add(const Resource& resource) {
  // Lists are mostly built in order.
  const bool is_last = !items_.empty() && Resource::CompareKind(items_.back(), resource) < 0;
  AddFrom(is_last ? items_.size() : 0, resource);
}

Resources& Resources::operator+=(const Resources& other) {
  if (items_.empty()) return *this = other;
  if (&other == this) return *this += Resources(other);
  size_t at = 0;
  for (const Resource& resource : other) at = AddFrom(at, resource);
  return *this;
}

void Resources::Subtract(const Resource& resource) { SubtractFrom(0, resource); }

Resources& Resources::operator-=(const Resources& other) {
  if (&other == this) {
    items_.clear();
    return *this;
  }
  size_t at = 0;
  for (const Resource& resource : other) at = SubtractFrom(at, resource);
  return *this;
}

bool Resources::Contains(const Resources& other) const {
  size_t from = 0;
  for (const Resource& wanted : other) {
    Position at = Find(from, wanted);
    from = at.index;
    if (at.found && MeetsOnlyEquals(wanted)) {
      at = FindEqual(at.index, wanted);
      from = at.index + 1;  // Each piece answers for one.
    }
    if (!at.found || items_[at.index].shares_ < wanted.shares_ ||
        !ValueContains(items_[at.index].value_, wanted.value_)) {
      return false;
    }
  }
  return true;
}

bool Resources::Contains(const ResourceQuantities& quantities) const {
  return Quantities().Contains(quantities);
}

ResourceQuantities Resources::Quantities() const {
  ResourceQuantities result;
  for (const Resource& item : items_) result.Add(item.name(), item.Quantity());
  return result;
}

ResourceQuantities Resources::ScalarQuantities() const {
  ResourceQuantities result;
  for (const Resource& item : items_) {
    if (item.is_scalar()) result.Add(item.name(), item.scalar());
  }
  return result;
}

Scalar Resources::GetScalar(const ResourceName& name) const {
  Scalar sum;
  for (const Resource& item : items_) {
    if (item.is_scalar() && item.name() == name) sum += item.scalar();
  }
  return sum;
}

Ranges Resources::GetRanges(const ResourceName& name) const {
  Ranges result;
  for (const Resource& item : items_) {
    const Ranges* ranges = std::get_if<Ranges>(&item.value());
    if (ranges != nullptr && item.name() == name) result += *ranges;
  }
  return result;
}

std::string Resources::DebugString() const {
  if (empty()) return "{}";
  return absl::StrJoin(
      items_, ";", [](std::string* out, const Resource& item) { out->append(item.DebugString()); });
}

}  // namespace meros::resources

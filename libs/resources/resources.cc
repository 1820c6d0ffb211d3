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

size_t Resources::LowerBound(size_t from, const Resource& resource) const {
  const size_t scan_end = std::min(items_.size(), from + kScan);
  for (size_t i = from; i < scan_end; ++i) {
    if (Resource::CompareKind(items_[i], resource) >= 0) return i;
  }
  const auto found = std::lower_bound(
      items_.begin() + static_cast<std::ptrdiff_t>(scan_end), items_.end(), resource,
      [](const Resource& a, const Resource& b) { return Resource::CompareKind(a, b) < 0; });
  return static_cast<size_t>(found - items_.begin());
}

size_t Resources::AddFrom(size_t from, const Resource& resource) {
  if (resource.empty()) return from;
  const size_t at = LowerBound(from, resource);
  if (at == items_.size() || !items_[at].SameKind(resource)) {
    items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(at), resource);
    return at;
  }
  if (!MeetsOnlyEquals(resource)) {
    AddValue(resource.value_, &items_[at].value_);
    return at;
  }
  // Among its like, by value.
  size_t i = at;
  while (i < items_.size() && items_[i].SameKind(resource) &&
         items_[i].value_ < resource.value_) {
    ++i;
  }
  const bool is_there = i < items_.size() && items_[i].SameKind(resource) &&
                        items_[i].value_ == resource.value_;
  if (is_there && resource.is_shared()) {
    items_[i].shares_ += resource.shares_;
  } else {
    items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(i), resource);
  }
  return at;
}

size_t Resources::SubtractFrom(size_t from, const Resource& resource) {
  const size_t at = LowerBound(from, resource);
  size_t i = at;
  const bool whole = MeetsOnlyEquals(resource);
  while (whole && i < items_.size() && items_[i].SameKind(resource) &&
         items_[i].value_ != resource.value_) {
    ++i;
  }
  if (i == items_.size() || !items_[i].SameKind(resource)) return at;

  Resource& item = items_[i];
  if (whole) {
    item.shares_ -= std::min(item.shares_, resource.shares_);
    if (item.shares_ > 0) return at;
  } else {
    SubtractValue(resource.value_, &item.value_);
    if (!item.empty()) return at;
  }
  items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(i));
  return at;
}

void Resources::Add(const Resource& resource) {
  // Lists are mostly built in order.
  const bool is_last =
      !items_.empty() && Resource::CompareKind(items_.back(), resource) < 0;
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
  size_t at = 0;
  for (const Resource& wanted : other) {
    at = LowerBound(at, wanted);
    if (!MeetsOnlyEquals(wanted)) {
      if (at == size() || !items_[at].SameKind(wanted) ||
          !ValueContains(items_[at].value_, wanted.value_)) {
        return false;
      }
      continue;
    }
    while (at < size() && items_[at].SameKind(wanted) && items_[at].value_ < wanted.value_) ++at;
    if (at == size() || !items_[at].SameKind(wanted) || items_[at].value_ != wanted.value_ ||
        items_[at].shares_ < wanted.shares_) {
      return false;
    }
    ++at;  // Each piece answers for one.
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
  return absl::StrJoin(items_, ";", [](std::string* out, const Resource& item) {
    out->append(item.DebugString());
  });
}

}  // namespace meros::resources

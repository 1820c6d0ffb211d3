#include "libs/resources/quantities.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace meros::resources {
namespace {

using Entry = std::pair<ResourceName, Scalar>;

// The first entry whose name is not below `name`.
template <typename Entries>
auto Find(Entries& entries, const ResourceName& name) {
  // A handful of entries: a scan is faster than bisection.
  return std::find_if(entries.begin(), entries.end(),
                      [&](const Entry& entry) { return entry.first >= name; });
}

template <typename Entries>
std::string Text(const Entries& entries) {
  if (entries.empty()) return "{}";
  return absl::StrJoin(entries, ";", [](std::string* out, const Entry& entry) {
    absl::StrAppend(out, entry.first.text(), ":", entry.second.ToString());
  });
}

}  // namespace

Scalar ResourceQuantities::Get(const ResourceName& name) const {
  const auto found = Find(entries_, name);
  return found != entries_.end() && found->first == name ? found->second : Scalar();
}

void ResourceQuantities::Add(const ResourceName& name, Scalar amount) {
  if (!amount.is_positive()) return;
  const auto found = Find(entries_, name);
  if (found != entries_.end() && found->first == name) {
    found->second += amount;
  } else {
    entries_.insert(found, Entry(name, amount));
  }
}

bool ResourceQuantities::Contains(const ResourceQuantities& other) const {
  return std::all_of(other.begin(), other.end(),
                     [&](const Entry& entry) { return Get(entry.first) >= entry.second; });
}

ResourceQuantities& ResourceQuantities::operator+=(const ResourceQuantities& other) {
  // Both are sorted, so one walk does. Nothing is inserted if `other` is this very object.
  auto at = entries_.begin();
  for (const Entry& entry : other) {
    while (at != entries_.end() && at->first < entry.first) ++at;
    if (at != entries_.end() && at->first == entry.first) {
      at->second += entry.second;
    } else {
      at = entries_.insert(at, entry);
    }
  }
  return *this;
}

ResourceQuantities& ResourceQuantities::operator-=(const ResourceQuantities& other) {
  if (&other == this) {
    entries_.clear();
    return *this;
  }
  auto at = entries_.begin();
  for (const Entry& entry : other) {
    while (at != entries_.end() && at->first < entry.first) ++at;
    if (at == entries_.end()) break;
    if (at->first != entry.first) continue;
    at->second -= entry.second;
    if (!at->second.is_positive()) at = entries_.erase(at);
  }
  return *this;
}

std::string ResourceQuantities::ToString() const { return Text(entries_); }

std::optional<Scalar> ResourceLimits::Get(const ResourceName& name) const {
  const auto found = Find(entries_, name);
  if (found == entries_.end() || found->first != name) return std::nullopt;
  return found->second;
}

void ResourceLimits::Set(const ResourceName& name, Scalar limit) {
  const auto found = Find(entries_, name);
  if (found != entries_.end() && found->first == name) {
    found->second = limit;
  } else {
    entries_.insert(found, Entry(name, limit));
  }
}

bool ResourceLimits::Contains(const ResourceQuantities& quantities) const {
  return std::all_of(begin(), end(), [&](const Entry& limit) {
    return quantities.Get(limit.first) <= limit.second;
  });
}

ResourceLimits& ResourceLimits::operator-=(const ResourceQuantities& used) {
  for (Entry& limit : entries_) {
    limit.second = std::max(Scalar(), limit.second - used.Get(limit.first));
  }
  return *this;
}

std::string ResourceLimits::ToString() const { return Text(entries_); }

}  // namespace meros::resources

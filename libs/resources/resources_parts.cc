// Parts of Resources, and copies with other metadata.
#include <algorithm>

#include "libs/base/check.h"
#include "libs/resources/resources.h"

namespace meros::resources {

Resources Resources::AllocatableTo(absl::string_view role) const {
  return Filter([role](const Resource& item) { return item.IsAllocatableTo(role); });
}

Resources Resources::Reserved() const {
  return Filter([](const Resource& item) { return item.is_reserved(); });
}

Resources Resources::Reserved(absl::string_view role) const {
  return Filter([role](const Resource& item) { return item.IsReservedFor(role); });
}

Resources Resources::Unreserved() const {
  return Filter([](const Resource& item) { return !item.is_reserved(); });
}

Resources Resources::Revocable() const {
  return Filter([](const Resource& item) { return item.is_revocable(); });
}

Resources Resources::NonRevocable() const {
  return Filter([](const Resource& item) { return !item.is_revocable(); });
}

Resources Resources::Shared() const {
  return Filter([](const Resource& item) { return item.is_shared(); });
}

Resources Resources::NonShared() const {
  return Filter([](const Resource& item) { return !item.is_shared(); });
}

Resources Resources::PersistentVolumes() const {
  return Filter([](const Resource& item) { return item.is_persistent_volume(); });
}

Resources Resources::Scalars() const {
  return Filter([](const Resource& item) { return item.is_scalar(); });
}

Resources Resources::Named(const ResourceName& name) const {
  return Filter([&name](const Resource& item) { return item.name() == name; });
}

Resources Resources::NeedingCheckpoint() const {
  return Filter([](const Resource& item) {
    const Metadata& metadata = *item.metadata();
    const bool is_dynamic =
        std::any_of(metadata.reservations.begin(), metadata.reservations.end(),
                    [](const Reservation& r) { return r.kind == Reservation::Kind::kDynamic; });
    return !metadata.provider_id && (is_dynamic || item.is_persistent_volume());
  });
}

absl::btree_map<std::string, Resources> Resources::ReservationsByRole() const {
  absl::btree_map<std::string, Resources> result;
  for (const Resource& item : items_) {
    if (item.is_reserved()) result[item.metadata()->reservations.back().role].Add(item);
  }
  return result;
}

absl::btree_map<std::string, Resources> Resources::AllocationsByRole() const {
  absl::btree_map<std::string, Resources> result;
  for (const Resource& item : items_) result[item.metadata()->allocation_role].Add(item);
  return result;
}

template <typename Change>
Resources Resources::MapMetadata(Change change) const {
  Resources result;
  // Objects that shared one metadata object go on sharing one.
  const MetadataRef* before = nullptr;
  MetadataRef after;
  for (const Resource& item : items_) {
    if (before == nullptr || !before->SameObject(item.metadata_)) {
      Metadata metadata = *item.metadata_;
      change(&metadata);
      before = &item.metadata_;
      after = MetadataRef(std::move(metadata));
    }
    result.Add(Resource(item.name_, item.value_, after, item.shares_));
  }
  return result;
}

Resources Resources::WithAllocationRole(absl::string_view role) const {
  return MapMetadata([role](Metadata* m) { m->allocation_role = std::string(role); });
}

Resources Resources::WithoutAllocation() const {
  return MapMetadata([](Metadata* m) { m->allocation_role.clear(); });
}

Resources Resources::WithDefaultAllocationRole(absl::string_view role) const {
  const bool is_allocated = std::none_of(begin(), end(), [](const Resource& item) {
    return item.metadata()->allocation_role.empty();
  });
  if (is_allocated) return *this;
  return MapMetadata([role](Metadata* m) {
    if (m->allocation_role.empty()) m->allocation_role = std::string(role);
  });
}

Resources Resources::PushReservation(const Reservation& reservation) const {
  return MapMetadata([&](Metadata* m) { m->reservations.push_back(reservation); });
}

Resources Resources::PopReservation() const {
  return MapMetadata([](Metadata* m) {
    MEROS_CHECK(!m->reservations.empty()) << "popping the reservation of an unreserved resource";
    m->reservations.pop_back();
  });
}

Resources Resources::WithoutReservations() const {
  return MapMetadata([](Metadata* m) { m->reservations.clear(); });
}

}  // namespace meros::resources

// Reading. Writing is in resources_to_proto.cc.
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "libs/base/status_macros.h"
#include "libs/resources/reservation_formats.h"
#include "libs/resources/validation.h"
#include "libs/wire/limits.h"
#include "libs/wire/resources_proto.h"

namespace meros::wire {
namespace {

using resources::DiskSource;
using resources::Label;
using resources::Metadata;
using resources::MetadataRef;
using resources::Range;
using resources::Ranges;
using resources::Reservation;
using resources::ReservationFields;
using resources::Resource;
using resources::ResourceName;
using resources::Resources;
using resources::Scalar;
using resources::StringSet;
using resources::Value;

absl::StatusOr<Ranges> RangesFromProto(const v1::Value::Ranges& message, const FieldPath& path) {
  if (static_cast<size_t>(message.range_size()) > resources::kMaxRanges) {
    return path.Fault("has ", message.range_size(), " ranges, at most ", resources::kMaxRanges,
                      " are allowed");
  }
  std::vector<Range> list;
  list.reserve(static_cast<size_t>(message.range_size()));
  for (const v1::Value::Range& range : message.range())
    list.push_back({range.begin(), range.end()});
  absl::StatusOr<Ranges> ranges = Ranges::FromDisjoint(list);
  if (!ranges.ok()) return path.Annotate(ranges.status());
  return ranges;
}

absl::StatusOr<StringSet> SetFromProto(const v1::Value::Set& message, const FieldPath& path) {
  if (static_cast<size_t>(message.item_size()) > resources::kMaxSetItems) {
    return path.Fault("has ", message.item_size(), " items, at most ", resources::kMaxSetItems,
                      " are allowed");
  }
  absl::StatusOr<StringSet> set =
      StringSet::FromUnique({message.item().begin(), message.item().end()});
  if (!set.ok()) return path.Annotate(set.status());
  return set;
}

absl::StatusOr<Value> ValueFromProto(const v1::Resource& message, const FieldPath& path) {
  const int members =
      (message.has_scalar() ? 1 : 0) + (message.has_ranges() ? 1 : 0) + (message.has_set() ? 1 : 0);
  if (members != 1) return path.Fault("must have exactly one of scalar, ranges and set");
  if (!message.has_type()) return path.Field("type").Fault("must be set");
  if (message.type() == v1::Value::SCALAR && message.has_scalar()) {
    MEROS_ASSIGN_OR_RETURN(const Scalar scalar,
                           ScalarFromProto(message.scalar(), path.Field("scalar")));
    return Value(scalar);
  }
  if (message.type() == v1::Value::RANGES && message.has_ranges()) {
    MEROS_ASSIGN_OR_RETURN(Ranges ranges, RangesFromProto(message.ranges(), path.Field("ranges")));
    return Value(std::move(ranges));
  }
  if (message.type() == v1::Value::SET && message.has_set()) {
    MEROS_ASSIGN_OR_RETURN(StringSet set, SetFromProto(message.set(), path.Field("set")));
    return Value(std::move(set));
  }
  return path.Field("type").Fault("is ", v1::Value::Type_Name(message.type()),
                                  ", which the value is not");
}

template <typename Message>
std::optional<std::string> OptionalText(bool present, const Message& text) {
  return present ? std::optional<std::string>(text) : std::nullopt;
}

absl::StatusOr<std::vector<Label>> LabelsFromProto(const v1::Labels& message,
                                                   const FieldPath& path) {
  if (static_cast<size_t>(message.labels_size()) > resources::kMaxLabels) {
    return path.Fault("has ", message.labels_size(), " labels, at most ", resources::kMaxLabels,
                      " are allowed");
  }
  std::vector<Label> labels;
  for (const v1::Label& label : message.labels()) {
    labels.push_back({label.key(), OptionalText(label.has_value(), label.value())});
  }
  return labels;
}

absl::StatusOr<Reservation> ReservationFromProto(const v1::Resource::ReservationInfo& message,
                                                 const FieldPath& path) {
  Reservation level;
  level.role = message.role();
  level.principal = OptionalText(message.has_principal(), message.principal());
  MEROS_ASSIGN_OR_RETURN(level.labels, LabelsFromProto(message.labels(), path.Field("labels")));
  return level;
}

// One level in the format since refinement, which must say its type and role.
absl::StatusOr<Reservation> LevelFromProto(const v1::Resource::ReservationInfo& message,
                                           const FieldPath& path) {
  MEROS_ASSIGN_OR_RETURN(Reservation level, ReservationFromProto(message, path));
  if (message.type() != v1::Resource::ReservationInfo::STATIC &&
      message.type() != v1::Resource::ReservationInfo::DYNAMIC) {
    return path.Field("type").Fault("must be STATIC or DYNAMIC");
  }
  level.kind = message.type() == v1::Resource::ReservationInfo::STATIC
                   ? Reservation::Kind::kStatic
                   : Reservation::Kind::kDynamic;
  if (!message.has_role()) return path.Field("role").Fault("must be set");
  return level;
}

absl::StatusOr<std::vector<Reservation>> StackFromProto(const v1::Resource& message,
                                                        const FieldPath& path) {
  if (static_cast<size_t>(message.reservations_size()) > resources::kMaxReservationDepth) {
    return path.Field("reservations")
        .Fault("has ", message.reservations_size(), " levels, at most ",
               resources::kMaxReservationDepth, " are allowed");
  }
  if (!message.has_role() && !message.has_reservation() && message.reservations().empty()) {
    return std::vector<Reservation>();
  }
  ReservationFields fields;
  fields.role = OptionalText(message.has_role(), message.role());
  if (message.has_reservation()) {
    const FieldPath older = path.Field("reservation");
    if (message.reservation().has_type() || message.reservation().has_role()) {
      return older.Fault("must not have type or role; 'reservations' has");
    }
    MEROS_ASSIGN_OR_RETURN(fields.reservation, ReservationFromProto(message.reservation(), older));
  }
  for (int i = 0; i < message.reservations_size(); ++i) {
    MEROS_ASSIGN_OR_RETURN(Reservation level,
                           LevelFromProto(message.reservations(i), path.Item("reservations", i)));
    fields.reservations.push_back(std::move(level));
  }
  absl::StatusOr<std::vector<Reservation>> stack = ToStack(std::move(fields));
  if (!stack.ok()) return path.Annotate(stack.status());
  return stack;
}

absl::StatusOr<DiskSource> SourceFromProto(const v1::Resource::DiskInfo::Source& message,
                                           const FieldPath& path) {
  using Source = v1::Resource::DiskInfo::Source;
  DiskSource source;
  switch (message.type()) {
    case Source::PATH: source.kind = DiskSource::Kind::kPath; break;
    case Source::MOUNT: source.kind = DiskSource::Kind::kMount; break;
    case Source::BLOCK: source.kind = DiskSource::Kind::kBlock; break;
    case Source::RAW: source.kind = DiskSource::Kind::kRaw; break;
    case Source::UNKNOWN: return path.Field("type").Fault("must be PATH, MOUNT, BLOCK or RAW");
  }
  if ((message.has_path() && source.kind != DiskSource::Kind::kPath) ||
      (message.has_mount() && source.kind != DiskSource::Kind::kMount)) {
    return path.Fault("has a path or mount that does not match its type ",
                      Source::Type_Name(message.type()));
  }
  if (message.has_path()) {
    source.root = OptionalText(message.path().has_root(), message.path().root());
  } else if (message.has_mount()) {
    source.root = OptionalText(message.mount().has_root(), message.mount().root());
  }
  source.vendor = OptionalText(message.has_vendor(), message.vendor());
  source.id = OptionalText(message.has_id(), message.id());
  source.profile = OptionalText(message.has_profile(), message.profile());
  MEROS_ASSIGN_OR_RETURN(source.metadata,
                         LabelsFromProto(message.metadata(), path.Field("metadata")));
  return source;
}

absl::StatusOr<resources::Disk> DiskFromProto(const v1::Resource::DiskInfo& message,
                                              const FieldPath& path) {
  resources::Disk disk;
  if (message.has_persistence()) {
    const v1::Resource::DiskInfo::Persistence& persistence = message.persistence();
    disk.persistence = {persistence.id(),
                        OptionalText(persistence.has_principal(), persistence.principal())};
  }
  if (message.has_volume()) {
    const v1::Volume& volume = message.volume();
    const FieldPath place = path.Field("volume");
    if (volume.has_host_path()) {
      return place.Field("host_path").Fault("must not be set: the agent chooses it");
    }
    if (volume.has_image() || volume.has_source()) {
      return place.Fault("must not have an image or source: it is a persistent volume");
    }
    disk.volume = {volume.container_path(), volume.mode() == v1::Volume::RO};
  }
  if (message.has_source()) {
    MEROS_ASSIGN_OR_RETURN(disk.source, SourceFromProto(message.source(), path.Field("source")));
  }
  return disk;
}

absl::StatusOr<Metadata> MetadataFromProto(const v1::Resource& message, const FieldPath& path) {
  Metadata metadata;
  MEROS_ASSIGN_OR_RETURN(metadata.reservations, StackFromProto(message, path));
  if (message.has_allocation_info()) {
    metadata.allocation_role = message.allocation_info().role();
    if (metadata.allocation_role.empty()) {
      return path.Field("allocation_info").Field("role").Fault("must be set");
    }
  }
  if (message.has_disk()) {
    MEROS_ASSIGN_OR_RETURN(metadata.disk, DiskFromProto(message.disk(), path.Field("disk")));
  }
  metadata.revocable = message.has_revocable();
  metadata.shared = message.has_shared();
  metadata.provider_id = OptionalText(message.has_provider_id(), message.provider_id().value());
  return metadata;
}

// A volume's mount point is not part of equality, so equal disks may still differ.
bool Interchangeable(const Metadata& a, const Metadata& b) { return !a.disk && a == b; }

// `*last` is the metadata of the entry before, valid, and becomes that of this one. The entries of
// one list mostly have the same metadata; they then share one object, and it is validated once.
absl::StatusOr<Resource> ReadResource(const v1::Resource& message, const FieldPath& path,
                                      MetadataRef* last) {
  MEROS_ASSIGN_OR_RETURN(Value value, ValueFromProto(message, path));
  MEROS_ASSIGN_OR_RETURN(Metadata metadata, MetadataFromProto(message, path));
  if (!Interchangeable(metadata, **last)) {
    const absl::Status valid = ValidateMetadata(metadata);
    if (!valid.ok()) return path.Annotate(valid);
    *last = MetadataRef(std::move(metadata));
  }
  Resource resource(ResourceName(absl::string_view(message.name())), std::move(value), *last);
  const absl::Status valid = ValidateNameAndAmount(resource);
  if (!valid.ok()) return path.Annotate(valid);
  return resource;
}

// The numbers and items that earlier entries of a list have taken, by name.
class Taken {
 public:
  absl::Status Take(const Resource& resource, const FieldPath& path) {
    if (resource.is_scalar()) return absl::OkStatus();
    auto [entry, is_new] =
        taken_.try_emplace({resource.name(), resource.value().index()}, resource.value());
    if (is_new) return absl::OkStatus();
    bool overlaps = false;
    if (Ranges* ranges = std::get_if<Ranges>(&entry->second)) {
      overlaps = ranges->Intersects(resource.ranges());
      *ranges += resource.ranges();
    } else {
      overlaps = std::get<StringSet>(entry->second).Intersects(resource.set());
      std::get<StringSet>(entry->second) += resource.set();
    }
    if (!overlaps) return absl::OkStatus();
    return path.Fault("'", resource.name().text(),
                      "' overlaps another entry: ", ValueText(resource.value()));
  }

 private:
  std::map<std::pair<ResourceName, size_t>, Value> taken_;
};

}  // namespace

absl::StatusOr<Scalar> ScalarFromProto(const v1::Value::Scalar& message, const FieldPath& path) {
  if (!message.has_value()) return path.Field("value").Fault("must be set");
  absl::StatusOr<Scalar> scalar = Scalar::FromDouble(message.value());
  if (!scalar.ok()) return path.Field("value").Annotate(scalar.status());
  return scalar;
}

absl::StatusOr<Resource> ResourceFromProto(const v1::Resource& message, const FieldPath& path) {
  MetadataRef none;
  return ReadResource(message, path, &none);
}

absl::StatusOr<Resources> ResourcesFromProto(const ResourceList& list, const FieldPath& path,
                                             absl::string_view name) {
  if (static_cast<size_t>(list.size()) > resources::kMaxObjects) {
    return path.Field(name).Fault("has ", list.size(), " entries, at most ", resources::kMaxObjects,
                                  " are allowed");
  }
  Resources sum;
  Taken taken;
  MetadataRef last;
  for (int i = 0; i < list.size(); ++i) {
    const FieldPath item = path.Item(name, i);
    MEROS_ASSIGN_OR_RETURN(const Resource resource, ReadResource(list[i], item, &last));
    MEROS_RETURN_IF_ERROR(taken.Take(resource, item));
    sum.Add(resource);
  }
  const absl::Status totals = ValidateTotals(sum);
  if (!totals.ok()) return path.Field(name).Annotate(totals);
  return sum;
}

absl::StatusOr<Resources> ResourcesFromProto(const ResourceList& list) {
  return ResourcesFromProto(list, FieldPath());
}

absl::StatusOr<resources::ResourceQuantities> QuantitiesFromProto(const QuantityMap& map,
                                                                  const FieldPath& path,
                                                                  absl::string_view name) {
  resources::ResourceQuantities quantities;
  // A map has no order of its own; errors must not depend on chance.
  const std::map<absl::string_view, const v1::Value::Scalar*> sorted = [&] {
    std::map<absl::string_view, const v1::Value::Scalar*> result;
    for (const auto& [key, value] : map) result.emplace(key, &value);
    return result;
  }();
  for (const auto& [key, value] : sorted) {
    const FieldPath entry = path.Entry(name, key);
    MEROS_ASSIGN_OR_RETURN(const Scalar amount, ScalarFromProto(*value, entry));
    const absl::Status valid = ValidateResource(Resource(ResourceName(key), amount));
    if (!valid.ok()) return entry.Annotate(valid);
    quantities.Add(ResourceName(key), amount);
  }
  return quantities;
}

absl::StatusOr<resources::Attributes> AttributesFromProto(const AttributeList& list,
                                                          const FieldPath& path,
                                                          absl::string_view name) {
  if (list.size() > kMaxAttributes) {
    return path.Field(name).Fault("has ", list.size(), " entries, at most ", kMaxAttributes,
                                  " are allowed");
  }
  resources::Attributes attributes;
  for (int i = 0; i < list.size(); ++i) {
    const v1::Attribute& message = list[i];
    const FieldPath item = path.Item(name, i);
    resources::Attribute attribute;
    attribute.name = message.name();
    if (attribute.name.empty()) return item.Field("name").Fault("must not be empty");
    if (message.type() == v1::Value::SCALAR && message.has_scalar()) {
      MEROS_ASSIGN_OR_RETURN(attribute.value,
                             ScalarFromProto(message.scalar(), item.Field("scalar")));
    } else if (message.type() == v1::Value::RANGES && message.has_ranges()) {
      MEROS_ASSIGN_OR_RETURN(attribute.value,
                             RangesFromProto(message.ranges(), item.Field("ranges")));
    } else if (message.type() == v1::Value::TEXT && message.has_text()) {
      attribute.value = message.text().value();
    } else {
      return item.Fault("must be SCALAR, RANGES or TEXT and have that value");
    }
    attributes.Add(std::move(attribute));
  }
  return attributes;
}

}  // namespace meros::wire

#include <utility>

#include "libs/base/check.h"
#include "libs/resources/reservation_formats.h"
#include "libs/wire/resources_proto.h"

namespace meros::wire {
namespace {

using resources::DiskSource;
using resources::Label;
using resources::Metadata;
using resources::Ranges;
using resources::Reservation;
using resources::Resource;
using resources::Scalar;
using resources::StringSet;

void RangesToProto(const Ranges& ranges, v1::Value::Ranges* message) {
  for (const resources::Range& range : ranges) {
    v1::Value::Range* item = message->add_range();
    item->set_begin(range.begin);
    item->set_end(range.end);
  }
}

void ValueToProto(const resources::Value& value, v1::Resource* message) {
  if (const Scalar* scalar = std::get_if<Scalar>(&value)) {
    message->set_type(v1::Value::SCALAR);
    message->mutable_scalar()->set_value(scalar->ToDouble());
  } else if (const Ranges* ranges = std::get_if<Ranges>(&value)) {
    message->set_type(v1::Value::RANGES);
    RangesToProto(*ranges, message->mutable_ranges());
  } else {
    message->set_type(v1::Value::SET);
    v1::Value::Set* set = message->mutable_set();
    for (const std::string& item : std::get<StringSet>(value).items()) set->add_item(item);
  }
}

void LabelsToProto(const std::vector<Label>& labels, v1::Labels* message) {
  for (const Label& label : labels) {
    v1::Label* item = message->add_labels();
    item->set_key(label.key);
    if (label.value) item->set_value(*label.value);
  }
}

// Principal and labels: what both formats have.
void ReservationToProto(const Reservation& level, v1::Resource::ReservationInfo* message) {
  if (level.principal) message->set_principal(*level.principal);
  if (!level.labels.empty()) LabelsToProto(level.labels, message->mutable_labels());
}

void StackToProto(const std::vector<Reservation>& stack, v1::Resource* message) {
  for (const Reservation& level : stack) {
    v1::Resource::ReservationInfo* item = message->add_reservations();
    item->set_type(level.kind == Reservation::Kind::kStatic
                       ? v1::Resource::ReservationInfo::STATIC
                       : v1::Resource::ReservationInfo::DYNAMIC);
    item->set_role(level.role);
    ReservationToProto(level, item);
  }
}

// REQUIRES: at most one level.
void StackToOlderProto(const std::vector<Reservation>& stack, v1::Resource* message) {
  const auto fields = ToPreRefinement(stack);
  MEROS_CHECK(fields.has_value()) << stack.size() << " levels";
  if (fields->role) message->set_role(*fields->role);
  if (fields->reservation) ReservationToProto(*fields->reservation, message->mutable_reservation());
}

void SourceToProto(const DiskSource& source, v1::Resource::DiskInfo::Source* message) {
  switch (source.kind) {
    case DiskSource::Kind::kPath:
      message->set_type(v1::Resource::DiskInfo::Source::PATH);
      if (source.root) message->mutable_path()->set_root(*source.root);
      break;
    case DiskSource::Kind::kMount:
      message->set_type(v1::Resource::DiskInfo::Source::MOUNT);
      if (source.root) message->mutable_mount()->set_root(*source.root);
      break;
    case DiskSource::Kind::kBlock: message->set_type(v1::Resource::DiskInfo::Source::BLOCK); break;
    case DiskSource::Kind::kRaw: message->set_type(v1::Resource::DiskInfo::Source::RAW); break;
  }
  if (source.vendor) message->set_vendor(*source.vendor);
  if (source.id) message->set_id(*source.id);
  if (source.profile) message->set_profile(*source.profile);
  if (!source.metadata.empty()) LabelsToProto(source.metadata, message->mutable_metadata());
}

void DiskToProto(const resources::Disk& disk, v1::Resource::DiskInfo* message) {
  if (disk.persistence) {
    message->mutable_persistence()->set_id(disk.persistence->id);
    if (disk.persistence->principal) {
      message->mutable_persistence()->set_principal(*disk.persistence->principal);
    }
  }
  if (disk.volume) {
    message->mutable_volume()->set_container_path(disk.volume->container_path);
    message->mutable_volume()->set_mode(disk.volume->read_only ? v1::Volume::RO : v1::Volume::RW);
  }
  if (disk.source) SourceToProto(*disk.source, message->mutable_source());
}

void WriteResource(const Resource& resource, ResourceFormat format, v1::Resource* message) {
  const Metadata& metadata = *resource.metadata();
  message->set_name(std::string(resource.name().text()));
  ValueToProto(resource.value(), message);
  if (format.refinement) {
    StackToProto(metadata.reservations, message);
  } else {
    StackToOlderProto(metadata.reservations, message);
  }
  if (format.allocation && !metadata.allocation_role.empty()) {
    message->mutable_allocation_info()->set_role(metadata.allocation_role);
  }
  if (metadata.disk) DiskToProto(*metadata.disk, message->mutable_disk());
  if (metadata.revocable) message->mutable_revocable();
  if (metadata.shared) message->mutable_shared();
  if (metadata.provider_id) message->mutable_provider_id()->set_value(*metadata.provider_id);
}

}  // namespace

size_t ResourcesToProto(const resources::Resources& resources, ResourceList* list,
                        ResourceFormat format) {
  size_t left_out = 0;
  for (const Resource& resource : resources) {
    if (!format.refinement && resource.has_refined_reservation()) {
      ++left_out;
      continue;
    }
    for (uint32_t i = 0; i < resource.shares(); ++i) WriteResource(resource, format, list->Add());
  }
  return left_out;
}

void QuantitiesToProto(const resources::ResourceQuantities& quantities, QuantityMap* map) {
  for (const auto& [name, amount] : quantities) {
    (*map)[std::string(name.text())].set_value(amount.ToDouble());
  }
}

void AttributesToProto(const resources::Attributes& attributes, AttributeList* list) {
  for (const resources::Attribute& attribute : attributes) {
    v1::Attribute* message = list->Add();
    message->set_name(attribute.name);
    if (const Scalar* scalar = std::get_if<Scalar>(&attribute.value)) {
      message->set_type(v1::Value::SCALAR);
      message->mutable_scalar()->set_value(scalar->ToDouble());
    } else if (const Ranges* ranges = std::get_if<Ranges>(&attribute.value)) {
      message->set_type(v1::Value::RANGES);
      RangesToProto(*ranges, message->mutable_ranges());
    } else {
      message->set_type(v1::Value::TEXT);
      message->mutable_text()->set_value(std::get<std::string>(attribute.value));
    }
  }
}

}  // namespace meros::wire

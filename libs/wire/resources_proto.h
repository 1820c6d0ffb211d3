// Resources, quantities and attributes between messages and model types.
//
// Reading accepts reservations in the format before refinement and the one since, and applies every
// rule of libs/resources/validation.h that concerns single objects and sums; the result can be
// counted with. Writing gives the reader the format it can read.
//
// ERRORS of all readers: InvalidArgument with the path of the offending field.
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/resources/attributes.h"
#include "libs/resources/quantities.h"
#include "libs/resources/resources.h"
#include "libs/wire/field_path.h"
#include "meros/v1/offer.pb.h"
#include "meros/v1/resource.pb.h"
#include "meros/v1/value.pb.h"

namespace meros::wire {

using ResourceList = google::protobuf::RepeatedPtrField<v1::Resource>;

// The sum of `list`. `name` is the list's field, for paths: "resources[3].ranges". No number of a
// range and no item of a set may be in two entries, whatever their reservations.
absl::StatusOr<resources::Resources> ResourcesFromProto(const ResourceList& list,
                                                        const FieldPath& path,
                                                        absl::string_view name = "resources");

// For lists this process wrote itself, and tools: paths start with "resources".
absl::StatusOr<resources::Resources> ResourcesFromProto(const ResourceList& list);

absl::StatusOr<resources::Resource> ResourceFromProto(const v1::Resource& message,
                                                      const FieldPath& path);

// What the reader of a message can read.
struct ResourceFormat {
  // Since refinement: `reservations`. Otherwise `role` and `reservation`, and refined resources are
  // left out, because there is no way to write them.
  bool refinement = true;
  // Whether resources say to which role they are allocated (framework capability MULTI_ROLE).
  bool allocation = true;
};

// Appends to `*list`, in canonical order; a shared resource once for each share. Returns how many
// objects could not be written.
size_t ResourcesToProto(const resources::Resources& resources, ResourceList* list,
                        ResourceFormat format = {});

absl::StatusOr<resources::Scalar> ScalarFromProto(const v1::Value::Scalar& message,
                                                  const FieldPath& path);

using QuantityMap = google::protobuf::Map<std::string, v1::Value::Scalar>;

absl::StatusOr<resources::ResourceQuantities> QuantitiesFromProto(const QuantityMap& map,
                                                                  const FieldPath& path,
                                                                  absl::string_view name);
void QuantitiesToProto(const resources::ResourceQuantities& quantities, QuantityMap* map);

using AttributeList = google::protobuf::RepeatedPtrField<v1::Attribute>;

absl::StatusOr<resources::Attributes> AttributesFromProto(const AttributeList& list,
                                                          const FieldPath& path,
                                                          absl::string_view name = "attributes");
void AttributesToProto(const resources::Attributes& attributes, AttributeList* list);

}  // namespace meros::wire

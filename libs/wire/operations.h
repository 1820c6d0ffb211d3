// Operations on resources, from messages to the conversions that the cores apply.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "libs/resources/conversions.h"
#include "libs/wire/field_path.h"
#include "meros/v1/offer.pb.h"

namespace meros::wire {

// The type is known and its member is there.
// ERRORS: InvalidArgument with the path of the offending field.
absl::Status CheckOperationMember(const v1::Offer::Operation& operation, const FieldPath& path);

// A RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME or SHRINK_VOLUME in the model's terms.
// Resources without an allocation role get `allocation_role` (the offer's; empty for operators',
// whose resources are not allocated).
// REQUIRES: CheckStructure has accepted the message.
// ERRORS: InvalidArgument with the path of the offending field; Unimplemented for other types.
absl::StatusOr<resources::Operation> OperationFromProto(const v1::Offer::Operation& message,
                                                        absl::string_view allocation_role,
                                                        const FieldPath& path);

}  // namespace meros::wire

// Records of the registry: what the core wants written, and what is read back after a fail-over.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <vector>

#include "meros/registry/v1/record.pb.h"
#include "meros/registry/v1/registry_service.pb.h"
#include "services/master/core/effects.h"
#include "services/master/core/inputs.h"

namespace meros::master {

// `now` is the time of the change, where the record has one.
std::vector<registry::v1::Mutation> EncodeRecord(const RegistryRecord& record, absl::Time now);

// What the records say about agents and frameworks; other kinds are skipped.
// ERRORS: DataLoss naming a record whose value is no message of its kind; Unimplemented naming a
// capability that the records need and this version does not have.
absl::StatusOr<RegistrySnapshot> DecodeRecords(const std::vector<registry::v1::Record>& records);

}  // namespace meros::master

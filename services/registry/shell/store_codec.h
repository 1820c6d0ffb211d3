// How the registry's records lie in the store: one row per record under "<kind>/<name>" (kind in four
// digits, so that rows sort as records do), and one row "revision" for the revision of the registry.
//
// Thread rule: thread-safe (pure functions).
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/store.h"
#include "services/registry/core/registry_core.h"

namespace meros::registry {

std::vector<storage::Mutation> EncodeTransaction(const RegistryCore::Persist& persist);

// ERRORS: DataLoss naming a row that is not one of ours.
absl::StatusOr<StoredState> DecodeStore(const std::vector<storage::Row>& rows);

}  // namespace meros::registry

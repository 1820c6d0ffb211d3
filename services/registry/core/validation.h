// Checks of requests as they come from a stream, before anything is done with them. The messages
// name the field and the limit.
//
// Thread rule: thread-safe (pure functions).
#pragma once

#include "absl/status/status.h"
#include "meros/registry/v1/registry_service.pb.h"
#include "services/registry/core/options.h"

namespace meros::registry {

// The largest change that a master makes at once: another time for all machines of a full schedule
// that are down, 10,000 records (wire::kMaxScheduledMachines), and the schedule itself. It must be
// one commit, because half of it would be another plan.
inline constexpr int kMutationsMax = 10'001;
inline constexpr size_t kCommitBytesMax = 8 << 20;
inline constexpr size_t kValueBytesMax = 1 << 20;
inline constexpr size_t kNameBytesMax = 512;
inline constexpr size_t kCandidateBytesMax = 128;
inline constexpr size_t kAddressBytesMax = 64 << 10;
inline constexpr size_t kElectionBytesMax = 256;
inline constexpr int64_t kWaitMsMax = 3600 * 1000;

// ERRORS: InvalidArgument.
absl::Status ValidateKey(const v1::RecordKey& key);
absl::Status ValidateKinds(const v1::WatchRequest& watch);
absl::Status ValidateCommit(const v1::Commit& commit);
absl::Status ValidateAcquire(const v1::AcquireLease& acquire, const CoreOptions& options);
absl::Status ValidateWait(int64_t wait_ms);

}  // namespace meros::registry

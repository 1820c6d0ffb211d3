#include "services/registry/core/validation.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace meros::registry {
namespace {

absl::Status Bad(absl::string_view field, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", why));
}

absl::Status ValidateKind(absl::string_view field, int kind) {
  if (v1::RecordKind_IsValid(kind) && kind != v1::RECORD_KIND_UNSPECIFIED) return absl::OkStatus();
  return Bad(field, absl::StrCat("no record kind has number ", kind));
}

}  // namespace

absl::Status CoreOptions::Validate() const {
  if (lease_ttl_min <= absl::ZeroDuration()) return Bad("lease_ttl_min", "must be positive");
  if (lease_ttl_max < lease_ttl_min) {
    return Bad("lease_ttl_max", absl::StrCat("must be at least lease_ttl_min, ",
                                             absl::FormatDuration(lease_ttl_min)));
  }
  if (store_retry_interval <= absl::ZeroDuration()) {
    return Bad("store_retry_interval", "must be positive");
  }
  return absl::OkStatus();
}

absl::Status ValidateKey(const v1::RecordKey& key) {
  MEROS_RETURN_IF_ERROR(ValidateKind("key.kind", key.kind()));
  if (key.name().empty() || key.name().size() > kNameBytesMax) {
    return Bad("key.name",
               absl::StrCat("must have 1 to ", kNameBytesMax, " bytes, got ", key.name().size()));
  }
  return absl::OkStatus();
}

absl::Status ValidateKinds(const v1::WatchRequest& watch) {
  for (int i = 0; i < watch.kinds_size(); ++i) {
    MEROS_RETURN_IF_ERROR(ValidateKind(absl::StrCat("kinds[", i, "]"), watch.kinds(i)));
  }
  return absl::OkStatus();
}

absl::Status ValidateCommit(const v1::Commit& commit) {
  if (commit.mutations().empty() || commit.mutations_size() > kMutationsMax) {
    return Bad("commit.mutations", absl::StrCat("must have 1 to ", kMutationsMax, " entries, got ",
                                                commit.mutations_size()));
  }
  size_t bytes = 0;
  std::set<std::pair<int, absl::string_view>> keys;
  for (int i = 0; i < commit.mutations_size(); ++i) {
    const v1::Mutation& mutation = commit.mutations(i);
    const std::string path = absl::StrCat("commit.mutations[", i, "].");
    const absl::Status key = ValidateKey(mutation.key());
    if (!key.ok()) return absl::InvalidArgumentError(absl::StrCat(path, key.message()));
    if (mutation.key().kind() == v1::RECORD_KIND_LEASE) {
      return Bad(path + "key.kind", "the lease is written by lease requests only");
    }
    if (!keys.emplace(mutation.key().kind(), mutation.key().name()).second) {
      return Bad(path + "key", "is named twice in this commit");
    }
    if (mutation.change_case() == v1::Mutation::CHANGE_NOT_SET ||
        (mutation.has_remove() && !mutation.remove())) {
      return Bad(path + "change", "either put or remove must be set");
    }
    if (mutation.put().size() > kValueBytesMax) {
      return Bad(path + "put", absl::StrCat("must have at most ", kValueBytesMax, " bytes, got ",
                                            mutation.put().size()));
    }
    bytes += mutation.put().size();
  }
  if (bytes > kCommitBytesMax) {
    return Bad("commit.mutations", absl::StrCat("must have at most ", kCommitBytesMax,
                                                " bytes of values, got ", bytes));
  }
  return absl::OkStatus();
}

absl::Status ValidateWait(int64_t wait_ms) {
  if (wait_ms < 0 || wait_ms > kWaitMsMax) {
    return Bad("wait_ms", absl::StrCat("must be 0 to ", kWaitMsMax, ", got ", wait_ms));
  }
  return absl::OkStatus();
}

absl::Status ValidateAcquire(const v1::AcquireLease& acquire, const CoreOptions& options) {
  if (acquire.candidate_id().empty() || acquire.candidate_id().size() > kCandidateBytesMax) {
    return Bad("acquire_lease.candidate_id",
               absl::StrCat("must have 1 to ", kCandidateBytesMax, " bytes, got ",
                            acquire.candidate_id().size()));
  }
  if (acquire.address().size() > kAddressBytesMax) {
    return Bad("acquire_lease.address", absl::StrCat("must have at most ", kAddressBytesMax,
                                                     " bytes, got ", acquire.address().size()));
  }
  const absl::Duration ttl = absl::Milliseconds(acquire.ttl_ms());
  if (ttl < options.lease_ttl_min || ttl > options.lease_ttl_max) {
    return Bad("acquire_lease.ttl_ms",
               absl::StrCat("must be within ", absl::FormatDuration(options.lease_ttl_min), " and ",
                            absl::FormatDuration(options.lease_ttl_max), ", got ",
                            absl::FormatDuration(ttl)));
  }
  const v1::ElectionWin& won = acquire.won();
  if (acquire.has_won() &&
      (won.number() == 0 || won.election().empty() || won.election().size() > kElectionBytesMax)) {
    return Bad("acquire_lease.won",
               absl::StrCat("must name an election in 1 to ", kElectionBytesMax,
                            " bytes and have a number, got ", won.election().size(),
                            " bytes and number ", won.number()));
  }
  return ValidateWait(acquire.wait_ms());
}

}  // namespace meros::registry

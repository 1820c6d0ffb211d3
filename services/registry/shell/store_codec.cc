#include "services/registry/shell/store_codec.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace meros::registry {
namespace {

constexpr absl::string_view kRevisionKey = "revision";
constexpr size_t kKindDigits = 4;

std::string RowKey(const Key& key) { return absl::StrFormat("%04d/%s", key.first, key.second); }

}  // namespace

std::vector<storage::Mutation> EncodeTransaction(const RegistryCore::Persist& persist) {
  std::vector<storage::Mutation> batch;
  batch.reserve(persist.changes.size() + 1);
  for (const StoreChange& change : persist.changes) {
    storage::Mutation mutation{RowKey(change.key), std::nullopt};
    if (change.value.has_value()) {
      v1::Record record;
      record.set_value(change.value->bytes());
      record.set_revision(change.value->revision());
      mutation.value = record.SerializeAsString();
    }
    batch.push_back(std::move(mutation));
  }
  batch.push_back({std::string(kRevisionKey), absl::StrCat(persist.revision)});
  return batch;
}

absl::StatusOr<StoredState> DecodeStore(const std::vector<storage::Row>& rows) {
  StoredState state;
  for (const storage::Row& row : rows) {
    if (row.key == kRevisionKey) {
      if (absl::SimpleAtoi(row.value, &state.revision)) continue;
      return absl::DataLossError("the store's revision is not a number");
    }
    int kind = 0;
    v1::Record record;
    if (row.key.size() <= kKindDigits || row.key[kKindDigits] != '/' ||
        !absl::SimpleAtoi(row.key.substr(0, kKindDigits), &kind) ||
        !record.ParseFromString(row.value)) {
      return absl::DataLossError(
          absl::StrCat("the store holds a row that is not a record: '", row.key, "'"));
    }
    // Without its record the epoch would begin again at 1, and an old leader could write.
    if (kind == v1::RECORD_KIND_LEASE && !v1::LeaseRecord().ParseFromString(record.value()))
      return absl::DataLossError("the store's record of the lease cannot be read");
    state.records.push_back(
        {Key(kind, row.key.substr(kKindDigits + 1)), Value(record.value(), record.revision())});
  }
  return state;
}

}  // namespace meros::registry

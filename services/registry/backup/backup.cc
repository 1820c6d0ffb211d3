#include "services/registry/backup/backup.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/coordination/zookeeper_url.h"
#include "libs/linux/files.h"
#include "libs/storage/sqlite_store.h"
#include "libs/storage/zookeeper_store.h"
#include "services/registry/shell/store_codec.h"

namespace meros::registry {
namespace {

namespace fs = std::filesystem;

constexpr size_t kRowsPerCommit = 1000;
// More than a registry at full speed commits in years. So whoever watched it before it was restored
// goes on after a revision that the restored store leaves out, and is told to begin anew.
constexpr uint64_t kRevisionMargin = 10'000'000'000'000;
constexpr const char* kUnfinished = ".partial";
constexpr const char* kUnfinishedRow = "unfinished restore";

// What SQLite may leave beside a file of its own.
const char* const kCompanions[] = {"", "-wal", "-shm", "-journal"};

absl::Status MustBeNew(const std::string& path) {
  for (const char* companion : kCompanions) {
    std::error_code error;
    if (fs::exists(path + companion, error)) {
      return absl::AlreadyExistsError(
          absl::StrCat(path, companion, " is there already; move it away first"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<StoreSummary> Summarize(const StoredState& state) {
  StoreSummary summary;
  summary.revision = state.revision;
  for (const StoreChange& change : state.records) {
    const auto kind = static_cast<v1::RecordKind>(change.key.first);
    ++summary.records[kind];
    summary.value_bytes += change.value->bytes().size();
    if (change.value->revision() > state.revision) {
      return absl::DataLossError(absl::StrCat("record '", change.key.second, "' is of revision ",
                                              change.value->revision(), ", the store of ",
                                              state.revision));
    }
    if (kind != v1::RECORD_KIND_LEASE) continue;
    v1::LeaseRecord lease;
    if (!lease.ParseFromString(change.value->bytes())) {
      return absl::DataLossError("the record of the lease cannot be read");
    }
    summary.epoch = lease.epoch();
  }
  return summary;
}

absl::StatusOr<std::unique_ptr<storage::Store>> OpenFile(const std::string& path) {
  std::error_code error;
  // Opening would make what is not there.
  if (!fs::exists(path, error)) return absl::NotFoundError(absl::StrCat("no file ", path));
  if (fs::is_regular_file(path, error) && fs::file_size(path, error) == 0) {
    return absl::DataLossError(absl::StrCat(path, " is empty"));
  }
  return storage::OpenSqliteStore({.path = path});
}

absl::StatusOr<std::unique_ptr<storage::Store>> OpenZooKeeper(const std::string& where) {
  MEROS_ASSIGN_OR_RETURN(const auto url, coordination::ParseZooKeeperUrl(where));
  return storage::OpenZooKeeperStore({.url = url, .name = "meros registry restore"});
}

absl::StatusOr<StoredState> ReadStore(const std::string& where) {
  MEROS_ASSIGN_OR_RETURN(
      auto store, coordination::IsZooKeeperUrl(where) ? OpenZooKeeper(where) : OpenFile(where));
  MEROS_ASSIGN_OR_RETURN(const std::vector<storage::Row> rows, store->List(""));
  MEROS_RETURN_IF_ERROR(store->Close());
  return DecodeStore(rows);
}

absl::Status Fill(const StoredState& state, storage::Store* store) {
  for (size_t first = 0; first == 0 || first < state.records.size(); first += kRowsPerCommit) {
    RegistryCore::Persist part{.token = 0, .revision = state.revision, .changes = {}};
    const size_t last = std::min(first + kRowsPerCommit, state.records.size());
    part.changes.assign(state.records.begin() + first, state.records.begin() + last);
    MEROS_RETURN_IF_ERROR(store->Commit(EncodeTransaction(part)));
  }
  return absl::OkStatus();
}

// Under another name until it is whole.
absl::Status WriteFile(const StoredState& state, const std::string& path) {
  MEROS_RETURN_IF_ERROR(MustBeNew(path));
  const std::string unfinished = path + kUnfinished;
  for (const char* companion : kCompanions) {
    std::error_code error;
    fs::remove(unfinished + companion, error);
  }
  MEROS_ASSIGN_OR_RETURN(auto store, storage::OpenSqliteStore({.path = unfinished}));
  MEROS_RETURN_IF_ERROR(Fill(state, store.get()));
  MEROS_RETURN_IF_ERROR(store->Close());
  store.reset();
  return os::RenameDurably(unfinished, path);
}

// With a row that no registry takes for a record, until it is whole.
absl::Status WriteZooKeeper(const StoredState& state, const std::string& where) {
  MEROS_ASSIGN_OR_RETURN(auto store, OpenZooKeeper(where));
  MEROS_ASSIGN_OR_RETURN(const std::vector<storage::Row> rows, store->List(""));
  if (!rows.empty()) {
    return absl::AlreadyExistsError(
        absl::StrCat("there are ", rows.size(),
                     " rows already, perhaps of a restore that was interrupted; "
                     "name another path, or delete this one"));
  }
  const storage::Mutation unfinished{kUnfinishedRow, ""};
  const storage::Mutation finished{kUnfinishedRow, std::nullopt};
  MEROS_RETURN_IF_ERROR(store->Commit({&unfinished, 1}));
  MEROS_RETURN_IF_ERROR(Fill(state, store.get()));
  MEROS_RETURN_IF_ERROR(store->Commit({&finished, 1}));
  return store->Close();
}

absl::StatusOr<StoreSummary> WriteStore(const StoredState& state, const std::string& where) {
  MEROS_ASSIGN_OR_RETURN(StoreSummary summary, Summarize(state));
  MEROS_RETURN_IF_ERROR(coordination::IsZooKeeperUrl(where) ? WriteZooKeeper(state, where)
                                                            : WriteFile(state, where));
  return summary;
}

}  // namespace

absl::StatusOr<StoreSummary> WriteBackup(const BackupSnapshot& snapshot, const std::string& path) {
  StoredState state{.records = {}, .revision = snapshot.revision};
  std::set<Key> seen;
  for (const v1::Record& record : snapshot.records) {
    Key key(record.key().kind(), record.key().name());
    if (key.first == v1::RECORD_KIND_UNSPECIFIED || key.second.empty()) {
      return absl::DataLossError("the snapshot holds a record without a key");
    }
    if (!seen.insert(key).second) {
      return absl::DataLossError(absl::StrCat("the snapshot holds '", key.second, "' twice"));
    }
    state.records.push_back({std::move(key), Value(record.value(), record.revision())});
  }
  return WriteStore(state, path);
}

absl::StatusOr<StoreSummary> VerifyStore(const std::string& where) {
  MEROS_ASSIGN_OR_RETURN(const StoredState state, ReadStore(where));
  return Summarize(state);
}

absl::StatusOr<StoreSummary> RestoreBackup(const std::string& backup, const std::string& where,
                                           uint64_t epoch_margin) {
  MEROS_ASSIGN_OR_RETURN(StoredState state, ReadStore(backup));
  if (state.revision > std::numeric_limits<uint64_t>::max() / 2) {
    return absl::InvalidArgumentError("the backup's revision leaves no revisions");
  }
  state.revision += kRevisionMargin;
  for (StoreChange& change : state.records) {
    if (change.key.first != v1::RECORD_KIND_LEASE) continue;
    v1::LeaseRecord lease;
    lease.ParseFromString(change.value->bytes());  // DecodeStore has seen that it can be read
    if (epoch_margin > std::numeric_limits<uint64_t>::max() / 2 - lease.epoch()) {
      return absl::InvalidArgumentError("the epoch margin leaves no epochs");
    }
    lease.set_epoch(lease.epoch() + epoch_margin);
    lease.set_released(true);
    change.value = Value(lease.SerializeAsString(), change.value->revision());
  }
  return WriteStore(state, where);
}

}  // namespace meros::registry

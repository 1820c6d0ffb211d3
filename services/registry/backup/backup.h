// Backups of the registry: a backup is a store file like the registry's own, with a checksum under
// every row, written from one consistent snapshot. No service is needed to read one.
//
// The registry may not go back to an epoch that agents and the allocator have left behind, so a
// store that is made from a backup begins `epoch_margin` above the backup's: above every leader
// since. For those who watch the records its revisions leave a gap, too.
//
// A store, other than a backup, may also be a path of a ZooKeeper ensemble, as zk://... . While it
// is read or made no registry can serve it. One that was not made to its end is refused by
// registries; it has to be deleted.
//
// Thread rule: thread-safe, as far as the file system is; calls block on the disk or ZooKeeper.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "meros/registry/v1/record.pb.h"

namespace meros::registry {

// All records at one revision.
struct BackupSnapshot {
  std::vector<v1::Record> records;
  uint64_t revision = 0;
};

// What a store holds.
struct StoreSummary {
  uint64_t revision = 0;
  uint64_t epoch = 0;  // of the last leadership; 0: never one
  uint64_t value_bytes = 0;
  std::map<v1::RecordKind, size_t> records;  // by kind
};

// Writes a store to `path`, which must not exist; it is there once it is whole and durable.
// ERRORS: AlreadyExists (also a log of an earlier store, PATH-wal), DataLoss (a record twice or
// without a key), as OpenSqliteStore and Store::Commit.
absl::StatusOr<StoreSummary> WriteBackup(const BackupSnapshot& snapshot, const std::string& path);

// Reads every row of the store `where`, a file or zk://...: structure, checksums, records.
// ERRORS: NotFound, DataLoss (saying what is wrong), FailedPrecondition or Unavailable (in use by a
// registry), FailedPrecondition (of a newer format), InvalidArgument (no such place can be).
absl::StatusOr<StoreSummary> VerifyStore(const std::string& where);

// Makes the store `where`, a file that must not exist or a path of ZooKeeper without records, from
// a backup. Nobody holds its lease.
// ERRORS: as VerifyStore and WriteBackup; InvalidArgument (epoch_margin or the backup's revision
// too large).
absl::StatusOr<StoreSummary> RestoreBackup(const std::string& backup, const std::string& where,
                                           uint64_t epoch_margin);

}  // namespace meros::registry

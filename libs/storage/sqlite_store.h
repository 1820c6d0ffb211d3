// The Store on SQLite: one file (and its -wal beside it), write-ahead log, synchronous=FULL, a CRC-32C
// with every row. Survives kill -9 and power loss, as far as the disk honours fdatasync.
//
// The file is locked for this process alone: a second opener is refused instead of corrupting it.
// Format: table rows(key BLOB PRIMARY KEY, value BLOB, checksum INTEGER) WITHOUT ROWID; user_version 1;
// application_id 'Mero'.
//
// Thread rule: as Store.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/storage/store.h"

namespace meros::storage {

struct SqliteOptions {
  std::string path;  // created when absent; its directory must exist

  // Pages (4 KiB) of write-ahead log after which a commit also copies them into the database. More
  // make these slow commits rarer and the log larger: 4096 = 16 MiB.
  int checkpoint_pages = 4096;

  // Page cache, bytes.
  int64_t cache_bytes = 16 << 20;
};

// Opens and checks the whole file's structure (rows are checked against their checksums when read).
// ERRORS: InvalidArgument (empty path, a directory, not a regular file), NotFound (no such directory),
// PermissionDenied, FailedPrecondition (in use by another process, or of a newer format), DataLoss
// (corrupt or not a store), ResourceExhausted (disk full), Unavailable (I/O error).
// Cost: O(file size).
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const SqliteOptions& options);

}  // namespace meros::storage

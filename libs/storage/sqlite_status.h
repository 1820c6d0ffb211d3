// SQLite's result codes as absl::Status. Internal to libs/storage.
//
// Thread rule: thread-compatible with the connection it is given.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

struct sqlite3;

namespace meros::storage {

// The last error of `db` (may be null), with `code` as its (extended) result code. `doing` completes
// "cannot ...": "open the store", "commit". `path` names the database.
// Kinds: ResourceExhausted (disk or quota full), DataLoss (corrupt, or not a database of ours),
// FailedPrecondition (in use by another process), PermissionDenied (not writable), Unavailable (else).
absl::Status SqliteError(sqlite3* db, int code, absl::string_view doing, absl::string_view path);

}  // namespace meros::storage

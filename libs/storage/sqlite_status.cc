#include "libs/storage/sqlite_status.h"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace meros::storage {
namespace {

absl::StatusCode KindOf(int code, int system_error) {
  switch (code & 0xff) {
    case SQLITE_FULL: return absl::StatusCode::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return absl::StatusCode::kDataLoss;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return absl::StatusCode::kFailedPrecondition;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH: return absl::StatusCode::kPermissionDenied;
    default: break;
  }
  // Journals and truncations report a full disk as an I/O error.
  if (system_error == ENOSPC || system_error == EDQUOT) return absl::StatusCode::kResourceExhausted;
  if (system_error == EACCES || system_error == EROFS) return absl::StatusCode::kPermissionDenied;
  return absl::StatusCode::kUnavailable;
}

}  // namespace

absl::Status SqliteError(sqlite3* db, int code, absl::string_view doing, absl::string_view path) {
  // Only I/O kinds set it; others leave that of an earlier failure.
  const int primary = code & 0xff;
  const bool is_io =
      primary == SQLITE_IOERR || primary == SQLITE_FULL || primary == SQLITE_CANTOPEN;
  const int system_error = db != nullptr && is_io ? sqlite3_system_errno(db) : 0;
  const absl::StatusCode kind = KindOf(code, system_error);
  std::string why = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  if (kind == absl::StatusCode::kFailedPrecondition) why = "it is in use by another process";
  if (kind == absl::StatusCode::kDataLoss)
    absl::StrAppend(&why, "; restore the file from a backup, or move it away to begin anew");
  if (system_error != 0) absl::StrAppend(&why, " (", strerror(system_error), ")");
  return absl::Status(kind, absl::StrCat("cannot ", doing, " of ", path, ": ", why));
}

}  // namespace meros::storage

#include "libs/storage/sqlite_store.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/storage/crc32c.h"
#include "libs/storage/sqlite_status.h"

namespace meros::storage {
namespace {

constexpr int kFormat = 1;
constexpr int kApplicationId = 0x4d65726f;  // "Mero"

// A prepared statement; reset after each use by its Use.
class Statement {
 public:
  Statement() = default;
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  int Prepare(sqlite3* db, const char* sql) {
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  }
  void Finalize() { sqlite3_finalize(std::exchange(statement_, nullptr)); }
  sqlite3_stmt* get() const { return statement_; }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

// Resets a statement at the end of its use, so that it holds no lock and no pointer to our bytes.
class Use {
 public:
  explicit Use(const Statement& statement) : statement_(statement.get()) {}
  ~Use() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

  // Not copied: `bytes` outlives this. An empty value is a blob of length 0, not NULL.
  void Bind(int index, absl::string_view bytes) {
    sqlite3_bind_blob(statement_, index, bytes.empty() ? "" : bytes.data(),
                      static_cast<int>(bytes.size()), SQLITE_STATIC);
  }
  void Bind(int index, int64_t value) { sqlite3_bind_int64(statement_, index, value); }
  int Step() { return sqlite3_step(statement_); }
  std::string Blob(int column) const {
    const void* data = sqlite3_column_blob(statement_, column);
    const int bytes = sqlite3_column_bytes(statement_, column);
    return std::string(static_cast<const char*>(data), data == nullptr ? 0 : bytes);
  }
  int64_t Integer(int column) const { return sqlite3_column_int64(statement_, column); }

 private:
  sqlite3_stmt* const statement_;
};

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(SqliteOptions options) : options_(std::move(options)) {}
  ~SqliteStore() override { Close().IgnoreError(); }

  absl::Status Open();

  absl::Status Commit(absl::Span<const Mutation> batch) override;
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) override;
  absl::StatusOr<std::vector<Row>> List(absl::string_view prefix) override;
  absl::Status Close() override;

 private:
  absl::Status CheckPath() const;
  absl::Status CheckContent();
  absl::Status Execute(const std::string& sql, absl::string_view doing);
  absl::StatusOr<std::string> QueryText(const char* sql);
  absl::Status Apply(absl::Span<const Mutation> batch);
  absl::Status Error(int code, absl::string_view doing) const {
    return SqliteError(db_, code, doing, options_.path);
  }
  absl::Status Verify(absl::string_view key, absl::string_view value, int64_t checksum) const;
  absl::Status CheckOpen() const {
    if (db_ != nullptr) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("store ", options_.path, " is closed"));
  }

  const SqliteOptions options_;
  sqlite3* db_ = nullptr;
  Statement begin_, commit_, rollback_, put_, remove_, get_, list_;
};

absl::Status SqliteStore::CheckPath() const {
  if (options_.path.empty()) return absl::InvalidArgumentError("the store's path is empty");
  struct stat info;
  if (stat(options_.path.c_str(), &info) == 0) {
    if (S_ISREG(info.st_mode)) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("the store's path ", options_.path, " is ",
                     S_ISDIR(info.st_mode) ? "a directory" : "not a regular file"));
  }
  if (errno != ENOENT) {
    const std::string why =
        absl::StrCat("cannot open the store ", options_.path, ": ", strerror(errno));
    return errno == EACCES ? absl::PermissionDeniedError(why) : absl::InvalidArgumentError(why);
  }
  const size_t slash = options_.path.rfind('/');
  const std::string directory =
      slash == std::string::npos ? "." : options_.path.substr(0, slash + 1);
  if (stat(directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
    return absl::NotFoundError(
        absl::StrCat("no directory ", directory, " for the store ", options_.path));
  return absl::OkStatus();
}

absl::Status SqliteStore::Open() {
  MEROS_RETURN_IF_ERROR(CheckPath());
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                         SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
  if (const int code = sqlite3_open_v2(options_.path.c_str(), &db_, kFlags, nullptr);
      code != SQLITE_OK)
    return Error(code, "open the store");
  // Exclusive before WAL: then the index of the log lives in memory and no other process gets in.
  MEROS_RETURN_IF_ERROR(Execute("PRAGMA locking_mode=EXCLUSIVE", "lock the store"));
  MEROS_RETURN_IF_ERROR(Execute("PRAGMA journal_mode=WAL", "open the log"));
  MEROS_RETURN_IF_ERROR(Execute(
      absl::StrCat("PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=", options_.checkpoint_pages,
                   "; PRAGMA cache_size=-", options_.cache_bytes >> 10,
                   "; PRAGMA temp_store=MEMORY"),
      "set up the store"));
  MEROS_RETURN_IF_ERROR(CheckContent());
  const std::pair<Statement*, const char*> statements[] = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&rollback_, "ROLLBACK"},
      {&put_,
       "INSERT INTO rows(key,value,checksum) VALUES(?1,?2,?3) "
       "ON CONFLICT(key) DO UPDATE SET value=excluded.value, checksum=excluded.checksum"},
      {&remove_, "DELETE FROM rows WHERE key=?1"},
      {&get_, "SELECT value, checksum FROM rows WHERE key=?1"},
      {&list_, "SELECT key, value, checksum FROM rows WHERE key>=?1 ORDER BY key"}};
  for (const auto& [statement, sql] : statements) {
    if (const int code = statement->Prepare(db_, sql); code != SQLITE_OK)
      return Error(code, "prepare statements");
  }
  return absl::OkStatus();
}

// A new file gets our table; an old one must be ours, of a format we know, and whole.
absl::Status SqliteStore::CheckContent() {
  MEROS_ASSIGN_OR_RETURN(const std::string tables, QueryText("SELECT count(*) FROM sqlite_schema"));
  if (tables == "0") {
    return Execute(
        absl::StrCat(
            "BEGIN IMMEDIATE; CREATE TABLE rows(key BLOB PRIMARY KEY, value BLOB NOT NULL, "
            "checksum INTEGER NOT NULL) WITHOUT ROWID; PRAGMA application_id=",
            kApplicationId, "; PRAGMA user_version=", kFormat, "; COMMIT"),
        "create the table");
  }
  MEROS_ASSIGN_OR_RETURN(const std::string application, QueryText("PRAGMA application_id"));
  MEROS_ASSIGN_OR_RETURN(const std::string format, QueryText("PRAGMA user_version"));
  if (application != absl::StrCat(kApplicationId)) {
    return absl::DataLossError(
        absl::StrCat(options_.path, " is an SQLite database, but not a store of Meros"));
  }
  if (format != absl::StrCat(kFormat)) {
    return absl::FailedPreconditionError(absl::StrCat(options_.path, " has format ", format,
                                                      ", this program knows format ", kFormat));
  }
  MEROS_ASSIGN_OR_RETURN(const std::string check, QueryText("PRAGMA quick_check(1)"));
  if (check == "ok") return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("store ", options_.path, " is corrupt: ", check,
                   "; restore the file from a backup, or move it away to begin anew"));
}

absl::Status SqliteStore::Execute(const std::string& sql, absl::string_view doing) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code, doing);
}

absl::StatusOr<std::string> SqliteStore::QueryText(const char* sql) {
  Statement statement;
  if (const int code = statement.Prepare(db_, sql); code != SQLITE_OK)
    return Error(code, "check the content");
  Use use(statement);
  if (const int code = use.Step(); code != SQLITE_ROW) return Error(code, "check the content");
  return use.Blob(0);
}

absl::Status SqliteStore::Commit(absl::Span<const Mutation> batch) {
  MEROS_RETURN_IF_ERROR(CheckOpen());
  for (const Mutation& mutation : batch) MEROS_RETURN_IF_ERROR(CheckBounds(mutation));
  if (batch.empty()) return absl::OkStatus();
  absl::Status applied = Apply(batch);
  // Some errors roll back by themselves; then there is no transaction left to end.
  if (!applied.ok() && sqlite3_get_autocommit(db_) == 0) Use(rollback_).Step();
  return applied;
}

absl::Status SqliteStore::Apply(absl::Span<const Mutation> batch) {
  if (const int code = Use(begin_).Step(); code != SQLITE_DONE)
    return Error(code, "begin a commit");
  for (const Mutation& mutation : batch) {
    Use use(mutation.value.has_value() ? put_ : remove_);
    use.Bind(1, mutation.key);
    if (mutation.value.has_value()) {
      use.Bind(2, *mutation.value);
      use.Bind(3, int64_t{RowChecksum(mutation.key, *mutation.value)});
    }
    if (const int code = use.Step(); code != SQLITE_DONE) return Error(code, "write a row");
  }
  const int code = Use(commit_).Step();
  return code == SQLITE_DONE ? absl::OkStatus() : Error(code, "commit a batch");
}

absl::Status SqliteStore::Verify(absl::string_view key, absl::string_view value,
                                 int64_t checksum) const {
  if (checksum == int64_t{RowChecksum(key, value)}) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("store ", options_.path, ": the row of ", key.size(), " key bytes and ",
                   value.size(), " value bytes fails its checksum; ",
                   "restore the file from a backup, or move it away to begin anew"));
}

absl::StatusOr<std::optional<std::string>> SqliteStore::Get(absl::string_view key) {
  MEROS_RETURN_IF_ERROR(CheckOpen());
  Use use(get_);
  use.Bind(1, key);
  const int code = use.Step();
  if (code == SQLITE_DONE) return std::optional<std::string>();
  if (code != SQLITE_ROW) return Error(code, "read a row");
  std::string value = use.Blob(0);
  MEROS_RETURN_IF_ERROR(Verify(key, value, use.Integer(1)));
  return std::optional<std::string>(std::move(value));
}

absl::StatusOr<std::vector<Row>> SqliteStore::List(absl::string_view prefix) {
  MEROS_RETURN_IF_ERROR(CheckOpen());
  std::vector<Row> rows;
  Use use(list_);
  use.Bind(1, prefix);
  int code = use.Step();
  for (; code == SQLITE_ROW; code = use.Step()) {
    Row row{use.Blob(0), use.Blob(1)};
    if (row.key.compare(0, prefix.size(), prefix.data(), prefix.size()) != 0) return rows;
    MEROS_RETURN_IF_ERROR(Verify(row.key, row.value, use.Integer(2)));
    rows.push_back(std::move(row));
  }
  if (code != SQLITE_DONE) return Error(code, "list rows");
  return rows;
}

absl::Status SqliteStore::Close() {
  if (db_ == nullptr) return absl::OkStatus();
  for (Statement* statement : {&begin_, &commit_, &rollback_, &put_, &remove_, &get_, &list_})
    statement->Finalize();
  const int code = sqlite3_close(db_);
  absl::Status closed = code == SQLITE_OK ? absl::OkStatus() : Error(code, "close the store");
  db_ = nullptr;
  return closed;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const SqliteOptions& options) {
  auto store = std::make_unique<SqliteStore>(options);
  MEROS_RETURN_IF_ERROR(store->Open());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace meros::storage

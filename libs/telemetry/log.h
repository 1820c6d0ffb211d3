// Structured logging: one line per record on stderr, as text for people or JSON for collectors.
//
//   MEROS_LOG(INFO) << "agent registered" << telemetry::Field("agent_id", id.value());
//   MEROS_LOG(WARNING) << "registry is slow, waited " << waited;
//
// Severities: DEBUG, INFO, WARNING, ERROR. A disabled record costs one relaxed load: neither its
// text nor its fields are evaluated. The message is a sentence without period; whatever a program
// may want to search by is a Field. Cores never log (ARCHITECTURE 2.1); shells do. Secrets never
// get here.
//
// Owner: the process. Thread rule: thread-safe. States: before InitLogging() records go out as text
// from INFO up, under the service name "meros".
#pragma once

#include <atomic>
#include <concepts>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace meros::telemetry {

enum class Severity : int { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };
enum class LogFormat { kText, kJson };

// The names that flags use: "debug", "info", "warning", "error" and "text", "json".
// ERRORS: InvalidArgument for any other.
absl::StatusOr<Severity> ParseSeverity(absl::string_view name);
absl::StatusOr<LogFormat> ParseLogFormat(absl::string_view name);
absl::string_view SeverityName(Severity severity);

struct LogOptions {
  std::string service = "meros";  // for example "master"
  Severity level = Severity::kInfo;
  LogFormat format = LogFormat::kText;
};

// Call once, early in main.
void InitLogging(const LogOptions& options);

// Changes the level of the running process, at once and for all threads.
void SetLogLevel(Severity level);
Severity LogLevel();

// One searchable fact of a record. `key` is snake_case and must outlive the statement.
class Field {
 public:
  Field(absl::string_view key, const absl::AlphaNum& value) : key_(key), value_(value.Piece()) {}
  Field(absl::string_view key, std::same_as<bool> auto value)
      : key_(key), value_(value ? "true" : "false") {}
  Field(absl::string_view key, absl::Duration value)
      : key_(key), value_(absl::FormatDuration(value)) {}
  Field(absl::string_view key, const absl::Status& value) : key_(key), value_(value.ToString()) {}

  absl::string_view key() const { return key_; }
  const std::string& value() const { return value_; }

 private:
  absl::string_view key_;
  std::string value_;
};

// A record as it is written. Exposed so that its formats can be tested.
struct LogRecord {
  absl::Time time;
  Severity severity = Severity::kInfo;
  std::string service;
  std::string source;  // "libs/rpc/server.cc:42"
  std::string message;
  std::vector<Field> fields;
};

// One line without line end. Control characters are escaped in both formats, so that a hostile
// value cannot forge a record; messages and values are cut at kLogTextMax bytes.
std::string FormatLogRecord(const LogRecord& record, LogFormat format);
inline constexpr size_t kLogTextMax = 4096;

namespace internal {

extern std::atomic<int> log_level;

inline bool IsLogEnabled(Severity severity) {
  return static_cast<int>(severity) >= log_level.load(std::memory_order_relaxed);
}

// Collects one record and writes it at the end of the full expression.
class LogMessage {
 public:
  LogMessage(Severity severity, const char* file, int line);
  LogMessage(const LogMessage&) = delete;
  LogMessage& operator=(const LogMessage&) = delete;
  ~LogMessage();

  LogMessage& operator<<(const absl::AlphaNum& text);
  LogMessage& operator<<(std::same_as<bool> auto value) {
    return *this << (value ? "true" : "false");
  }
  LogMessage& operator<<(absl::Duration value);
  LogMessage& operator<<(absl::Time value);
  LogMessage& operator<<(const absl::Status& value);
  LogMessage& operator<<(Field field);

 private:
  LogRecord record_;
};

// Gives the streaming expression type void, so that it fits the conditional operator.
struct LogVoidify {
  void operator&(const LogMessage&) {}
};

inline constexpr Severity kSeverityDEBUG = Severity::kDebug;
inline constexpr Severity kSeverityINFO = Severity::kInfo;
inline constexpr Severity kSeverityWARNING = Severity::kWarning;
inline constexpr Severity kSeverityERROR = Severity::kError;

}  // namespace internal
}  // namespace meros::telemetry

#define MEROS_LOG(severity)                                                                      \
  !::meros::telemetry::internal::IsLogEnabled(::meros::telemetry::internal::kSeverity##severity) \
      ? (void)0                                                                                  \
      : ::meros::telemetry::internal::LogVoidify() &                                             \
            ::meros::telemetry::internal::LogMessage(                                            \
                ::meros::telemetry::internal::kSeverity##severity, __FILE__, __LINE__)

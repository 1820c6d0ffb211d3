#include "libs/telemetry/log.h"

#include <chrono>
#include <memory>
#include <utility>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "libs/base/mutex.h"

namespace meros::telemetry {
namespace {

struct LogState {
  Mutex mutex;
  LogOptions options MEROS_GUARDED_BY(mutex);
};

// Never destroyed: threads may log while the process exits.
LogState& State() {
  static LogState* const state = new LogState;
  return *state;
}

// The record is formatted before it gets here, so the logger adds nothing. Errors of writing are
// dropped: there is nowhere left to report them to.
spdlog::logger& Output() {
  static spdlog::logger* const logger = [] {
    auto* created = new spdlog::logger("meros", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    created->set_pattern("%v");
    created->set_level(spdlog::level::trace);
    created->set_error_handler([](const std::string&) {});
    return created;
  }();
  return *logger;
}

// Escapes what JSON requires and every control character. Bytes above 127 pass: the text is UTF-8
// or the reader must cope.
void AppendEscaped(absl::string_view text, std::string* out) {
  const bool is_cut = text.size() > kLogTextMax;
  for (const char c : text.substr(0, kLogTextMax)) {
    switch (c) {
      case '"': absl::StrAppend(out, "\\\""); break;
      case '\\': absl::StrAppend(out, "\\\\"); break;
      case '\n': absl::StrAppend(out, "\\n"); break;
      case '\t': absl::StrAppend(out, "\\t"); break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          absl::StrAppendFormat(out, "\\u%04x", static_cast<unsigned char>(c));
        } else {
          out->push_back(c);
        }
    }
  }
  if (is_cut) absl::StrAppend(out, "...");
}

bool NeedsQuotes(absl::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '\\' || c == '=' || c == 0x7f)
      return true;
  }
  return value.size() > kLogTextMax;
}

std::string Timestamp(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

std::string FormatText(const LogRecord& record) {
  std::string line = absl::StrFormat("%s %-7s %s %s] ", Timestamp(record.time),
                                     SeverityName(record.severity), record.service, record.source);
  AppendEscaped(record.message, &line);
  for (const Field& field : record.fields) {
    absl::StrAppend(&line, " ", field.key(), "=");
    if (!NeedsQuotes(field.value())) {
      absl::StrAppend(&line, field.value());
      continue;
    }
    line.push_back('"');
    AppendEscaped(field.value(), &line);
    line.push_back('"');
  }
  return line;
}

void AppendJsonMember(absl::string_view key, absl::string_view value, std::string* line) {
  absl::StrAppend(line, line->size() == 1 ? "\"" : ",\"", key, "\":\"");
  AppendEscaped(value, line);
  line->push_back('"');
}

std::string FormatJson(const LogRecord& record) {
  std::string line = "{";
  AppendJsonMember("time", Timestamp(record.time), &line);
  AppendJsonMember("level", SeverityName(record.severity), &line);
  AppendJsonMember("service", record.service, &line);
  AppendJsonMember("source", record.source, &line);
  AppendJsonMember("message", record.message, &line);
  for (const Field& field : record.fields) AppendJsonMember(field.key(), field.value(), &line);
  line.push_back('}');
  return line;
}

}  // namespace

absl::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kDebug: return "debug";
    case Severity::kInfo: return "info";
    case Severity::kWarning: return "warning";
    case Severity::kError: return "error";
  }
  return "unknown";
}

absl::StatusOr<Severity> ParseSeverity(absl::string_view name) {
  for (Severity severity :
       {Severity::kDebug, Severity::kInfo, Severity::kWarning, Severity::kError}) {
    if (name == SeverityName(severity)) return severity;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("log level must be debug, info, warning or error, found '", name, "'"));
}

absl::StatusOr<LogFormat> ParseLogFormat(absl::string_view name) {
  if (name == "text") return LogFormat::kText;
  if (name == "json") return LogFormat::kJson;
  return absl::InvalidArgumentError(
      absl::StrCat("log format must be text or json, found '", name, "'"));
}

void InitLogging(const LogOptions& options) {
  LogState& state = State();
  MutexLock lock(&state.mutex);
  state.options = options;
  SetLogLevel(options.level);
}

void SetLogLevel(Severity level) { internal::log_level.store(static_cast<int>(level)); }

Severity LogLevel() { return static_cast<Severity>(internal::log_level.load()); }

std::string FormatLogRecord(const LogRecord& record, LogFormat format) {
  return format == LogFormat::kJson ? FormatJson(record) : FormatText(record);
}

namespace internal {

std::atomic<int> log_level{static_cast<int>(Severity::kInfo)};

LogMessage::LogMessage(Severity severity, const char* file, int line) {
  // Records carry wall time whatever clock the service runs on, so the clock is read here.
  record_.time = absl::FromChrono(std::chrono::system_clock::now());
  record_.severity = severity;
  absl::string_view path = file;
  while (absl::ConsumePrefix(&path, "../") || absl::ConsumePrefix(&path, "./")) {
  }
  record_.source = absl::StrCat(path, ":", line);
}

LogMessage::~LogMessage() {
  LogFormat format;
  {
    LogState& state = State();
    MutexLock lock(&state.mutex);
    record_.service = state.options.service;
    format = state.options.format;
  }
  // Passed as an argument, never as the format string: the text may hold braces.
  Output().log(spdlog::level::info, "{}", FormatLogRecord(record_, format));
}

LogMessage& LogMessage::operator<<(const absl::AlphaNum& text) {
  absl::StrAppend(&record_.message, text);
  return *this;
}

LogMessage& LogMessage::operator<<(absl::Duration value) {
  return *this << absl::FormatDuration(value);
}

LogMessage& LogMessage::operator<<(absl::Time value) { return *this << Timestamp(value); }

LogMessage& LogMessage::operator<<(const absl::Status& value) { return *this << value.ToString(); }

LogMessage& LogMessage::operator<<(Field field) {
  record_.fields.push_back(std::move(field));
  return *this;
}

}  // namespace internal
}  // namespace meros::telemetry

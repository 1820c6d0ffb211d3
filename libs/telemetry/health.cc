#include "libs/telemetry/health.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace meros::telemetry {
namespace {

std::string Quote(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted.push_back('\\');
      quoted.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&quoted, "\\u%04x", static_cast<unsigned char>(c));
    } else {
      quoted.push_back(c);
    }
  }
  quoted.push_back('"');
  return quoted;
}

Health::Report Run(const std::vector<std::pair<std::string, Health::Check>>& checks) {
  Health::Report report;
  std::string list;
  for (const auto& [name, check] : checks) {
    const absl::Status status = check();
    absl::StrAppend(&list, list.empty() ? "" : ",", "{\"name\":", Quote(name),
                    ",\"ok\":", status.ok() ? "true" : "false");
    if (!status.ok()) {
      report.is_ok = false;
      absl::StrAppend(&list, ",\"reason\":", Quote(status.message()));
    }
    list.push_back('}');
  }
  report.json =
      absl::StrCat("{\"ok\":", report.is_ok ? "true" : "false", ",\"checks\":[", list, "]}\n");
  return report;
}

}  // namespace

void Health::AddLiveness(absl::string_view name, Check check) {
  MutexLock lock(&mutex_);
  liveness_.emplace_back(std::string(name), std::move(check));
}

void Health::AddReadiness(absl::string_view name, Check check) {
  MutexLock lock(&mutex_);
  readiness_.emplace_back(std::string(name), std::move(check));
}

Health::Report Health::Liveness() const {
  Checks checks;
  {
    MutexLock lock(&mutex_);
    checks = liveness_;  // checks run without our lock
  }
  return Run(checks);
}

Health::Report Health::Readiness() const {
  Checks checks;
  {
    MutexLock lock(&mutex_);
    checks = liveness_;
    checks.insert(checks.end(), readiness_.begin(), readiness_.end());
  }
  return Run(checks);
}

}  // namespace meros::telemetry

#include "services/master/shell/whitelist_file.h"

#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "libs/telemetry/log.h"

namespace meros::master {
namespace {

using telemetry::Field;

// So much of a line that is wrong is repeated in the message.
constexpr size_t kShownBytes = 80;

bool IsHostname(absl::string_view text) {
  return text.size() <= kMaxHostnameBytes && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' ||
                  c == '_' || c == ':';  // ':' for IPv6 addresses
         });
}

absl::StatusOr<std::string> Contents(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be opened"));
  std::string text;
  char buffer[1 << 16];
  size_t got = 0;
  while (text.size() <= kMaxWhitelistBytes &&
         (got = std::fread(buffer, 1, sizeof(buffer), file)) > 0) {
    text.append(buffer, got);
  }
  const int error = std::ferror(file) != 0 ? errno : 0;
  std::fclose(file);
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat(path, ": cannot be read"));
  if (text.size() <= kMaxWhitelistBytes) return text;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": has more than ", kMaxWhitelistBytes, " bytes"));
}

}  // namespace

absl::StatusOr<WhitelistRef> ParseWhitelist(absl::string_view text, const std::string& name) {
  std::vector<std::string> hostnames;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const absl::string_view word = absl::StripAsciiWhitespace(line);
    if (word.empty() || word[0] == '#') continue;
    if (!IsHostname(word)) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ":", number, ": expected a hostname, found '",
                       absl::CHexEscape(word.substr(0, kShownBytes)), "'"));
    }
    hostnames.emplace_back(word);
  }
  std::sort(hostnames.begin(), hostnames.end());
  hostnames.erase(std::unique(hostnames.begin(), hostnames.end()), hostnames.end());
  return std::make_shared<const std::vector<std::string>>(std::move(hostnames));
}

absl::StatusOr<std::optional<WhitelistRef>> WhitelistFile::Read() {
  MEROS_ASSIGN_OR_RETURN(const std::string text, Contents(path_));
  MEROS_ASSIGN_OR_RETURN(WhitelistRef now, ParseWhitelist(text, path_));
  if (last_ != nullptr && *last_ == *now) return std::nullopt;
  last_ = now;
  return std::optional<WhitelistRef>(std::move(now));
}

WhitelistMetrics::WhitelistMetrics(telemetry::MetricRegistry* r)
    : loads(r->AddCounter("meros_master_whitelist_loads_total",
                          "Times that a whitelist came into force.")),
      errors(r->AddCounter("meros_master_whitelist_errors_total",
                           "Times that the whitelist could not be read; the last one stays in "
                           "force.")) {}

absl::StatusOr<std::unique_ptr<WhitelistWatch>> WhitelistWatch::Start(const std::string& path,
                                                                      absl::Duration interval,
                                                                      Put put,
                                                                      WhitelistMetrics* metrics) {
  auto watch =
      std::unique_ptr<WhitelistWatch>(new WhitelistWatch(path, interval, std::move(put), metrics));
  MEROS_RETURN_IF_ERROR(watch->Look());
  watch->thread_ = std::thread([raw = watch.get()] { raw->Run(); });
  return watch;
}

absl::Status WhitelistWatch::Look() {
  absl::StatusOr<std::optional<WhitelistRef>> read = file_.Read();
  if (!read.ok()) return read.status();
  if (!read->has_value()) return absl::OkStatus();
  MEROS_LOG(INFO) << "a whitelist is in force" << Field("file", path_)
                  << Field("hostnames", (**read)->size());
  metrics_->loads.Add();
  put_(**std::move(read));
  return absl::OkStatus();
}

void WhitelistWatch::Run() {
  pthread_setname_np(pthread_self(), "whitelist");
  absl::Status said;
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (!stopping_) wake_.WaitFor(&mutex_, interval_);
      if (stopping_) return;
    }
    const absl::Status status = Look();
    if (!status.ok()) metrics_->errors.Add();
    if (status == said) continue;  // once is enough in the log
    if (!status.ok()) {
      MEROS_LOG(ERROR) << "the whitelist cannot be read; the last one stays in force"
                       << Field("status", status);
    }
    said = status;
  }
}

void WhitelistWatch::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace meros::master

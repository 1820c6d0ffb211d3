// The file that says which agents may be offered: one hostname a line, as agents name themselves;
// empty lines and lines that begin with '#' do not count. A file without hostnames allows no agent.
//
// Thread rule: WhitelistFile is thread-compatible, WhitelistWatch thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/telemetry/metrics.h"
#include "services/master/core/whitelist.h"

namespace meros::master {

// Bounds of a list: the allocator gets it whole with every snapshot.
inline constexpr size_t kMaxWhitelistBytes = 8 << 20;
inline constexpr size_t kMaxHostnameBytes = 253;  // RFC 1035

// What `text`, read from the file `name`, allows; never null.
// ERRORS: InvalidArgument with name and line of what is no hostname.
absl::StatusOr<WhitelistRef> ParseWhitelist(absl::string_view text, const std::string& name);

class WhitelistFile {
 public:
  explicit WhitelistFile(std::string path) : path_(std::move(path)) {}

  // Reads the file again. Nullopt if it allows the same as when it was read last.
  // ERRORS: InvalidArgument (see above; or larger than kMaxWhitelistBytes), NotFound, and others of
  // reading, all with the path.
  absl::StatusOr<std::optional<WhitelistRef>> Read();

 private:
  const std::string path_;
  WhitelistRef last_;
};

struct WhitelistMetrics {
  explicit WhitelistMetrics(telemetry::MetricRegistry* registry);

  telemetry::Counter loads;
  telemetry::Counter errors;
};

// Reads the file every so often, and hands on what it allows when that changes. While it cannot be
// read, the last list stays in force.
class WhitelistWatch {
 public:
  using Put = std::function<void(WhitelistRef)>;

  // Reads once before it returns. `put` is called from a thread of the watch, the first time before
  // this returns; `metrics` outlives the watch. ERRORS: as WhitelistFile::Read.
  static absl::StatusOr<std::unique_ptr<WhitelistWatch>> Start(const std::string& path,
                                                               absl::Duration interval, Put put,
                                                               WhitelistMetrics* metrics);
  ~WhitelistWatch() { Stop(); }

  // After that, `put` is not called. Idempotent.
  void Stop();

 private:
  WhitelistWatch(const std::string& path, absl::Duration interval, Put put,
                 WhitelistMetrics* metrics)
      : path_(path), interval_(interval), put_(std::move(put)), metrics_(metrics), file_(path) {}
  absl::Status Look();
  void Run();

  const std::string path_;
  const absl::Duration interval_;
  const Put put_;
  WhitelistMetrics* const metrics_;
  WhitelistFile file_;  // of the thread, once it runs

  Mutex mutex_;
  CondVar wake_;
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace meros::master

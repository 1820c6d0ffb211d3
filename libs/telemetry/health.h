// Whether a service is alive and whether it can serve, each with reasons: behind /healthz and
// /readyz.
//
//   health.AddReadiness("registry", [&] {
//     return link.connected() ? absl::OkStatus() : absl::UnavailableError("no registry");
//   });
//
// Liveness fails only where a restart would help; a neighbour that is away is a matter of
// readiness.
//
// Owner: main. Thread rule: thread-safe; checks run on a thread of the metrics server and are
// quick.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "libs/base/mutex.h"

namespace meros::telemetry {

class Health {
 public:
  // OK, or why not in a sentence for operators.
  using Check = std::function<absl::Status()>;

  struct Report {
    bool is_ok = true;
    std::string json;  // {"ok":false,"checks":[{"name":"registry","ok":false,"reason":"..."}]}
  };

  void AddLiveness(absl::string_view name, Check check);
  void AddReadiness(absl::string_view name, Check check);

  // Runs the checks in the order in which they were added. No checks: ok.
  Report Liveness() const;
  // Also runs the liveness checks: what is not alive is not ready.
  Report Readiness() const;

 private:
  using Checks = std::vector<std::pair<std::string, Check>>;

  mutable Mutex mutex_;
  Checks liveness_ MEROS_GUARDED_BY(mutex_);
  Checks readiness_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::telemetry

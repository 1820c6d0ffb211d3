#include "services/master/core/scheduler_calls.h"

namespace meros::master {

absl::Status HandleTeardown(Transaction* tx, Framework* framework) {
  tx->RemoveFramework(framework, absl::AbortedError("Framework has been removed"));
  return absl::OkStatus();
}

}  // namespace meros::master

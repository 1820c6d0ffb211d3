#include "libs/rpc/lock_checks.h"

#include "absl/synchronization/mutex.h"

namespace meros::rpc {

void StopLockOrderChecks() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace meros::rpc

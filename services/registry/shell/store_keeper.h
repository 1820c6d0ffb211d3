// Keeps the registry on a store: opens it, lets the shell serve it, and when it is over (another
// registry serves it, or it has to be read again) stands by and opens it anew as soon as that is
// possible.
//
//   STANDING_BY ──opened──▶ SERVING ──over──▶ STANDING_BY
//
// Owner: main. Thread rule: Start and the destructor from main; OnOver is thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/mutex.h"
#include "libs/storage/store.h"
#include "services/registry/config.h"
#include "services/registry/shell/registry_shell.h"

namespace meros::registry {

class StoreKeeper {
 public:
  // `shell` outlives this.
  StoreKeeper(const Config& config, RegistryShell* shell) : config_(config), shell_(shell) {}
  // Ends what is served.
  ~StoreKeeper();
  StoreKeeper(const StoreKeeper&) = delete;
  StoreKeeper& operator=(const StoreKeeper&) = delete;

  // The store's name for operators, without a password.
  static absl::StatusOr<std::string> StoreName(const Config& config);

  // Opens the store for the first time. A ZooKeeper store that does not answer or is served by
  // another is no error: this registry stands by. ERRORS: what a later try cannot cure.
  absl::Status Start();

 private:
  absl::StatusOr<std::unique_ptr<storage::Store>> Open();
  absl::Status TryServe();
  void OnOver(const absl::Status& why);
  void Run();

  const Config config_;
  RegistryShell* const shell_;
  std::string told_;  // why it stands by, as last logged; of the thread once it runs

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  bool serving_ MEROS_GUARDED_BY(mutex_) = false;
  absl::Status over_ MEROS_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace meros::registry

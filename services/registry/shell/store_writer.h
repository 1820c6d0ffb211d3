// The thread on which the registry's store works: takes transactions, makes them durable, reports. The
// core has one on its way at a time, so there is no queue to bound.
//
// Thread rule: Write is called from the strand; `done` is called on the writer's thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/storage/store.h"
#include "services/registry/core/registry_core.h"

namespace meros::registry {

class StoreWriter {
 public:
  using Done = std::function<void(uint64_t token, const absl::Status& status, size_t changes,
                                  absl::Duration took)>;

  StoreWriter(std::unique_ptr<storage::Store> store, Done done);
  // Finishes the transaction on its way.
  ~StoreWriter();

  // REQUIRES: the former transaction has been reported.
  void Write(RegistryCore::Persist persist);

 private:
  void Run();

  const std::unique_ptr<storage::Store> store_;
  const Done done_;
  Mutex mutex_;
  CondVar changed_;
  std::optional<RegistryCore::Persist> next_ MEROS_GUARDED_BY(mutex_);
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace meros::registry

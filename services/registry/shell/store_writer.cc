#include "services/registry/shell/store_writer.h"

#include <pthread.h>

#include <utility>

#include "libs/base/check.h"
#include "libs/runtime/clock.h"
#include "services/registry/shell/store_codec.h"

namespace meros::registry {

StoreWriter::StoreWriter(std::unique_ptr<storage::Store> store, Done done)
    : store_(std::move(store)), done_(std::move(done)), thread_([this] { Run(); }) {}

StoreWriter::~StoreWriter() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.Signal();
  }
  thread_.join();
}

void StoreWriter::Write(RegistryCore::Persist persist) {
  MutexLock lock(&mutex_);
  MEROS_CHECK(!next_.has_value()) << "two transactions on their way";
  next_ = std::move(persist);
  changed_.Signal();
}

void StoreWriter::Run() {
  pthread_setname_np(pthread_self(), "store-writer");
  while (true) {
    RegistryCore::Persist persist;
    {
      MutexLock lock(&mutex_);
      while (!next_.has_value() && !stopping_) changed_.Wait(&mutex_);
      if (!next_.has_value()) return;
      persist = *std::exchange(next_, std::nullopt);
    }
    const absl::Time start = runtime::ProcessClock::Get().Now();
    const absl::Status status = store_->Commit(EncodeTransaction(persist));
    done_(persist.token, status, persist.changes.size(),
          runtime::ProcessClock::Get().Now() - start);
  }
}

}  // namespace meros::registry

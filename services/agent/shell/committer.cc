#include "services/agent/shell/committer.h"

#include <pthread.h>

#include <iterator>
#include <map>
#include <utility>
#include <variant>

#include "libs/runtime/clock.h"

namespace meros::agent {
namespace {

// Takes the records out of `effects`; a later write of a key replaces an earlier one.
std::vector<storage::Mutation> TakeWrites(std::vector<Effect>* effects) {
  std::map<std::string, std::optional<std::string>> merged;
  std::vector<Effect> rest;
  for (Effect& effect : *effects) {
    if (auto* persist = std::get_if<Persist>(&effect)) {
      for (RecordWrite& write : persist->writes) merged[write.key] = std::move(write.value);
    } else {
      rest.push_back(std::move(effect));
    }
  }
  *effects = std::move(rest);
  std::vector<storage::Mutation> writes;
  for (auto& [key, value] : merged) writes.push_back({key, std::move(value)});
  return writes;
}

}  // namespace

Committer::Committer(std::unique_ptr<storage::Store> store, CommitterOptions options,
                     CommitObserver* observer)
    : store_(std::move(store)), options_(options), observer_(observer) {}

void Committer::Start(Perform perform) {
  perform_ = std::move(perform);
  thread_ = std::thread([this] { Run(); });
}

void Committer::Push(std::vector<Effect> effects) {
  MutexLock lock(&mutex_);
  queue_.insert(queue_.end(), std::make_move_iterator(effects.begin()),
                std::make_move_iterator(effects.end()));
  wake_.Signal();
}

void Committer::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status Committer::status() const {
  MutexLock lock(&mutex_);
  return status_;
}

void Committer::Run() {
  pthread_setname_np(pthread_self(), "committer");
  while (true) {
    std::vector<Effect> batch;
    {
      MutexLock lock(&mutex_);
      while (queue_.empty() && !stopping_) wake_.Wait(&mutex_);
      if (queue_.empty()) return;
      batch.swap(queue_);
    }
    // Every effect of the batch comes after all records of the batch at the latest, so one commit
    // ahead of them is enough.
    const std::vector<storage::Mutation> writes = TakeWrites(&batch);
    if (!writes.empty() && !CommitAll(writes)) return;
    if (!batch.empty()) perform_(std::move(batch));
  }
}

bool Committer::CommitAll(const std::vector<storage::Mutation>& writes) {
  const runtime::Clock& clock = runtime::ProcessClock::Get();
  while (true) {
    const absl::Time start = clock.Now();
    absl::Status status = store_->Commit(writes);
    if (status.ok()) observer_->OnCommit(writes.size(), clock.Now() - start);
    if (!status.ok()) observer_->OnCommitFailed(status);
    MutexLock lock(&mutex_);
    status_ = std::move(status);
    if (status_.ok()) return true;
    if (stopping_) return false;
    wake_.WaitFor(&mutex_, options_.retry_delay);
  }
}

}  // namespace meros::agent

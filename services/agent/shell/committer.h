// The thread between the agent's core and the outside: commits records in groups and performs what
// had to wait for them, in order. While one commit is on its way to the disk, the next group
// gathers.
//
//   strand ─▶ Push ─▶ [effects] ─▶ one commit ─▶ perform, in the order of the core
//
// A commit that fails is tried again for ever: nothing that waits for it happens meanwhile, and
// status() says so. Effects that must not wait (after = 0) do not come here.
//
// Owner: Agent. Thread rule: thread-safe; `perform` is called on the committer's thread.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/storage/store.h"
#include "services/agent/core/effects.h"

namespace meros::agent {

struct CommitterOptions {
  absl::Duration retry_delay = absl::Seconds(1);
};

// Told of every commit; turned into metrics.
class CommitObserver {
 public:
  virtual ~CommitObserver() = default;
  virtual void OnCommit(size_t records, absl::Duration duration) = 0;
  virtual void OnCommitFailed(const absl::Status& status) = 0;
};

class Committer {
 public:
  using Perform = std::function<void(std::vector<Effect>)>;

  // `observer` outlives the committer.
  Committer(std::unique_ptr<storage::Store> store, CommitterOptions options,
            CommitObserver* observer);
  ~Committer() { Stop(); }

  // REQUIRES: called once.
  void Start(Perform perform);
  void Push(std::vector<Effect> effects);

  // Commits and performs what was pushed; a commit that fails now is given up. Idempotent.
  void Stop();

  // OK, or why records cannot be written just now.
  absl::Status status() const;

 private:
  void Run();
  // False when it gave up because the committer stops.
  bool CommitAll(const std::vector<storage::Mutation>& writes);

  const std::unique_ptr<storage::Store> store_;
  const CommitterOptions options_;
  CommitObserver* const observer_;
  Perform perform_;

  mutable Mutex mutex_;
  CondVar wake_;
  std::vector<Effect> queue_ MEROS_GUARDED_BY(mutex_);
  absl::Status status_ MEROS_GUARDED_BY(mutex_);
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace meros::agent

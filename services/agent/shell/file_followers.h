// Everyone who follows a file of a sandbox. One thread looks at all followed files in turn: `tail
// -f` for many readers costs no thread each. A reader that is slow is not sent more until it has
// read.
//
// Owner: Agent. Thread rule: thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "meros/v1/agent/agent_service.pb.h"

namespace meros::agent {

// Where the bytes go.
class FollowSink {
 public:
  virtual ~FollowSink() = default;
  // Whether more can be taken now.
  virtual bool IsReady() = 0;
  virtual bool IsClosed() = 0;
  virtual void Send(v1::agent::FollowFileResponse response) = 0;
  virtual void Close(absl::Status status) = 0;
};

struct FollowOrder {
  std::string sandbox;
  std::string path;
  uint64_t offset = 0;
  bool follow = true;  // false: end at the present end
};

struct FollowOptions {
  size_t followers_max = 1024;
  absl::Duration poll_interval = absl::Milliseconds(50);
};

class FileFollowers {
 public:
  // `is_live` says whether the task of a sandbox still runs; it is asked from the followers'
  // thread.
  FileFollowers(FollowOptions options, std::function<bool(const std::string& sandbox)> is_live);
  ~FileFollowers();

  // Closes the sink with ResourceExhausted when there are too many.
  void Add(FollowOrder order, std::shared_ptr<FollowSink> sink);
  void Stop();

 private:
  struct Follower;

  void Run();
  // True when the follower is done.
  bool Advance(Follower* follower, bool* progressed);
  // Opens the file once it is there. Sets `done` when it will never be.
  bool OpenFile(Follower* follower, bool is_live, bool* done);

  const FollowOptions options_;
  const std::function<bool(const std::string&)> is_live_;
  Mutex mutex_;
  CondVar wake_;
  std::vector<std::unique_ptr<Follower>> added_ MEROS_GUARDED_BY(mutex_);
  size_t count_ MEROS_GUARDED_BY(mutex_) = 0;
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<Follower>> followers_;  // the thread's own
  std::thread thread_;
};

}  // namespace meros::agent

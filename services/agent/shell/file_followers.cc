#include "services/agent/shell/file_followers.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "services/agent/shell/sandbox_files.h"

namespace meros::agent {
namespace {

constexpr uint64_t kChunkBytesMax = 64 << 10;
constexpr int kChunksPerFrame = 8;

}  // namespace

struct FileFollowers::Follower {
  FollowOrder order;
  std::shared_ptr<FollowSink> sink;
  os::UniqueFd fd;
};

FileFollowers::FileFollowers(FollowOptions options, std::function<bool(const std::string&)> is_live)
    : options_(options), is_live_(std::move(is_live)), thread_([this] { Run(); }) {}

FileFollowers::~FileFollowers() { Stop(); }

void FileFollowers::Add(FollowOrder order, std::shared_ptr<FollowSink> sink) {
  {
    MutexLock lock(&mutex_);
    if (!stopping_ && count_ < options_.followers_max) {
      ++count_;
      added_.push_back(std::make_unique<Follower>());
      added_.back()->order = std::move(order);
      added_.back()->sink = std::move(sink);
      wake_.Signal();
      return;
    }
  }
  sink->Close(absl::ResourceExhaustedError("too many files are being followed on this agent"));
}

void FileFollowers::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

void FileFollowers::Run() {
  pthread_setname_np(pthread_self(), "file-followers");
  bool progressed = false;
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (!progressed && !stopping_ && added_.empty()) {
        wake_.WaitFor(&mutex_, followers_.empty() ? absl::Hours(1) : options_.poll_interval);
      }
      if (stopping_) break;
      std::move(added_.begin(), added_.end(), std::back_inserter(followers_));
      added_.clear();
    }
    progressed = false;
    const size_t before = followers_.size();
    std::erase_if(followers_, [&](auto& follower) { return Advance(follower.get(), &progressed); });
    MutexLock lock(&mutex_);
    count_ -= before - followers_.size();
  }
  for (auto& follower : followers_) {
    follower->sink->Close(absl::UnavailableError("the agent is stopping"));
  }
  MutexLock lock(&mutex_);
  for (auto& follower : added_) {
    follower->sink->Close(absl::UnavailableError("the agent is stopping"));
  }
}

bool FileFollowers::OpenFile(Follower* follower, bool is_live, bool* done) {
  auto fd = OpenSandboxFile(follower->order.sandbox, follower->order.path);
  if (fd.ok()) {
    follower->fd = std::move(*fd);
    return true;
  }
  // A task that is starting may not have made its file yet.
  if (absl::IsNotFound(fd.status()) && is_live && follower->order.follow) return false;
  follower->sink->Close(fd.status());
  *done = true;
  return false;
}

bool FileFollowers::Advance(Follower* follower, bool* progressed) {
  if (follower->sink->IsClosed()) return true;
  if (!follower->sink->IsReady()) return false;
  // Asked before reading: what was written before the end is then read.
  const bool is_live = is_live_(follower->order.sandbox);
  bool done = false;
  if (!follower->fd.valid() && !OpenFile(follower, is_live, &done)) return done;
  v1::agent::FollowFileResponse frame;
  frame.set_offset(follower->order.offset);
  for (int i = 0; i < kChunksPerFrame; ++i) {
    auto data = ReadAt(follower->fd.get(), follower->order.offset, kChunkBytesMax);
    if (!data.ok()) {
      follower->sink->Close(data.status());
      return true;
    }
    const bool is_at_end = data->size() < kChunkBytesMax;
    follower->order.offset += data->size();
    if (!data->empty()) frame.add_chunks(*std::move(data));
    if (is_at_end) {
      done = !is_live || !follower->order.follow;
      break;
    }
  }
  if (frame.chunks_size() > 0) {
    *progressed = true;
    follower->sink->Send(std::move(frame));
  }
  if (done) follower->sink->Close(absl::OkStatus());
  return done;
}

}  // namespace meros::agent

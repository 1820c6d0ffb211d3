#include "libs/linux/fd_watcher.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace meros::os {
namespace {

constexpr FdWatcher::WatchId kStop = 0;  // real watches count from 1
constexpr int kEventsMax = 64;           // per wake-up; the rest comes with the next one

}  // namespace

absl::StatusOr<std::unique_ptr<FdWatcher>> FdWatcher::Create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return absl::ErrnoToStatus(errno, "cannot create an epoll instance");
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) return absl::ErrnoToStatus(errno, "cannot create an eventfd");
  struct epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = kStop;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, stop.get(), &event) != 0) {
    return absl::ErrnoToStatus(errno, "cannot watch an eventfd");
  }
  return std::unique_ptr<FdWatcher>(new FdWatcher(std::move(epoll), std::move(stop)));
}

FdWatcher::FdWatcher(UniqueFd epoll, UniqueFd stop)
    : epoll_(std::move(epoll)), stop_(std::move(stop)), thread_([this] { Run(); }) {}

void FdWatcher::Stop() {
  const uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof(one));
  if (thread_.joinable()) thread_.join();
}

absl::StatusOr<FdWatcher::WatchId> FdWatcher::Once(int fd, std::function<void()> ready) {
  MutexLock lock(&mutex_);
  const WatchId id = ++last_id_;
  struct epoll_event event = {};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.u64 = id;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return absl::ErrnoToStatus(errno, "cannot watch a descriptor");
  }
  watches_.emplace(id, Watch{fd, std::move(ready)});
  return id;
}

void FdWatcher::Remove(WatchId id) {
  MutexLock lock(&mutex_);
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.fd, nullptr);
  watches_.erase(found);
}

void FdWatcher::Fire(WatchId id) {
  std::function<void()> ready;
  {
    MutexLock lock(&mutex_);
    const auto found = watches_.find(id);
    if (found == watches_.end()) return;  // removed after the kernel had reported it
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.fd, nullptr);
    ready = std::move(found->second.ready);
    watches_.erase(found);
  }
  ready();
}

void FdWatcher::Run() {
  ::pthread_setname_np(::pthread_self(), "fd-watcher");
  struct epoll_event events[kEventsMax];
  while (true) {
    const int count = ::epoll_wait(epoll_.get(), events, kEventsMax, -1);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == kStop) return;
      Fire(events[i].data.u64);
    }
  }
}

}  // namespace meros::os

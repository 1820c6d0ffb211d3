// Goal: a watch fires exactly once, and never after it was removed.
#include "libs/linux/fd_watcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <future>

namespace meros::os {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) == 0) {
      read.Reset(ends[0]);
      write.Reset(ends[1]);
    }
  }
  void Put() { (void)!::write(write.get(), "x", 1); }
  UniqueFd read, write;
};

TEST(FdWatcher, FiresOnceAndRemovedWatchesStaySilent) {
  auto watcher = FdWatcher::Create().value();
  Pipe watched, removed, last;
  std::atomic<int> fired{0};
  std::promise<void> done;
  ASSERT_TRUE(watcher->Once(watched.read.get(), [&] { ++fired; }).ok());
  const auto id = watcher->Once(removed.read.get(), [&] { fired += 100; });
  ASSERT_TRUE(id.ok());
  watcher->Remove(*id);

  removed.Put();
  watched.Put();
  watched.Put();
  ASSERT_TRUE(watcher->Once(last.read.get(), [&] { done.set_value(); }).ok());
  last.Put();
  done.get_future().wait();
  watcher.reset();

  EXPECT_EQ(fired, 1);
}

TEST(FdWatcher, DescriptorCanBeWatchedAgainFromItsCallback) {
  auto watcher = FdWatcher::Create().value();
  Pipe pipe;
  std::promise<void> done;
  ASSERT_TRUE(
      watcher
          ->Once(
              pipe.read.get(),
              [&] { EXPECT_TRUE(watcher->Once(pipe.read.get(), [&] { done.set_value(); }).ok()); })
          .ok());

  pipe.Put();

  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

}  // namespace
}  // namespace meros::os

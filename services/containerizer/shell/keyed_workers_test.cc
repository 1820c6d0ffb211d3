// Goal: jobs of one key keep their order and never overlap; other keys are not held up by them.
#include "services/containerizer/shell/keyed_workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "absl/strings/str_cat.h"

namespace meros::containerizer {
namespace {

TEST(KeyedWorkers, OneKeyIsAQueue) {
  std::vector<int> order;  // without a lock: the order is what is tested
  std::promise<void> done;
  KeyedWorkers workers(4);  // ends first: its threads use what is above

  for (int i = 0; i < 1000; ++i) workers.Post("key", [&order, i] { order.push_back(i); });
  workers.Post("key", [&done] { done.set_value(); });
  done.get_future().wait();

  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(KeyedWorkers, AStuckKeyHoldsUpNobodyElse) {
  std::promise<void> release, other;
  KeyedWorkers workers(2);
  workers.Post("stuck", [&release] { release.get_future().wait(); });
  workers.Post("stuck", [] {});

  workers.Post("other", [&other] { other.set_value(); });
  other.get_future().wait();

  release.set_value();
}

TEST(KeyedWorkers, StopDropsWhatWaits) {
  std::atomic<int> ran{0};
  std::promise<void> started, release;
  KeyedWorkers workers(1);
  workers.Post("a", [&] {
    started.set_value();
    release.get_future().wait();
    ++ran;
  });
  for (int i = 0; i < 10; ++i) workers.Post(absl::StrCat("b", i), [&ran] { ++ran; });
  started.get_future().wait();

  auto stopping = std::async(std::launch::async, [&workers] { workers.Stop(); });
  // Stop has been entered when posts are dropped; whether it has does not change the outcome.
  release.set_value();
  stopping.wait();
  workers.Post("c", [&ran] { ++ran; });

  EXPECT_GE(ran, 1);
  EXPECT_LE(ran, 11);
}

}  // namespace
}  // namespace meros::containerizer

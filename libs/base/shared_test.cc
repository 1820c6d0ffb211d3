#include "libs/base/shared.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace meros {
namespace {

TEST(Shared, NothingReadsAsADefaultValue) {
  const Shared<std::string> nothing;

  EXPECT_TRUE(nothing.holds_nothing());
  EXPECT_EQ(*nothing, "");
  EXPECT_EQ(sizeof(nothing), sizeof(void*));
}

TEST(Shared, CopiesHoldOneObjectUntilTheLastIsGone) {
  const auto canary = std::make_shared<int>(7);
  Shared<std::shared_ptr<int>> first(canary);
  Shared<std::shared_ptr<int>> second = first;

  EXPECT_TRUE(first.SameObject(second));
  first = {};
  EXPECT_EQ(canary.use_count(), 2);
  EXPECT_EQ(**second, 7);
  Shared<std::shared_ptr<int>> third = std::move(second);
  EXPECT_EQ(canary.use_count(), 2);
  third = {};
  EXPECT_EQ(canary.use_count(), 1);
}

TEST(Shared, MayBeLetGoByAnyThread) {
  const auto canary = std::make_shared<int>(7);
  {
    const Shared<std::shared_ptr<int>> value(canary);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([value] {
        for (int n = 0; n < 10000; ++n) Shared<std::shared_ptr<int>> copy = value;
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  EXPECT_EQ(canary.use_count(), 1);
}

TEST(SharingTable, EqualValuesBecomeOneObject) {
  SharingTable<std::string, 16> table;

  const Shared<std::string> first = table.Share("web");
  const Shared<std::string> second = table.Share("web");

  EXPECT_TRUE(first.SameObject(second));
  EXPECT_TRUE(table.Share("").holds_nothing());
}

TEST(SharingTable, ForgetsWhatFindsItsSlotTaken) {
  SharingTable<std::string, 1> table;

  const Shared<std::string> first = table.Share("a");
  table.Share("b");
  const Shared<std::string> again = table.Share("a");

  EXPECT_EQ(*again, "a");
  EXPECT_FALSE(first.SameObject(again));
}

}  // namespace
}  // namespace meros

// Goal: the fake disk loses what a real one may lose and nothing else, and the same seed does the same.
#include "libs/storage/fake_disk.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace meros::storage {
namespace {

std::vector<Mutation> Put(std::string key, std::string value) {
  return {Mutation{std::move(key), std::move(value)}};
}

TEST(FakeDisk, KeepsAcknowledgedCommitsOverRandomCrashes) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    FakeDisk disk(seed);
    disk.SetFaults(
        {.no_space = 0.05, .io_error = 0.05, .crash_before_sync = 0.1, .crash_after_sync = 0.1});
    auto store = disk.Open();
    ASSERT_TRUE(store.ok());
    int acknowledged = -1;
    for (int i = 0; i < 100; ++i) {
      if ((*store)->Commit({{{"n", absl::StrCat(i)}, {absl::StrCat("k", i), "v"}}}).ok())
        acknowledged = i;
      if (!disk.crashed()) continue;
      store = disk.Open();
      ASSERT_TRUE(store.ok()) << store.status();
      const auto found = *(*store)->Get("n");
      const int last = found.has_value() ? std::stoi(*found) : -1;
      EXPECT_TRUE(last == acknowledged || last == i) << "seed " << seed;
      EXPECT_EQ((*(*store)->Get(absl::StrCat("k", i))).has_value(), last == i) << "half a batch";
      acknowledged = last;
    }
  }
}

TEST(FakeDisk, NoticesFlippedBits) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    FakeDisk disk(seed);
    auto store = disk.Open();
    ASSERT_TRUE((*store)->Commit(Put("a", "1")).ok());
    ASSERT_TRUE((*store)->Commit(Put("b", "2")).ok());

    disk.FlipBit();

    EXPECT_EQ(disk.Open().status().code(), absl::StatusCode::kDataLoss) << "seed " << seed;
  }
}

TEST(FakeDisk, AFullDiskRefusesAndRecovers) {
  FakeDisk disk(1);
  auto store = disk.Open();

  disk.SetFull(true);
  EXPECT_EQ((*store)->Commit(Put("a", "1")).code(), absl::StatusCode::kResourceExhausted);
  disk.SetFull(false);

  EXPECT_TRUE((*store)->Commit(Put("a", "2")).ok());
  EXPECT_EQ(*(*store)->Get("a"), "2");
}

TEST(FakeDisk, StoresOfBeforeACrashStayDead) {
  FakeDisk disk(1);
  auto before = disk.Open();
  disk.Crash();
  auto after = disk.Open();

  EXPECT_EQ((*before)->Commit(Put("a", "1")).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE((*after)->Commit(Put("a", "1")).ok());
}

TEST(FakeDisk, SlowSyncsAreDrawnFromTheSeed) {
  FakeDisk one(5);
  FakeDisk two(5);
  for (FakeDisk* disk : {&one, &two}) {
    disk->SetFaults({.slow_sync = 0.5, .slow_sync_max = absl::Seconds(1)});
    auto store = disk->Open();
    for (int i = 0; i < 9; ++i) ASSERT_TRUE((*store)->Commit(Put("a", "1")).ok());
  }
  EXPECT_EQ(one.last_sync_time(), two.last_sync_time());
}

}  // namespace
}  // namespace meros::storage

// Goal: what was acknowledged survives a crash, what was not may, and nothing is half there unless
// it is a plain file. Method: many seeds, because a crash decides by chance.
#include "libs/simulation/disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meros::simulation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

void RunAll(EventQueue* events) {
  while (events->RunNext()) {
  }
}

TEST(SimDisk, CommitsInOrderAndTells) {
  EventQueue events;
  SimDisk disk(&events, {.slow_sync_chance = 0.5}, 1);
  std::vector<int> done;
  for (int i = 0; i < 20; ++i) {
    disk.Commit({{"key", std::to_string(i)}}, SimDisk::Atomicity::kAtomic,
                [&done, i](const absl::Status& status) {
                  ASSERT_TRUE(status.ok());
                  done.push_back(i);
                });
  }
  EXPECT_THAT(disk.contents(), IsEmpty());

  RunAll(&events);

  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.size(), 20u);
  EXPECT_THAT(disk.contents(), ElementsAre(Pair("key", "19")));
}

TEST(SimDisk, ACrashKeepsAPrefixAndWhatWasAcknowledged) {
  bool lost_some = false;
  bool kept_unacknowledged = false;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    EventQueue events;
    SimDisk disk(&events, {}, seed);
    int acknowledged = 0;
    for (int i = 1; i <= 10; ++i) {
      disk.Commit({{"a", std::to_string(i)}, {"b", std::to_string(i)}}, SimDisk::Atomicity::kAtomic,
                  [&acknowledged, i](const absl::Status&) { acknowledged = i; });
    }
    for (int i = 0; i < 5; ++i) events.RunNext();

    disk.Crash();
    RunAll(&events);

    ASSERT_EQ(acknowledged, 5);
    ASSERT_EQ(disk.contents().at("a"), disk.contents().at("b"));
    const int kept = std::stoi(disk.contents().at("a"));
    ASSERT_GE(kept, acknowledged);
    lost_some |= kept < 10;
    kept_unacknowledged |= kept > acknowledged;
  }
  EXPECT_TRUE(lost_some);
  EXPECT_TRUE(kept_unacknowledged);
}

TEST(SimDisk, APlainFileMayBeTorn) {
  bool was_torn = false;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    EventQueue events;
    SimDisk disk(&events, {}, seed);
    disk.Commit({{"file", "0123456789"}}, SimDisk::Atomicity::kTearable,
                [](const absl::Status&) {});

    disk.Crash();

    const auto found = disk.contents().find("file");
    was_torn |= found != disk.contents().end() && found->second.size() < 10;
  }
  EXPECT_TRUE(was_torn);
}

TEST(SimDisk, AFullDiskChangesNothing) {
  EventQueue events;
  SimDisk disk(&events, {}, 1);
  disk.SetFull(true);
  absl::Status result;
  disk.Commit({{"key", "value"}}, SimDisk::Atomicity::kAtomic,
              [&](const absl::Status& status) { result = status; });

  RunAll(&events);

  EXPECT_EQ(result.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(disk.contents(), IsEmpty());
}

TEST(SimDisk, FailsInAllTheWaysThatStoresDo) {
  EventQueue events;
  SimDisk disk(&events, {.full_chance = 1}, 1);
  std::vector<absl::StatusCode> kinds;
  for (int i = 0; i < 4; ++i) {
    disk.Commit({{"key", "value"}}, SimDisk::Atomicity::kAtomic,
                [&](const absl::Status& status) { kinds.push_back(status.code()); });
  }

  RunAll(&events);

  EXPECT_THAT(kinds, UnorderedElementsAre(
                         absl::StatusCode::kResourceExhausted, absl::StatusCode::kPermissionDenied,
                         absl::StatusCode::kDataLoss, absl::StatusCode::kUnavailable));
  EXPECT_THAT(disk.contents(), IsEmpty());
}

TEST(SimDisk, ErasesAndWipes) {
  EventQueue events;
  SimDisk disk(&events, {}, 1);
  disk.Commit({{"a", "1"}, {"b", "2"}}, SimDisk::Atomicity::kAtomic, [](const absl::Status&) {});
  disk.Commit({{"a", std::nullopt}}, SimDisk::Atomicity::kAtomic, [](const absl::Status&) {});

  RunAll(&events);
  EXPECT_THAT(disk.contents(), ElementsAre(Pair("b", "2")));
  disk.Wipe();
  EXPECT_THAT(disk.contents(), IsEmpty());
}

}  // namespace
}  // namespace meros::simulation

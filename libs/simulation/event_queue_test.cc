// Goal: order is by time, then by sequence, whatever the order of adding.
#include "libs/simulation/event_queue.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meros::simulation {
namespace {

using ::testing::ElementsAre;

TEST(EventQueue, RunsInOrderOfTimeThenOfAdding) {
  EventQueue events;
  std::vector<int> ran;
  events.After(absl::Seconds(2), [&] { ran.push_back(3); });
  events.After(absl::Seconds(1), [&] { ran.push_back(1); });
  events.After(absl::Seconds(1), [&] { ran.push_back(2); });

  while (events.RunNext()) {
  }

  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
  EXPECT_EQ(events.Now(), StartOfTime() + absl::Seconds(2));
}

TEST(EventQueue, EventsAddEventsAndThePastIsNow) {
  EventQueue events;
  std::vector<int> ran;
  events.After(absl::Seconds(1), [&] {
    events.At(StartOfTime(), [&] { ran.push_back(2); });
    ran.push_back(1);
  });

  while (events.RunNext()) {
  }

  EXPECT_THAT(ran, ElementsAre(1, 2));
  EXPECT_EQ(events.Now(), StartOfTime() + absl::Seconds(1));
}

TEST(EventQueue, NeverIsNoEvent) {
  EventQueue events;
  events.At(absl::InfiniteFuture(), [] {});

  EXPECT_EQ(events.size(), 0u);
  EXPECT_EQ(events.NextTime(), absl::InfiniteFuture());
}

TEST(SimClock, TellsTheTimeOfTheQueue) {
  EventQueue events;
  const SimClock clock(&events);
  events.AdvanceTo(StartOfTime() + absl::Minutes(1));

  EXPECT_EQ(clock.Now(), StartOfTime() + absl::Minutes(1));
}

}  // namespace
}  // namespace meros::simulation

// Watchers who resume with a token: what was missed comes in steps, at the pace of who reads it,
// and then every change, without gap or repetition. Steps are taken one at a time; a reader who is
// slow reads when the test says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/master/shell/test_watching.h"
#include "services/master/shell/watch_hub.h"

namespace meros::master::testing {
namespace {

namespace pb = ::meros::v1::master;

constexpr size_t kRingMax = 300;
constexpr size_t kEventsPerFrame = 5;
constexpr size_t kEnoughBytes = 1000;
constexpr size_t kFrameBytes = 500;

class Resuming : public Watching {
 protected:
  Resuming()
      : Watching({.max_watchers = 4,
                  .ring_max = kRingMax,
                  .events_per_frame = kEventsPerFrame,
                  .examined_per_frame = 20,
                  .showing_bytes_max = kEnoughBytes,
                  .missed_bytes_per_frame = kFrameBytes}) {}

  // The token of one who has been told all, and is gone.
  std::string TokenOfNow() {
    auto sink = Watch();
    sink->ended = true;
    return sink->token;
  }
  static pb::WatchRequest From(const std::string& token) {
    pb::WatchRequest request;
    request.set_resume_token(token);
    return request;
  }
  // Agents with ids of their own.
  void AddAgents(size_t count) {
    for (size_t i = 0; i < count; ++i) AddAgent(absl::StrCat("agent-", revision_));
  }
  WatchHub::ToShow Step() { return hub_.ShowMore(view_); }

  // Every change after `first` up to now, each once and in order.
  void ExpectAllSince(uint64_t first, const RecordingSink& sink) {
    ASSERT_EQ(sink.events.size(), revision_ - first);
    for (const pb::WatchEvent& event : sink.events) EXPECT_EQ(event.revision(), ++first);
  }
};

TEST_F(Resuming, GivesWhatWasMissedAndNothingElse) {
  AddAgent("a");
  auto first = Watch();
  AddAgent("b");
  pb::WatchRequest request;
  request.set_resume_token(first->token);
  AddAgent("c");

  auto second = Watch(request);

  ASSERT_EQ(second->events.size(), 1u);
  EXPECT_EQ(second->events[0].agent().info().id().value(), "c");
  EXPECT_FALSE(second->snapshot_ended);
}

TEST_F(Resuming, TokensThatAreTooOldOrForeignAreRefused) {
  AddAgent("a");
  const std::string token = Watch()->token;
  AddAgents(kRingMax + 1);
  pb::WatchRequest request;

  request.set_resume_token(token);
  Watch(request);
  EXPECT_TRUE(absl::IsOutOfRange(status_)) << status_;
  request.set_resume_token("other/1");
  Watch(request);
  EXPECT_TRUE(absl::IsOutOfRange(status_)) << status_;
  request.set_resume_token("nonsense");
  Watch(request);
  EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
  request.set_resume_token("master/1000");
  Watch(request);
  EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
}

TEST_F(Resuming, WithAFilterGivesWhatWasMissedOfIt) {
  AddFramework("f", {"eng"});
  AddFramework("g", {"ops"});
  const std::string token = Watch("role: 'eng'")->token;
  AddFramework("f", {"ops"});
  AddTask("g", "t", sequence_++, "ops");
  AddFramework("g", {"eng", "ops"});

  auto sink = Watch(absl::StrCat("role: 'eng' resume_token: '", token, "'"));

  EXPECT_THAT(Told(*sink), ::testing::ElementsAre("-f", "g"));
}

TEST_F(Resuming, WhatIsGoneIsStillToldToThoseWhoseItWas) {
  SetOperation(1, "f");
  SetOperation(2, "g");
  AddExecutor("e1", "f");
  AddExecutor("e2", "g");
  const std::string token = Watch("framework_id { value: 'f' }")->token;
  SetOperation(1, "f", "a", v1::OPERATION_FINISHED);
  SetOperation(3, "f");
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) Apply(OperationRemoved{sequence});
  RemoveExecutor("e2", "g");
  RemoveExecutor("e1", "f");
  Plan({{"node-1", ""}}, {{"node-1", ""}});
  Plan({});

  auto of_framework =
      Watch(absl::StrCat("framework_id { value: 'f' } resume_token: '", token, "'"));
  auto all = Watch(From(token));

  EXPECT_THAT(Told(*of_framework), ::testing::ElementsAre("o1", "o3", "-o1", "-o3", "-e1"));
  EXPECT_THAT(Told(*all), ::testing::ElementsAre("o1", "o3", "-o1", "-o2", "-o3", "-e2", "-e1",
                                                 "1 planned, 1 down", "0 planned, 0 down"));
}

// ---- In steps ----

TEST_F(Resuming, MoreThanAnOutboxHoldsIsToldAsFastAsItIsRead) {
  const std::string token = TokenOfNow();
  AddAgents(200);
  auto sink = Begin(From(token));
  sink->reads_at_once = false;
  sink->unread_max = kEnoughBytes + 2 * kFrameBytes;

  size_t reads = 0;
  while (sink->token != absl::StrCat("master/", revision_)) {
    while (Step() == WatchHub::ToShow::kNow) {
    }
    ASSERT_FALSE(sink->overflown);
    ASSERT_GT(std::exchange(sink->unread, 0), 0u);
    ++reads;
  }

  EXPECT_GT(reads, 3u);
  ExpectAllSince(0, *sink);
  EXPECT_EQ(Step(), WatchHub::ToShow::kNothing);
  AddAgents(1);
  ExpectAllSince(0, *sink);
}

TEST_F(Resuming, AFrameIsOfBoundedBytes) {
  const std::string token = TokenOfNow();
  for (size_t i = 0; i < kEventsPerFrame; ++i) AddAgent(std::string(kFrameBytes / 2, 'a' + i));

  auto sink = Watch(From(token));

  ExpectAllSince(0, *sink);
  EXPECT_EQ(sink->frames.size(), 3u);  // of 2, 2 and 1
}

TEST_F(Resuming, WhatChangesMeanwhileIsToldOnceInOrder) {
  const std::string token = TokenOfNow();
  AddAgents(3 * kEventsPerFrame);
  auto other = Watch();  // makes the group that is joined
  auto sink = Begin(From(token));

  do {
    hub_.Flush();
    ApplyUnflushed(AgentOf(absl::StrCat("live-", revision_)));
    ApplyUnflushed(AgentRemoved{AgentId(absl::StrCat("live-", revision_ - 1))});
    ASSERT_TRUE(hub_.has_pending());  // of the group, also when it joins
  } while (Step() == WatchHub::ToShow::kNow);
  ApplyUnflushed(AgentOf("after"));
  hub_.Flush();

  ExpectAllSince(0, *sink);
  EXPECT_EQ(sink->frames.back(), other->frames.back());
  EXPECT_GT(sink->frames.size(), 5u);
}

TEST_F(Resuming, WithoutOthersWhatComesIsStillKept) {
  const std::string token = TokenOfNow();
  AddAgents(2 * kEventsPerFrame);
  auto sink = Begin(From(token));

  // Never there, for as many changes as end what is kept when nobody watches.
  for (size_t changes = 0; changes <= kRingMax; changes += kEventsPerFrame) {
    AddAgents(kEventsPerFrame);
    ASSERT_EQ(Step(), WatchHub::ToShow::kNow);
  }
  ShowAll();

  ExpectAllSince(0, *sink);
}

TEST_F(Resuming, OnlySoManyChangesAreLookedAtInAStep) {
  const std::string token = TokenOfNow();
  AddAgents(50);
  AddTask("f", "t", sequence_++);
  pb::WatchRequest request = From(token);
  request.add_kinds(pb::WATCH_TASKS);
  auto sink = Begin(request);

  int steps = 1;
  while (Step() == WatchHub::ToShow::kNow) ++steps;

  EXPECT_EQ(steps, 3);  // of 20, 20 and 11
  EXPECT_THAT(Told(*sink), ::testing::ElementsAre("t"));
  EXPECT_EQ(sink->frames.size(), 1u);
}

// ---- In turn ----

TEST_F(Resuming, ThoseOfOnePlaceAreSentTheSameBytes) {
  const std::string token = TokenOfNow();
  AddAgents(3 * kEventsPerFrame);
  auto first = Begin(From(token));
  auto second = Begin(From(token));

  ShowAll();

  EXPECT_EQ(first->frames, second->frames);
  ExpectAllSince(0, *second);
}

TEST_F(Resuming, WhoComesLaterMeetsThoseWhoWaited) {
  const std::string token = TokenOfNow();
  AddAgents(4 * kEventsPerFrame);
  auto first = Begin(From(token));
  Step();
  first->unread = kEnoughBytes + 1;
  auto second = Begin(From(token));
  Step();
  first->unread = 0;

  ShowAll();

  ExpectAllSince(0, *first);
  ExpectAllSince(0, *second);
  EXPECT_NE(first->frames[0], second->frames[0]);
  EXPECT_EQ(first->frames.back(), second->frames.back());
}

TEST_F(Resuming, OthersGetTheirTurnBetweenSteps) {
  AddAgents(4 * kEventsPerFrame);
  const std::string token = TokenOfNow();
  AddAgents(4 * kEventsPerFrame);
  pb::WatchRequest request = From(token);
  auto all = Begin(request);
  request.add_kinds(pb::WATCH_AGENTS);
  auto agents = Begin(request);
  auto shown = Begin({});
  EXPECT_TRUE(all->frames.empty());  // nothing is packed when it begins

  for (size_t turns = 1; turns <= 3; ++turns) {
    ASSERT_EQ(Step(), WatchHub::ToShow::kNow);
    ASSERT_EQ(Step(), WatchHub::ToShow::kNow);

    EXPECT_EQ(all->events.size(), turns * kEventsPerFrame);
    EXPECT_EQ(agents->events.size(), turns * kEventsPerFrame);
    EXPECT_EQ(shown->events.size(), 2 * turns * kEventsPerFrame);
  }
}

TEST_F(Resuming, WhoReadsSlowlyHoldsUpNobody) {
  const std::string token = TokenOfNow();
  AddAgents(3 * kEventsPerFrame);
  auto slow = Begin(From(token));
  slow->unread = kEnoughBytes + 1;
  EXPECT_EQ(Step(), WatchHub::ToShow::kLater);
  auto other = Begin(From(token));

  ShowAll();

  EXPECT_TRUE(slow->events.empty());
  ExpectAllSince(0, *other);
  slow->unread = 0;
  ShowAll();
  ExpectAllSince(0, *slow);
}

// ---- Ends ----

TEST_F(Resuming, WhoIsOvertakenIsEndedLikeATokenThatIsTooOld) {
  const std::string token = TokenOfNow();
  AddAgents(2 * kEventsPerFrame);
  auto slow = Begin(From(token));
  Step();
  slow->unread = kEnoughBytes + 1;
  AddAgents(kRingMax - kEventsPerFrame);
  EXPECT_EQ(Step(), WatchHub::ToShow::kLater);  // all it needs is there, just so
  EXPECT_TRUE(slow->closed.ok());

  AddAgents(1);

  EXPECT_EQ(Step(), WatchHub::ToShow::kNothing);
  EXPECT_TRUE(absl::IsOutOfRange(slow->closed)) << slow->closed;
  EXPECT_EQ(hub_.size(), 0u);
  Begin(From(slow->token));
  EXPECT_EQ(status_, slow->closed);
}

TEST_F(Resuming, WhoIsGoneIsForgotten) {
  const std::string token = TokenOfNow();
  AddAgents(2 * kEventsPerFrame);
  hub_.Flush();
  auto sink = Begin(From(token));
  Step();
  EXPECT_EQ(hub_.size(), 1u);

  sink->ended = true;
  Step();

  EXPECT_EQ(hub_.size(), 0u);
}

TEST_F(Resuming, EndsWhenLeadershipEnds) {
  const std::string token = TokenOfNow();
  AddAgents(1);
  auto sink = Begin(From(token));

  Apply(Cleared{});

  EXPECT_TRUE(absl::IsUnavailable(sink->closed));
  EXPECT_EQ(hub_.size(), 0u);
}

}  // namespace
}  // namespace meros::master::testing

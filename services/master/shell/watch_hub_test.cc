// Watchers: a snapshot, then changes without gap, and resuming.
#include "services/master/shell/watch_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

class RecordingSink final : public WatchSink {
 public:
  bool Send(const WatchFrame& packed) override {
    if (ended) return false;
    pb::WatchResponse frame;
    EXPECT_TRUE(frame.ParseFromString(*packed));
    frames.push_back(packed);
    if (frame.has_resume_token()) token = frame.resume_token();
    snapshot_ended |= frame.snapshot_end();
    for (const auto& event : frame.events()) events.push_back(event);
    return true;
  }
  size_t unread_bytes() const override { return unread; }
  void Close(absl::Status status) override { closed = std::move(status); }

  std::vector<WatchFrame> frames;
  size_t unread = 0;
  std::vector<pb::WatchEvent> events;
  std::string token;
  bool snapshot_ended = false;
  bool ended = false;
  absl::Status closed;
};

class Watching : public ::testing::Test {
 protected:
  Watching()
      : hub_({.max_watchers = 2, .ring_max = 3, .events_per_frame = 2, .showing_bytes_max = 1000},
             "master") {}

  void AddAgent(const std::string& id) {
    auto record = std::make_shared<AgentRecord>();
    record->id = AgentId(id);
    record->state = AgentState::kRegistered;
    record->info = std::make_shared<const v1::AgentInfo>();
    Apply(std::shared_ptr<const AgentRecord>(record));
  }
  void Apply(Publish::Change change) {
    const Publish publish{++revision_, std::move(change)};
    view_.Apply(publish);
    hub_.Add(view_, publish);
    hub_.Flush();
  }
  std::shared_ptr<RecordingSink> Watch(pb::WatchRequest request = {}) {
    auto sink = std::make_shared<RecordingSink>();
    status_ = hub_.Start(view_, request, sink);
    ShowAll();
    return sink;
  }
  void ShowAll() {
    while (hub_.ShowMore(view_) == WatchHub::ToShow::kNow) {
    }
  }

  ClusterView view_;
  WatchHub hub_;
  uint64_t revision_ = 0;
  absl::Status status_;
};

TEST_F(Watching, ASnapshotIsFollowedByChanges) {
  AddAgent("a");
  auto sink = Watch();
  EXPECT_EQ(sink->events.size(), 1u);
  EXPECT_TRUE(sink->snapshot_ended);

  AddAgent("b");
  Apply(AgentRemoved{AgentId("a")});

  ASSERT_EQ(sink->events.size(), 3u);
  EXPECT_EQ(sink->events[1].revision(), 2u);
  EXPECT_EQ(sink->events[2].agent_removed().value(), "a");
}

TEST_F(Watching, ThoseWhoWantTheSameAreSentTheSameBytes) {
  auto first = Watch();
  auto second = Watch();

  AddAgent("a");

  ASSERT_EQ(first->events.size(), 1u);
  EXPECT_EQ(first->frames.back(), second->frames.back());
  EXPECT_FALSE(hub_.has_pending());
}

TEST_F(Watching, WhatChangesWhileASnapshotIsShownIsToldOnceInOrder) {
  for (const char* id : {"a", "b", "c", "d", "e"}) AddAgent(id);
  auto sink = std::make_shared<RecordingSink>();
  ASSERT_TRUE(hub_.Start(view_, {}, sink).ok());
  ASSERT_EQ(hub_.ShowMore(view_), WatchHub::ToShow::kNow);  // a and b
  ASSERT_EQ(sink->events.size(), 2u);

  Apply(AgentRemoved{AgentId("a")});  // has been shown
  Apply(AgentRemoved{AgentId("c")});  // has not
  AddAgent("aa");                     // its place has been passed
  AddAgent("cc");                     // is to come
  ShowAll();

  std::vector<std::string> told;
  uint64_t revision = 0;
  for (const auto& event : sink->events) {
    told.push_back(event.has_agent() ? event.agent().info().id().value()
                                     : "-" + event.agent_removed().value());
    EXPECT_GE(event.revision(), revision);
    revision = event.revision();
  }
  EXPECT_THAT(told, ::testing::ElementsAre("a", "b", "-a", "aa", "cc", "d", "e"));
  EXPECT_TRUE(sink->snapshot_ended);
  AddAgent("f");
  EXPECT_EQ(sink->events.back().agent().info().id().value(), "f");
}

TEST_F(Watching, ASnapshotWaitsForItsReaderAndNoOtherDoes) {
  for (const char* id : {"a", "b", "c"}) AddAgent(id);
  auto slow = std::make_shared<RecordingSink>();
  slow->unread = 1001;
  ASSERT_TRUE(hub_.Start(view_, {}, slow).ok());
  EXPECT_EQ(hub_.ShowMore(view_), WatchHub::ToShow::kLater);

  auto other = Watch();

  EXPECT_TRUE(slow->events.empty());
  EXPECT_EQ(other->events.size(), 3u);
  slow->unread = 0;
  ShowAll();
  EXPECT_EQ(slow->events.size(), 3u);
  EXPECT_EQ(hub_.size(), 2u);
}

TEST_F(Watching, AllKindsAreShownAndTold) {
  auto framework = std::make_shared<FrameworkRecord>();
  framework->id = FrameworkId("f");
  auto info = std::make_shared<v1::FrameworkInfo>();
  info->set_name("marathon");
  framework->subscription.info = info;
  const auto task = [](const std::string& id, uint64_t sequence) {
    TaskFacts facts;
    facts.sequence = sequence;
    facts.id = TaskId(id);
    facts.framework_id = Shared<FrameworkId>(FrameworkId("f"));
    return TaskChanged{Task{Shared<TaskFacts>(std::move(facts))}};
  };
  AddAgent("a");
  Apply(std::shared_ptr<const FrameworkRecord>(framework));
  Apply(task("t1", 1));

  auto sink = Watch();
  Apply(task("t2", 2));
  Apply(FrameworkRemoved{FrameworkId("f")});

  ASSERT_EQ(sink->events.size(), 5u);
  EXPECT_TRUE(sink->events[0].has_agent());
  EXPECT_EQ(sink->events[1].framework().info().name(), "marathon");
  EXPECT_EQ(sink->events[2].task().task().task_id().value(), "t1");
  EXPECT_EQ(sink->events[3].task().framework_name(), "marathon");
  EXPECT_EQ(sink->events[4].framework_removed().value(), "f");
}

TEST_F(Watching, AgentsThatAreNotDurableYetAreNotTold) {
  auto record = std::make_shared<AgentRecord>();
  record->id = AgentId("a");
  record->state = AgentState::kAdmitting;
  record->info = std::make_shared<const v1::AgentInfo>();
  auto before = Watch();
  Apply(std::shared_ptr<const AgentRecord>(record));

  auto after = Watch();

  EXPECT_TRUE(before->events.empty());
  EXPECT_TRUE(after->events.empty());
}

TEST_F(Watching, OnlyTheKindsAskedForAreTold) {
  AddAgent("a");
  pb::WatchRequest request;
  request.add_kinds(pb::WATCH_TASKS);
  auto sink = Watch(request);
  AddAgent("b");

  EXPECT_TRUE(sink->events.empty());
}

TEST_F(Watching, ResumingGivesWhatWasMissedAndNothingElse) {
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

TEST_F(Watching, TokensThatAreTooOldOrForeignAreRefused) {
  AddAgent("a");
  const std::string token = Watch()->token;
  for (const char* id : {"b", "c", "d", "e", "f"}) AddAgent(id);
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

TEST_F(Watching, RolesThatAreSetAreWatched) {
  auto config = std::make_shared<RoleConfig>();
  config->role = "eng";
  config->weight = 2;
  config->version = 5;
  Apply(RoleChanged{config});
  pb::WatchRequest request;
  request.add_kinds(pb::WATCH_ROLES);

  auto sink = Watch(request);
  ASSERT_EQ(sink->events.size(), 1u);
  EXPECT_EQ(sink->events[0].role().weight(), 2);
  auto none = std::make_shared<RoleConfig>();
  none->role = "eng";
  Apply(RoleChanged{none});

  ASSERT_EQ(sink->events.size(), 2u);
  EXPECT_EQ(sink->events[1].role_removed(), "eng");
}

TEST_F(Watching, WatchersAreBoundedAndEndedOnesMakeRoom) {
  auto first = Watch();
  Watch();
  Watch();
  EXPECT_TRUE(absl::IsResourceExhausted(status_)) << status_;

  first->ended = true;
  Watch();

  EXPECT_TRUE(status_.ok()) << status_;
}

TEST_F(Watching, AllEndWhenLeadershipEnds) {
  auto sink = Watch();

  Apply(Cleared{});

  EXPECT_TRUE(absl::IsUnavailable(sink->closed));
  EXPECT_EQ(hub_.size(), 0u);
}

}  // namespace
}  // namespace meros::master

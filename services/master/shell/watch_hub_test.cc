// Watchers: a snapshot, then changes without gap, and resuming.
#include "services/master/shell/watch_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

class RecordingSink final : public WatchSink {
 public:
  bool Send(pb::WatchResponse frame) override {
    if (ended) return false;
    if (frame.has_resume_token()) token = frame.resume_token();
    snapshot_ended |= frame.snapshot_end();
    for (const auto& event : frame.events()) events.push_back(event);
    return true;
  }
  void Close(absl::Status status) override { closed = std::move(status); }

  std::vector<pb::WatchEvent> events;
  std::string token;
  bool snapshot_ended = false;
  bool ended = false;
  absl::Status closed;
};

class Watching : public ::testing::Test {
 protected:
  Watching() : hub_({.max_watchers = 2, .ring_max = 3}, "master") {}

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
    return sink;
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

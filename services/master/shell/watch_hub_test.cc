// Watchers: a snapshot, then changes without gap, and filters. Who resumes: watch_resume_test.cc.
#include "services/master/shell/watch_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/master/shell/test_watching.h"
#include "services/master/view/executor_listing.h"
#include "services/master/view/operation_listing.h"

namespace meros::master::testing {
namespace {

namespace pb = ::meros::v1::master;

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

// ---- Operations, executors, maintenance ----

TEST_F(Watching, OperationsAreToldAsTheyAreListed) {
  SetOperation(1);
  auto sink = Watch("kinds: WATCH_OPERATIONS");
  SetOperation(1, "f", "a", v1::OPERATION_FINISHED);

  ASSERT_EQ(sink->events.size(), 2u);
  EXPECT_EQ(sink->events[0].operation().latest_status().state(), v1::OPERATION_PENDING);
  const auto listed = ListOperations(view_, {});
  ASSERT_TRUE(listed.ok()) << listed.status();
  EXPECT_EQ(sink->events[1].operation().SerializeAsString(),
            listed->operations(0).SerializeAsString());
  EXPECT_EQ(sink->events[1].revision(), view_.revision());
}

TEST_F(Watching, ExecutorsAreToldAsTheyAreListed) {
  AddAgent("a");
  AddFramework("f", {"eng"});
  AddExecutor("e1");
  auto sink = Watch("kinds: WATCH_EXECUTORS");
  AddExecutor("e2");

  ASSERT_EQ(sink->events.size(), 2u);
  const auto listed = ListExecutors(view_, {});
  ASSERT_TRUE(listed.ok()) << listed.status();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(sink->events[i].executor().SerializeAsString(),
              listed->executors(i).SerializeAsString());
  }
}

TEST_F(Watching, WhatIsRemovedIsToldOnceByItsId) {
  SetOperation(1);
  SetOperation(2);
  AddExecutor("e1");
  AddExecutor("e2");
  auto sink = Watch();
  sink->events.clear();

  Apply(OperationRemoved{2});
  Apply(OperationRemoved{2});  // is not known any more
  RemoveExecutor("e1");

  ASSERT_THAT(Told(*sink), ::testing::ElementsAre("-o2", "-e1"));
  const pb::RemovedExecutor& executor = sink->events[1].executor_removed();
  EXPECT_EQ(executor.agent_id().value(), "a");
  EXPECT_EQ(executor.framework_id().value(), "f");
  EXPECT_THAT(Told(*Watch()), ::testing::ElementsAre("o1", "e2"));
}

TEST_F(Watching, MaintenanceIsShownIfAnyIsPlannedAndToldWheneverItChanges) {
  const std::string request = "kinds: WATCH_MAINTENANCE";
  auto sink = Watch(request);
  EXPECT_TRUE(sink->snapshot_ended);
  Plan({{"node-1", ""}, {"node-2", ""}}, {{"node-2", ""}});

  ASSERT_THAT(Told(*sink), ::testing::ElementsAre("1 planned, 1 down"));
  const pb::MaintenanceView& plan = sink->events[0].maintenance();
  EXPECT_EQ(plan.schedule().windows(0).machine_ids(0).hostname(), "node-1");
  EXPECT_EQ(plan.down_machines(0).hostname(), "node-2");
  auto later = Watch(request);
  ASSERT_EQ(later->events.size(), 1u);
  EXPECT_EQ(later->events[0].maintenance().SerializeAsString(), plan.SerializeAsString());

  later->ended = true;
  Plan({});

  EXPECT_THAT(Told(*sink), ::testing::ElementsAre("1 planned, 1 down", "0 planned, 0 down"));
  EXPECT_TRUE(Watch(request)->events.empty());
}

TEST_F(Watching, AllThereIsIsShownKindAfterKind) {
  Plan({{"node-1", ""}});
  AddExecutor("e");
  SetOperation(1);
  SetRole("eng");
  AddTask("f", "t", 1);
  AddFramework("f", {"eng"});
  AddAgent("a");

  EXPECT_THAT(Told(*Watch()),
              ::testing::ElementsAre("a", "f", "t", "eng", "o1", "e", "1 planned, 0 down"));
}

TEST_F(Watching, WhatGoesWhileItIsShownIsToldIfItWasShown) {
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) SetOperation(sequence);
  for (const char* id : {"e2", "e3", "e4"}) AddExecutor(id);
  Plan({{"node-1", ""}});
  auto sink = Begin({});
  ASSERT_EQ(hub_.ShowMore(view_), WatchHub::ToShow::kNow);  // o1 and o2

  Apply(OperationRemoved{1});
  Apply(OperationRemoved{3});
  SetOperation(2, "f", "a", v1::OPERATION_FINISHED);
  SetOperation(4);
  AddExecutor("e1");
  ASSERT_EQ(hub_.ShowMore(view_), WatchHub::ToShow::kNow);  // o4 and e1
  RemoveExecutor("e1");
  RemoveExecutor("e2");
  AddExecutor("e0");  // its place has been passed
  Plan({});
  ShowAll();

  EXPECT_THAT(Told(*sink),
              ::testing::ElementsAre("o1", "o2", "-o1", "o2", "o4", "e1", "-e1", "e0", "e3", "e4"));
  EXPECT_TRUE(sink->snapshot_ended);
}

// ---- Tasks that are forgotten ----

TEST_F(Watching, TasksThatLeaveTheHistoryAreTold) {
  AddTask("f", "t", 1);
  auto sink = Watch();
  AddTask("f", "t", 2);  // the id again

  RemoveTask("f", "t", 1);

  ASSERT_EQ(sink->events.size(), 3u);
  EXPECT_EQ(sink->events[1].task().sequence(), 2u);
  const pb::RemovedTask& removed = sink->events[2].task_removed();
  EXPECT_EQ(removed.framework_id().value(), "f");
  EXPECT_EQ(removed.task_id().value(), "t");
  EXPECT_EQ(removed.sequence(), 1u);
}

TEST_F(Watching, ATaskThatGoesWhileItIsShownIsToldIfItWasShown) {
  for (uint64_t i = 1; i <= 4; ++i) AddTask("f", absl::StrCat("t", i), i);
  auto sink = std::make_shared<RecordingSink>();
  ASSERT_TRUE(hub_.Start(view_, {}, sink).ok());
  ASSERT_EQ(hub_.ShowMore(view_), WatchHub::ToShow::kNow);  // t1 and t2

  RemoveTask("f", "t1", 1);
  RemoveTask("f", "t4", 4);
  ShowAll();

  EXPECT_THAT(Told(*sink), ::testing::ElementsAre("t1", "t2", "-t1", "t3"));
}

// ---- Filters ----

TEST_F(Watching, OfAFrameworkItAndItsTasksAreTold) {
  AddAgent("a");
  SetRole("eng");
  for (const char* id : {"e", "f", "g"}) {
    AddFramework(id, {"eng"});
    AddTask(id, absl::StrCat("t", id), sequence_++);
  }
  auto sink = Watch("framework_id { value: 'f' }");
  EXPECT_THAT(Told(*sink), ::testing::ElementsAre("f", "tf"));
  EXPECT_TRUE(sink->snapshot_ended);

  AddFramework("g", {"eng"});
  AddTask("f", "again", sequence_++);
  AddTask("g", "other", sequence_++);
  RemoveTask("f", "tf", 2);
  RemoveTask("g", "tg", 3);
  Apply(FrameworkRemoved{FrameworkId("g")});
  Apply(FrameworkRemoved{FrameworkId("f")});

  EXPECT_THAT(Told(*sink), ::testing::ElementsAre("f", "tf", "again", "-tf", "-f"));
}

TEST_F(Watching, OfAnAgentItAndTheTasksOnItAreTold) {
  AddFramework("f", {"eng"});
  for (const char* id : {"a", "b"}) {
    AddAgent(id);
    AddTask("f", absl::StrCat("on-", id), sequence_++, "eng", id);
  }
  auto sink = Watch("agent_id { value: 'b' }");

  AddAgent("a");
  RemoveTask("f", "on-a", 1);
  RemoveTask("f", "on-b", 2);
  Apply(AgentRemoved{AgentId("a")});
  Apply(AgentRemoved{AgentId("b")});

  EXPECT_THAT(Told(*sink), ::testing::ElementsAre("b", "on-b", "-on-b", "-b"));
}

TEST_F(Watching, OfAFrameworkOrAnAgentItsOperationsAndExecutorsAreTold) {
  SetOperation(1, "f", "a");
  SetOperation(2, "g", "b");
  SetOperation(3, "", "a");  // an operator's
  AddExecutor("e1", "f", "a");
  AddExecutor("e2", "f", "b");
  AddExecutor("e3", "g", "b");
  Plan({{"node-1", ""}});
  auto of_framework = Watch("framework_id { value: 'f' }");
  auto of_agent = Watch("agent_id { value: 'b' }");
  EXPECT_THAT(Told(*of_framework), ::testing::ElementsAre("o1", "e1", "e2"));
  EXPECT_THAT(Told(*of_agent), ::testing::ElementsAre("o2", "e2", "e3"));
  of_framework->events.clear();
  of_agent->events.clear();

  SetOperation(4, "f", "b");
  for (uint64_t sequence = 1; sequence <= 4; ++sequence) Apply(OperationRemoved{sequence});
  AddExecutor("e4", "g", "a");
  RemoveExecutor("e1", "f", "a");
  RemoveExecutor("e3", "g", "b");
  Plan({});

  EXPECT_THAT(Told(*of_framework), ::testing::ElementsAre("o4", "-o1", "-o4", "-e1"));
  EXPECT_THAT(Told(*of_agent), ::testing::ElementsAre("o4", "-o2", "-o4", "-e3"));
}

TEST_F(Watching, OfARoleItItsFrameworksAndItsTasksAreTold) {
  AddAgent("a");
  SetRole("eng");
  SetRole("ops");
  SetOperation(1);
  AddExecutor("e");
  Plan({{"node-1", ""}});
  AddFramework("f", {"eng", "ops"});
  AddFramework("g", {"eng"});
  AddTask("f", "t1", sequence_++, "ops");
  AddTask("f", "t2", sequence_++, "eng");
  auto sink = Watch("role: 'ops'");
  EXPECT_THAT(Told(*sink), ::testing::ElementsAre("f", "t1", "ops"));

  AddFramework("g", {"eng", "ops"});  // joins
  AddFramework("f", {"eng"});         // leaves
  AddFramework("f", {"eng"});         // is his no more
  Apply(OperationRemoved{1});
  RemoveExecutor("e");
  Plan({});
  Apply(FrameworkRemoved{FrameworkId("f")});
  Apply(FrameworkRemoved{FrameworkId("g")});

  EXPECT_THAT(Told(*sink), ::testing::ElementsAre("f", "t1", "ops", "g", "-f", "-g"));
}

TEST_F(Watching, AllFiltersMustMatch) {
  AddFramework("f", {"eng"});
  AddTask("f", "t1", sequence_++, "eng", "a");
  AddTask("f", "t2", sequence_++, "eng", "b");
  AddTask("f", "t3", sequence_++, "ops", "a");

  auto sink = Watch("framework_id { value: 'f' } agent_id { value: 'a' } role: 'eng'");

  EXPECT_THAT(Told(*sink), ::testing::ElementsAre("t1"));
}

// A filter that few match does not hold up the others, and empty frames are not sent.
TEST_F(Watching, ASnapshotIsMadeOfBoundedLooks) {
  for (int i = 0; i < 10; ++i)
    AddTask("f", absl::StrCat("t", i), sequence_++, i == 9 ? "ops" : "eng");
  auto sink = std::make_shared<RecordingSink>();
  pb::WatchRequest request;
  request.set_role("ops");
  ASSERT_TRUE(hub_.Start(view_, request, sink).ok());

  int looks = 1;
  while (hub_.ShowMore(view_) == WatchHub::ToShow::kNow) ++looks;

  EXPECT_EQ(looks, 3);  // of 4, 4 and 2
  EXPECT_THAT(Told(*sink), ::testing::ElementsAre("t9"));
  EXPECT_EQ(sink->frames.size(), 1u);
}

TEST_F(Watching, FiltersThatCanMatchNothingAreRefused) {
  const struct {
    std::string request, expected;
  } rows[] = {
      {"framework_id {}", "framework_id.value: "},
      {"agent_id { value: 'a/b' }", "agent_id.value: "},
      {"role: 'a b'", "role: "},
      {"kinds: WATCH_KIND_UNSPECIFIED", "kinds[0]: nothing of WATCH_KIND_UNSPECIFIED"},
      {"kinds: WATCH_TASKS kinds: WATCH_AGENTS framework_id { value: 'f' }",
       "kinds[1]: nothing of WATCH_AGENTS can match"},
      {"kinds: WATCH_FRAMEWORKS agent_id { value: 'a' }", "kinds[0]: nothing of WATCH_FRAMEWORKS"},
      {"kinds: WATCH_ROLES agent_id { value: 'a' }", "kinds[0]: nothing of WATCH_ROLES"},
      {"kinds: WATCH_AGENTS role: 'eng'", "kinds[0]: nothing of WATCH_AGENTS"},
      {"kinds: WATCH_OPERATIONS role: 'eng'", "kinds[0]: nothing of WATCH_OPERATIONS"},
      {"kinds: WATCH_EXECUTORS role: 'eng'", "kinds[0]: nothing of WATCH_EXECUTORS"},
      {"kinds: WATCH_MAINTENANCE role: 'eng'", "kinds[0]: nothing of WATCH_MAINTENANCE"},
      {"kinds: WATCH_MAINTENANCE agent_id { value: 'a' }",
       "kinds[0]: nothing of WATCH_MAINTENANCE"},
      {"kinds: WATCH_MAINTENANCE framework_id { value: 'f' }",
       "kinds[0]: nothing of WATCH_MAINTENANCE"},
  };
  for (const auto& row : rows) {
    auto sink = Watch(row.request);

    EXPECT_TRUE(absl::IsInvalidArgument(status_)) << row.request << status_;
    EXPECT_THAT(std::string(status_.message()), ::testing::HasSubstr(row.expected));
    EXPECT_TRUE(sink->frames.empty());
  }
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
}  // namespace meros::master::testing

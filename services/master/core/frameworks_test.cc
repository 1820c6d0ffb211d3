// Frameworks: subscription, fail-over, disconnection, heartbeats, refused calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Frameworks : public ::testing::Test {
 protected:
  Frameworks() { driver_.Lead(); }
  CoreDriver driver_;
};

TEST_F(Frameworks, SubscribingGivesAnIdAndAHeartbeat) {
  EXPECT_THAT(driver_.Subscribe(1),
              ElementsAre("registry: WRITE 1 PUT_FRAMEWORK m-0000 deadline=never",
                          "scheduler 1: SUBSCRIBED m-0000", "scheduler 1: HEARTBEAT"));
}

TEST_F(Frameworks, AnIdThatWasTakenIsNotGivenAgain) {
  AFramework early;
  early.id = "m-0000";  // as an earlier master named it, or who guesses
  driver_.Subscribe(1, early);
  early.id = "m-0001";
  driver_.Subscribe(2, early);
  driver_.CommitWrites();
  driver_.Call(2, "m-0001", TeardownCall{});
  driver_.CommitWrites();

  EXPECT_THAT(driver_.Subscribe(3), Contains("scheduler 3: SUBSCRIBED m-0002"));
}

TEST_F(Frameworks, HeartbeatsComeEvery15Seconds) {
  driver_.Subscribe(1);

  EXPECT_THAT(driver_.Advance(absl::Seconds(46)), Contains("scheduler 1: HEARTBEAT").Times(3));
}

TEST_F(Frameworks, AnotherStreamTakesOver) {
  driver_.Subscribe(1);
  AFramework again;
  again.id = "m-0000";

  const auto lines = driver_.Subscribe(2, again);

  EXPECT_THAT(lines, Contains("scheduler 1: ERROR \"Framework failed over\""));
  EXPECT_THAT(lines, Contains(HasSubstr("close 1: ABORTED")));
  EXPECT_THAT(lines, Contains("scheduler 2: SUBSCRIBED m-0000"));
  // What the former stream still says or that it ended changes nothing.
  driver_.Do(SchedulerStreamClosed{1});
  EXPECT_TRUE(driver_.books().frameworks.Find(FrameworkId("m-0000"))->is_connected());
  EXPECT_THAT(driver_.Call(1, "m-0000", TeardownCall{}),
              ElementsAre(HasSubstr("close 1: FAILED_PRECONDITION")));
}

TEST_F(Frameworks, TheFailoverTimeoutDecides) {
  driver_.Subscribe(1);
  EXPECT_THAT(driver_.Do(SchedulerStreamClosed{1}), IsEmpty());  // its first record is on its way
  driver_.CommitWrites();
  driver_.Advance(absl::Seconds(50));
  AFramework again;
  again.id = "m-0000";
  EXPECT_THAT(driver_.Subscribe(2, again), Contains("scheduler 2: SUBSCRIBED m-0000"));
  driver_.Do(SchedulerStreamClosed{2});

  driver_.Advance(absl::Seconds(101));
  driver_.CommitWrites();

  EXPECT_EQ(driver_.books().frameworks.Find(FrameworkId("m-0000")), nullptr);
  EXPECT_TRUE(driver_.books().frameworks.IsRemoved(FrameworkId("m-0000")));
}

TEST_F(Frameworks, ThePrincipalCannotChange) {
  AFramework framework;
  framework.principal = "alice";
  driver_.Subscribe(1, framework);
  framework.id = "m-0000";
  framework.principal = "mallory";

  EXPECT_THAT(
      driver_.Subscribe(2, framework),
      ElementsAre(HasSubstr("scheduler 2: ERROR"), HasSubstr("close 2: PERMISSION_DENIED")));
  EXPECT_THAT(driver_.Do(SchedulerCall{0, 9, FrameworkId("m-0000"), "", "mallory", TeardownCall{}}),
              ElementsAre(HasSubstr("reply 9: PERMISSION_DENIED")));
}

TEST_F(Frameworks, WhoNeverSaysItsPrincipalMayChangeTheRestToo) {
  const Subscription nameless = SubscriptionOf({});
  driver_.Do(Subscribe{1, FrameworkId(), nameless, "alice"});

  EXPECT_THAT(driver_.Do(SchedulerCall{0, 9, FrameworkId("m-0000"), "", "alice",
                                       UpdateFrameworkCall{nameless}}),
              Contains("reply 9: OK"));
  EXPECT_EQ(driver_.books().frameworks.Find(FrameworkId("m-0000"))->record.principal(), "alice");
}

TEST_F(Frameworks, WhoHasNoPrincipalIsTakenBackAfterAnUpdate) {
  driver_.Subscribe(1);
  AFramework again;
  again.id = "m-0000";
  driver_.Call(1, "m-0000", UpdateFrameworkCall{SubscriptionOf(again)});

  EXPECT_THAT(driver_.Subscribe(2, again), Contains(HasSubstr("scheduler 2: SUBSCRIBED")));
}

TEST_F(Frameworks, AnUpdateThatChangesNothingIsNotWritten) {
  driver_.Subscribe(1);
  driver_.CommitWrites();
  AFramework same;
  same.id = "m-0000";

  EXPECT_THAT(driver_.Call(0, "m-0000", UpdateFrameworkCall{SubscriptionOf(same)}, 9),
              ElementsAre("reply 9: OK"));
  same.name = "another";
  EXPECT_THAT(driver_.Call(0, "m-0000", UpdateFrameworkCall{SubscriptionOf(same)}, 10),
              Contains(HasSubstr("PUT_FRAMEWORK m-0000")));
}

TEST_F(Frameworks, CallsForUnknownFrameworksAreRefused) {
  EXPECT_THAT(driver_.Call(0, "nobody", Revive{}, 4), ElementsAre(HasSubstr("reply 4: NOT_FOUND")));
  EXPECT_THAT(driver_.Call(7, "nobody", Revive{}), ElementsAre(HasSubstr("close 7: NOT_FOUND")));
  driver_.Subscribe(1);
  driver_.Do(SchedulerStreamClosed{1});
  EXPECT_THAT(driver_.Call(0, "m-0000", Revive{}, 5),
              ElementsAre(HasSubstr("reply 5: FAILED_PRECONDITION")));
}

TEST_F(Frameworks, SubscribingTwiceOnOneStreamIsAFault) {
  driver_.Subscribe(1);

  EXPECT_THAT(driver_.Subscribe(1),
              ElementsAre(HasSubstr("ERROR"), HasSubstr("close 1: INVALID_ARGUMENT")));
}

TEST_F(Frameworks, RootIsRefusedWhereItMayNotRun) {
  MasterOptions options = TestOptions();
  options.root_submissions = false;
  CoreDriver driver(options);
  driver.Lead();
  Subscription subscription = SubscriptionOf({});
  auto info = std::make_shared<v1::FrameworkInfo>(*subscription.info);
  info->set_user("root");
  subscription.info = info;

  EXPECT_THAT(driver.Do(Subscribe{1, FrameworkId(), subscription, ""}),
              ElementsAre(HasSubstr("ERROR \"framework_info.user: root"),
                          HasSubstr("close 1: INVALID_ARGUMENT")));
  info = std::make_shared<v1::FrameworkInfo>(*info);
  info->set_user("nobody");
  subscription.info = info;
  EXPECT_THAT(driver.Do(Subscribe{2, FrameworkId(), subscription, ""}),
              Contains(HasSubstr("SUBSCRIBED")));
}

TEST_F(Frameworks, OnlyTheRolesThatAreAllowedMayBeSubscribedTo) {
  MasterOptions options = TestOptions();
  options.roles = {"eng"};
  CoreDriver driver(options);
  driver.Lead();
  AFramework framework;
  framework.roles = {"*", "eng"};
  EXPECT_THAT(driver.Subscribe(1, framework), Contains(HasSubstr("SUBSCRIBED")));

  framework.id = "m-0000";
  framework.roles = {"eng/web"};
  EXPECT_THAT(driver.Call(0, "m-0000", UpdateFrameworkCall{SubscriptionOf(framework)}, 9),
              ElementsAre("reply 9: INVALID_ARGUMENT: framework_info.roles: 'eng/web' is not one "
                          "of --roles"));
  framework.id.clear();
  EXPECT_THAT(driver.Subscribe(2, framework),
              ElementsAre(HasSubstr("ERROR"), HasSubstr("close 2: INVALID_ARGUMENT")));
}

TEST_F(Frameworks, TooManyAreRefused) {
  MasterOptions options = TestOptions();
  options.max_frameworks = 1;
  CoreDriver driver(options);
  driver.Lead();
  driver.Subscribe(1);

  EXPECT_THAT(driver.Subscribe(2),
              ElementsAre(HasSubstr("ERROR"), HasSubstr("close 2: RESOURCE_EXHAUSTED")));
}

TEST_F(Frameworks, TombstonesAreBoundedInMemoryAndInTheRegistry) {
  MasterOptions options = TestOptions();
  options.max_removed_frameworks = 2;
  CoreDriver driver(options);
  driver.Lead();
  std::vector<std::string> lines;
  for (int i = 0; i < 3; ++i) {
    driver.Subscribe(i + 1);
    lines = driver.Teardown("m-000" + std::to_string(i), 9);
  }

  EXPECT_THAT(lines, Contains(HasSubstr("FORGET_FRAMEWORK m-0000")));
  EXPECT_FALSE(driver.books().frameworks.IsRemoved(FrameworkId("m-0000")));
  EXPECT_TRUE(driver.books().frameworks.IsRemoved(FrameworkId("m-0002")));
}

TEST_F(Frameworks, LeavingARoleRescindsItsOffers) {
  driver_.ConnectAllocator();
  AFramework framework;
  framework.roles = {"a", "b"};
  driver_.Subscribe(1, framework);
  driver_.Register(2, "k", Resources::Of(4, 4096));
  driver_.Propose(1, "m-0000", "m-S0", Resources::Of(1, 64), "a");
  driver_.Propose(2, "m-0000", "m-S0", Resources::Of(1, 64), "b");
  framework.id = "m-0000";
  framework.roles = {"b"};

  const auto lines = driver_.Call(0, "m-0000", UpdateFrameworkCall{SubscriptionOf(framework)}, 3);

  EXPECT_THAT(lines, Contains("scheduler 1: RESCIND #1"));
  EXPECT_THAT(lines, Contains("reply 3: OK"));
  EXPECT_TRUE(driver_.Offer(1).empty());
  EXPECT_FALSE(driver_.Offer(2).empty());
}

TEST_F(Frameworks, OversizedMessagesAreRefused) {
  driver_.Subscribe(1);

  EXPECT_THAT(
      driver_.Call(0, "m-0000",
                   MessageCall{AgentId("a"), ExecutorId("e"), std::string(2 << 20, 'x')}, 3),
      ElementsAre(HasSubstr("reply 3: INVALID_ARGUMENT")));
  EXPECT_THAT(driver_.Call(0, "m-0000", MessageCall{AgentId("a"), ExecutorId("e"), "x"}, 4),
              ElementsAre(HasSubstr("reply 4: NOT_FOUND")));
}

TEST(FrameworkState, CompletedIsNeverLeft) {
  for (const FrameworkTransition& t : FrameworkTransitions()) {
    EXPECT_NE(t.from, FrameworkState::kCompleted);
    EXPECT_TRUE(MayFollow(t.from, t.to));
  }
}

}  // namespace
}  // namespace meros::master::testing

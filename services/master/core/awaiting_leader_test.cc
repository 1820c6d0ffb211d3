// Goal: who lost the leader hears of the next one at once, from any master, without asking again
// and again; and who only takes the leader for lost is not kept from it. Method: the core of a
// master that stands by, with answers about the lease from the test.
#include "services/master/core/awaiting_leader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kDead[] = "dead:7050", kNext[] = "next:7050";

class AwaitingLeaderTest : public ::testing::Test {
 protected:
  void NoteAttempt(const CoreDriver& driver) {
    for (const Effect& effect : driver.effects()) {
      if (const auto* ask = std::get_if<AcquireLease>(&effect)) attempt_ = ask->attempt;
    }
  }
  // Moves on until this master asks for the lease, and answers that `leader` holds it.
  std::vector<std::string> Hear(CoreDriver* driver, const std::string& leader) {
    while (driver->core().leadership() != LeadershipState::kAcquiring) {
      driver->set_now(std::max(driver->now(), driver->core().NextDeadline()));
      driver->Do(runtime::Tick{});
    }
    NoteAttempt(*driver);
    return driver->Do(
        LeaseAnswer{attempt_, LeaseAnswer::Kind::kHeldByOther, 7, absl::ZeroDuration(), leader});
  }
  std::vector<std::string> Hear(const std::string& leader) { return Hear(&driver_, leader); }

  static Input FrameworkThatLost(const std::string& master, StreamId stream) {
    return Subscribe{stream, FrameworkId(), SubscriptionOf({}), "", master};
  }
  static Input AgentThatLost(const std::string& master, StreamId stream) {
    AgentDescription agent = DescriptionOf("k", Resources::Of(4, 4096));
    agent.lost_master = master;
    return AgentRegister{stream, std::move(agent)};
  }

  CoreDriver driver_;
  uint64_t attempt_ = 0;
};

TEST_F(AwaitingLeaderTest, WhoLostTheLeaderHearsOfTheNextOneAtOnce) {
  Hear(kDead);

  EXPECT_THAT(driver_.Do(FrameworkThatLost(kDead, 1)), IsEmpty());
  EXPECT_THAT(driver_.Do(AgentThatLost(kDead, 2)), IsEmpty());
  EXPECT_THAT(Hear(kDead), Not(Contains(HasSubstr("close"))));
  const auto lines = Hear(kNext);

  EXPECT_THAT(lines, Contains("close 1: FAILED_PRECONDITION: this master does not lead; "
                              "leader=next:7050"));
  EXPECT_THAT(lines, Contains(HasSubstr("close 2: FAILED_PRECONDITION")));
}

TEST_F(AwaitingLeaderTest, WhoWaitsAtTheNextLeaderIsServedThere) {
  Hear(kDead);
  driver_.Do(FrameworkThatLost(kDead, 1));
  driver_.Do(AgentThatLost(kDead, 2));

  driver_.Lead();
  driver_.CommitWrites();

  EXPECT_EQ(driver_.books().frameworks.size(), 1u);
  EXPECT_EQ(driver_.books().agents.size(), 1u);
}

TEST_F(AwaitingLeaderTest, ManyAreServedInPartsAndWhoseStreamEndsMeanwhileIsNot) {
  Hear(kDead);
  for (StreamId stream = 1; stream <= 200; ++stream) {
    driver_.Do(FrameworkThatLost(kDead, stream));
  }
  driver_.Lead();
  const size_t first = driver_.books().frameworks.size();
  EXPECT_GT(first, 0u);
  EXPECT_LT(first, 200u);

  driver_.Do(SchedulerStreamClosed{200});
  driver_.Advance(absl::ZeroDuration());

  EXPECT_EQ(driver_.books().frameworks.size(), 199u);
}

TEST_F(AwaitingLeaderTest, ALeaderInDoubtOfItsLeaseGoesOnWithThemLater) {
  Hear(kDead);
  for (StreamId stream = 1; stream <= 200; ++stream) {
    driver_.Do(FrameworkThatLost(kDead, stream));
  }
  driver_.Lead();
  const size_t first = driver_.books().frameworks.size();
  driver_.set_now(driver_.now() + driver_.options().lease_ttl);
  EXPECT_THAT(driver_.Do(runtime::Tick{}), Not(Contains(HasSubstr("close"))));
  ASSERT_EQ(driver_.core().leadership(), LeadershipState::kFenced);
  EXPECT_GT(driver_.core().NextDeadline(), driver_.now());
  EXPECT_EQ(driver_.books().frameworks.size(), first);

  driver_.Advance(driver_.options().lease_ttl + absl::Seconds(1));

  EXPECT_EQ(driver_.core().leadership(), LeadershipState::kLeading);
  EXPECT_EQ(driver_.books().frameworks.size(), 200u);
}

TEST_F(AwaitingLeaderTest, WhoLostNobodyOrAnotherMasterIsTold) {
  Hear(kNext);

  EXPECT_THAT(driver_.Do(FrameworkThatLost("", 1)), Contains(HasSubstr("leader=next:7050")));
  EXPECT_THAT(driver_.Do(AgentThatLost(kDead, 2)), Contains(HasSubstr("leader=next:7050")));
}

TEST_F(AwaitingLeaderTest, AMasterThatKnowsOfNoLeaderKeepsWhoLostAny) {
  driver_.Do(runtime::Tick{});
  NoteAttempt(driver_);
  EXPECT_THAT(driver_.Do(AgentThatLost(kDead, 1)), Not(Contains(HasSubstr("close"))));
  EXPECT_THAT(driver_.Do(AgentThatLost(kNext, 2)), Not(Contains(HasSubstr("close"))));

  const auto lines = Hear(kDead);  // which lives after all for the one, and not for the other

  EXPECT_THAT(lines, Contains(HasSubstr("close 2: FAILED_PRECONDITION")));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("close 1"))));
}

TEST_F(AwaitingLeaderTest, ALeaderThatStaysIsNamedWhenTheWaitIsOver) {
  Hear(kDead);
  driver_.Do(AgentThatLost(kDead, 1));
  const absl::Time end = driver_.now() + driver_.options().leader_wait;

  driver_.set_now(end - absl::Milliseconds(1));
  EXPECT_THAT(driver_.Do(runtime::Tick{}), Not(Contains(HasSubstr("close"))));
  EXPECT_LE(driver_.core().NextDeadline(), end);
  driver_.set_now(end);
  EXPECT_THAT(driver_.Do(runtime::Tick{}), Contains(HasSubstr("leader=dead:7050")));
}

TEST_F(AwaitingLeaderTest, AStreamThatEndsIsForgotten) {
  Hear(kDead);
  driver_.Do(AgentThatLost(kDead, 1));
  driver_.Do(AgentStreamClosed{1});

  EXPECT_THAT(Hear(kNext), Not(Contains(HasSubstr("close"))));
}

TEST_F(AwaitingLeaderTest, TooManyAreSentBack) {
  MasterOptions options = TestOptions();
  options.max_deferred_inputs = 2;
  CoreDriver driver(options);
  Hear(&driver, kDead);
  for (StreamId stream : {1, 2}) {
    EXPECT_THAT(driver.Do(AgentThatLost(kDead, stream)), Not(Contains(HasSubstr("close"))));
  }

  EXPECT_THAT(driver.Do(AgentThatLost(kDead, 3)), Contains(HasSubstr("close 3")));
}

TEST_F(AwaitingLeaderTest, AStreamThatOpensItsSessionTwiceEnds) {
  Hear(kDead);
  driver_.Do(AgentThatLost(kDead, 1));

  EXPECT_THAT(driver_.Do(AgentThatLost(kDead, 1)), Contains(HasSubstr("close 1")));
}

TEST_F(AwaitingLeaderTest, AMasterThatStopsSendsThemAway) {
  Hear(kDead);
  driver_.Do(AgentThatLost(kDead, 1));

  EXPECT_THAT(driver_.Do(Stop{}), Contains(HasSubstr("close 1: UNAVAILABLE")));
  EXPECT_THAT(driver_.Do(AgentThatLost(kDead, 2)), Contains(HasSubstr("close 2: UNAVAILABLE")));
}

TEST_F(AwaitingLeaderTest, WithoutAWaitAllAreToldAtOnce) {
  MasterOptions options = TestOptions();
  options.leader_wait = absl::ZeroDuration();
  CoreDriver driver(options);
  Hear(&driver, kDead);

  EXPECT_THAT(driver.Do(AgentThatLost(kDead, 1)), Contains(HasSubstr("leader=dead:7050")));
}

}  // namespace
}  // namespace meros::master::testing

// Silence: few agents that fall silent are declared unreachable in time; of many that do so at once
// only one after the other, until enough are back.
#include "services/master/core/agent_health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int kAgents = 50;
constexpr absl::Duration kBeat = absl::Seconds(2);

MasterOptions AFifth() {
  MasterOptions options = TestOptions();
  options.agent_unreachable_timeout = absl::Seconds(10);
  options.mass_loss_percent = 20;
  options.mass_loss_interval = absl::Seconds(3);
  return options;
}

// 50 agents on streams 100 to 149. A fifth, ten, may fall silent at once.
class AgentHealth : public ::testing::Test {
 protected:
  AgentHealth() : driver_(AFifth()) {
    driver_.Lead();
    driver_.ConnectAllocator();
    for (int i = 0; i < kAgents; ++i) {
      driver_.Register(100 + i, absl::StrCat("k", i), Resources::Of(4, 4096));
    }
  }

  // Time passes; all but the first `silent` agents beat, each a moment after the other.
  void Pass(absl::Duration time, int silent) {
    for (absl::Duration passed; passed < time; passed += kBeat) {
      for (int i = 0; i < kAgents; ++i) {
        driver_.Advance(kBeat / kAgents);
        scheduled_ += driver_.Counts(Count::kUnreachableScheduled);
        if (i >= silent) driver_.Do(AgentHeartbeat{static_cast<StreamId>(100 + i)});
      }
      driver_.CommitWrites();
    }
  }
  size_t In(AgentState state) const { return driver_.books().agents.in(state); }

  CoreDriver driver_;
  uint64_t scheduled_ = 0;
};

TEST(Heartbeats, AreFewerOfEachAgentInLargeClusters) {
  const MasterOptions options = AFifth();
  EXPECT_EQ(options.AgentHeartbeatInterval(1), absl::Seconds(2));
  EXPECT_EQ(options.AgentHeartbeatInterval(20000), absl::Seconds(2));
  EXPECT_EQ(options.AgentHeartbeatInterval(35000), absl::Seconds(3.5));
  EXPECT_EQ(options.AgentHeartbeatInterval(1000000), absl::Seconds(4));
}

TEST(Heartbeats, OfAnAgentDependOnHowManyThereAre) {
  MasterOptions options = AFifth();
  options.agent_unreachable_timeout = absl::Milliseconds(1);  // so that four are many
  CoreDriver driver(options);
  driver.Lead();
  for (int i = 0; i < 4; ++i) {
    driver.Register(100 + i, absl::StrCat("k", i), Resources::Of(1, 1));
  }
  for (const Effect& effect : driver.effects()) {
    const auto* to_agent = std::get_if<ToAgent>(&effect);
    if (to_agent == nullptr) continue;
    const auto& welcome = std::get<RegisteredMessage>(to_agent->message);
    // Three were there before it.
    EXPECT_EQ(welcome.heartbeat_interval, absl::Microseconds(300));
    EXPECT_EQ(welcome.first_heartbeat, absl::Microseconds(300));
    return;
  }
  FAIL() << "the fourth agent was not welcomed";
}

TEST_F(AgentHealth, AFewAreDeclaredUnreachableInTime) {
  Pass(absl::Seconds(8), 10);
  EXPECT_EQ(In(AgentState::kRegistered), 50u);

  Pass(absl::Seconds(6), 10);
  EXPECT_EQ(In(AgentState::kUnreachable), 10u);
  EXPECT_EQ(In(AgentState::kRegistered), 40u);
}

TEST_F(AgentHealth, OfManyOneIsDeclaredAtATime) {
  Pass(absl::Seconds(14), 30);
  // None was declared before all that were lost at once were known to be late.
  EXPECT_LE(In(AgentState::kUnreachable), 2u);
  EXPECT_GE(In(AgentState::kUnreachable), 1u);
  EXPECT_EQ(In(AgentState::kDisconnected) + In(AgentState::kUnreachable), 30u);

  const size_t before = In(AgentState::kUnreachable);
  Pass(absl::Seconds(12), 30);
  EXPECT_EQ(In(AgentState::kUnreachable), before + 4);
}

TEST_F(AgentHealth, HowManyAreHeldBackIsPublished) {
  Pass(absl::Seconds(14), 30);
  driver_.Advance(driver_.options().mass_loss_interval);  // another one is declared

  const LeadershipRecord* newest = nullptr;
  for (const Effect& effect : driver_.effects()) {
    const auto* publish = std::get_if<Publish>(&effect);
    if (publish == nullptr) continue;
    if (const auto* record = std::get_if<LeadershipRecord>(&publish->change)) newest = record;
  }
  ASSERT_NE(newest, nullptr);
  EXPECT_EQ(newest->agents_held_back, driver_.books().late_agents.held());
  EXPECT_GE(newest->agents_held_back, 25u);
}

TEST_F(AgentHealth, WhenEnoughAreBackTheOthersAreDeclared) {
  Pass(absl::Seconds(14), 30);
  EXPECT_EQ(scheduled_, 30u);
  uint64_t canceled = 0;
  for (int i = 10; i < 30; ++i) {
    AgentReregister message;
    message.stream = static_cast<StreamId>(200 + i);
    message.agent_id = AgentId(absl::StrCat("m-S", i));
    message.agent =
        DescriptionOf(absl::StrCat("k", i), Resources::Of(4, 4096), message.agent_id.value());
    driver_.Do(std::move(message));
    canceled += driver_.Counts(Count::kUnreachableCanceled);
  }
  EXPECT_EQ(canceled, 20u);
  driver_.CommitWrites();
  driver_.Advance(absl::Seconds(1));
  driver_.CommitWrites();

  EXPECT_EQ(driver_.books().late_agents.held(), 0u);
  EXPECT_EQ(In(AgentState::kUnreachable), 10u);
}

TEST_F(AgentHealth, ManyThatFallSilentOneAfterTheOtherAreManyToo) {
  for (int silent = 1; silent <= 30; ++silent) Pass(kBeat, silent);  // one in 2 s

  // Ten in a minute, all of them in time, then one every 3 s: less than fall silent.
  EXPECT_GE(In(AgentState::kUnreachable), 10u);
  EXPECT_LE(In(AgentState::kUnreachable), 22u);
  EXPECT_GE(driver_.books().late_agents.held(), 3u);
}

TEST_F(AgentHealth, ASignOfLifeIsEnoughWhileAnAgentIsOnlyLate) {
  Pass(absl::Seconds(8), 1);
  driver_.Advance(absl::Seconds(1));
  EXPECT_TRUE(driver_.books().agents.Find(AgentId("m-S0"))->is_late());
  driver_.Do(AgentHeartbeat{100});

  EXPECT_FALSE(driver_.books().agents.Find(AgentId("m-S0"))->is_late());
  Pass(absl::Seconds(4), 0);
  EXPECT_EQ(In(AgentState::kRegistered), 50u);
}

TEST_F(AgentHealth, AnotherSessionIsASignOfLife) {
  Pass(absl::Seconds(8), 1);
  driver_.Advance(absl::Seconds(1));
  ASSERT_TRUE(driver_.books().agents.Find(AgentId("m-S0"))->is_late());

  AgentReregister message;
  message.stream = 200;
  message.agent_id = AgentId("m-S0");
  message.agent = DescriptionOf("k0", Resources::Of(4, 4096), "m-S0");
  driver_.Do(std::move(message));
  driver_.Advance(absl::Seconds(2));

  EXPECT_EQ(driver_.books().agents.Find(AgentId("m-S0"))->record.state, AgentState::kRegistered);
}

TEST_F(AgentHealth, WhoIsAskedForItsReportLives) {
  Pass(absl::Seconds(8), 1);
  driver_.Advance(absl::Seconds(1));
  ASSERT_TRUE(driver_.books().agents.Find(AgentId("m-S0"))->is_late());

  AgentReregister message;
  message.stream = 200;
  message.agent_id = AgentId("m-S0");
  message.agent = DescriptionOf("k0", Resources::Of(4, 4096), "m-S0");
  message.digest.emplace().Add("f", "t", v1::TASK_RUNNING);
  EXPECT_THAT(driver_.Do(std::move(message)), Contains("agent 200: SEND_REPORT"));
  EXPECT_THAT(driver_.Do(AgentHeartbeat{200}), IsEmpty());
  driver_.Advance(absl::Seconds(3));

  EXPECT_EQ(driver_.books().agents.Find(AgentId("m-S0"))->record.state, AgentState::kRegistered);
}

TEST_F(AgentHealth, OneThatIsHeldBackGetsNoOffers) {
  driver_.Subscribe(1);
  driver_.CommitWrites();
  driver_.Propose(1, "m-0000", "m-S5", Resources::Of(1, 64));
  ASSERT_EQ(driver_.books().offers.size(), 1u);

  Pass(absl::Seconds(14), 30);

  EXPECT_EQ(driver_.books().offers.size(), 0u);
  const Agent* held = driver_.books().late_agents.FirstHeld();
  ASSERT_NE(held, nullptr);
  EXPECT_EQ(held->record.state, AgentState::kDisconnected);
  EXPECT_TRUE(held->offers.empty());
}

class AgentHealthOfANewLeader : public ::testing::Test {
 protected:
  // Leads, with agents a0 to a49 in its registry, and waits for them in vain.
  AgentHealthOfANewLeader() : driver_(AFifth()) {
    RegistrySnapshot snapshot;
    for (int i = 0; i < kAgents; ++i) {
      RegistrySnapshot::AgentEntry entry;
      entry.id = AgentId(absl::StrCat("a", i));
      entry.info = DescriptionOf("k", Resources::Of(1, 1), entry.id.value()).info;
      entry.state = RegistrySnapshot::AgentEntry::State::kAdmitted;
      snapshot.agents.push_back(std::move(entry));
    }
    driver_.Lead(1, std::move(snapshot));
    driver_.Advance(driver_.options().agent_reregister_timeout);
    driver_.CommitWrites();
  }

  // The agent comes, and never says what it runs.
  void ComeAndGo(const std::string& id) {
    AgentReregister message;
    message.stream = 7;
    message.agent_id = AgentId(id);
    message.agent = DescriptionOf("k", Resources::Of(1, 1), id);
    message.digest.emplace().Add("f", "t", v1::TASK_RUNNING);
    driver_.Do(std::move(message));
    EXPECT_FALSE(agents_.Find(AgentId(id))->is_late());
    driver_.Do(AgentStreamClosed{7});
  }

  CoreDriver driver_;
  const AgentBook& agents_ = driver_.books().agents;
};

TEST_F(AgentHealthOfANewLeader, AgentsThatDoNotReturnAreManyToo) {
  EXPECT_EQ(agents_.in(AgentState::kUnreachable), 1u);
  EXPECT_EQ(agents_.recovering(), 49u);
  EXPECT_EQ(driver_.books().late_agents.held(), 49u);

  ComeAndGo("a40");
  driver_.Advance(driver_.options().agent_unreachable_timeout + absl::Seconds(1));
  EXPECT_TRUE(agents_.Find(AgentId("a40"))->is_late());  // and held again
}

TEST_F(AgentHealthOfANewLeader, AllLateAgentsShareOneTimer) {
  const size_t before = driver_.books().timers.size();
  for (int i = 20; i < kAgents; ++i) {
    ComeAndGo(absl::StrCat("a", i));
    driver_.Advance(absl::Milliseconds(1));
  }

  // Long enough for each to be late again at a time of its own.
  driver_.Advance(driver_.options().agent_unreachable_timeout + absl::Seconds(20));

  EXPECT_GT(driver_.books().late_agents.held(), 30u);
  EXPECT_LE(driver_.books().timers.size(), before + 1);
}

}  // namespace
}  // namespace meros::master::testing

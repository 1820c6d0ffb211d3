// Inverse offers: who is asked, who may answer, and what becomes of those that nobody answers.
#include "services/master/core/inverse_offers.h"

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
using ::testing::Not;

// Frameworks m-0000 and m-0001 on streams 1 and 3. Agent m-S0, on stream 2, goes away at 5000 s;
// the first framework runs task "t" there, the second nothing.
class InverseOffers : public ::testing::Test {
 protected:
  InverseOffers() {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1, {.name = "first"});
    driver_.Subscribe(3, {.name = "second"});
    driver_.Register(2, "k", Resources::Of(4, 4096));
    driver_.Propose(1, "m-0000", "m-S0", Resources::Of(2, 1024));
    driver_.Call(1, "m-0000",
                 Accept{{driver_.Offer(1)},
                        {LaunchOperation{{ATask("t", "m-S0", Resources::Of(2, 1024))}}},
                        absl::Seconds(5)});
    driver_.Update(2, "m-0000", "t", v1::TASK_RUNNING, "u1");
    Plan({{{{"host-k", ""}}, {absl::UnixEpoch() + absl::Seconds(5000)}}});
  }

  std::vector<std::string> Plan(MaintenancePlan::Windows windows) {
    driver_.Do(OperatorMaintenance{.call = 7, .windows = std::move(windows)});
    return driver_.CommitWrites();
  }
  // What the allocator asks for.
  std::vector<std::string> Ask(const std::string& framework, const std::string& agent = "m-S0") {
    return driver_.Do(AllocatorInverseOffers{900, {{FrameworkId(framework), AgentId(agent)}}});
  }
  std::vector<std::string> Answer(StreamId stream, const std::string& framework, OfferId id,
                                  bool accepted, absl::Duration refuse = absl::Seconds(5)) {
    return driver_.Call(stream, framework, AnswerInverseOffers{{std::move(id)}, accepted, refuse});
  }
  // The only one.
  OfferId Outstanding() {
    const auto& all = driver_.books().inverse_offers.all();
    return all.size() == 1 ? all.begin()->second->id : OfferId();
  }
  InverseAnswer::Kind AnswerOf(const std::string& framework) {
    return driver_.books()
        .agents.Find(AgentId("m-S0"))
        ->record.answers.at(FrameworkId(framework))
        .kind;
  }

  CoreDriver driver_;
};

TEST_F(InverseOffers, AHolderIsAskedAndItsAnswerIsKeptAndTold) {
  EXPECT_THAT(Ask("m-0000"),
              ElementsAre("scheduler 1: INVERSE_OFFERS [#2 m-S0 away from 5000 for inf]"));
  EXPECT_EQ(AnswerOf("m-0000"), InverseAnswer::Kind::kNone);

  EXPECT_THAT(Answer(1, "m-0000", Outstanding(), /*accepted=*/true, absl::Seconds(30)),
              ElementsAre(HasSubstr("INVERSE_RESULT m-0000 m-S0 refuse=30s")));

  EXPECT_EQ(AnswerOf("m-0000"), InverseAnswer::Kind::kAccepted);
  EXPECT_THAT(Ask("m-0000"), ElementsAre(HasSubstr("INVERSE_OFFERS [#3 m-S0")));
  EXPECT_EQ(AnswerOf("m-0000"), InverseAnswer::Kind::kAccepted) << "until there is another";
  Answer(1, "m-0000", Outstanding(), /*accepted=*/false);
  EXPECT_EQ(AnswerOf("m-0000"), InverseAnswer::Kind::kDeclined);
}

TEST_F(InverseOffers, OneIsOutstandingPerFrameworkAndAgent) {
  Ask("m-0000");

  EXPECT_THAT(Ask("m-0000"), IsEmpty());
  EXPECT_NE(Outstanding(), OfferId());
}

TEST_F(InverseOffers, WhatMakesNoSenseIsNotMadeAndTheAllocatorHearsOfIt) {
  EXPECT_THAT(Ask("m-0001"), ElementsAre(HasSubstr("INVERSE_RESULT m-0001 m-S0 refuse=0")))
      << "it holds nothing there";
  EXPECT_THAT(Ask("m-0009"), IsEmpty()) << "unknown: it was told already";
  EXPECT_THAT(Ask("m-0000", "m-S9"), IsEmpty());
  Plan({});
  EXPECT_THAT(Ask("m-0000"), ElementsAre(HasSubstr("INVERSE_RESULT m-0000 m-S0 refuse=0")))
      << "the machine stays";
  EXPECT_THAT(driver_.Do(AllocatorInverseOffers{901, {{FrameworkId("m-0000"), AgentId("m-S0")}}}),
              IsEmpty())
      << "another session";
}

TEST_F(InverseOffers, WhatIsOnlyOfferedCountsToo) {
  driver_.Propose(2, "m-0001", "m-S0", Resources::Of(1, 64));

  EXPECT_THAT(Ask("m-0001"), ElementsAre(HasSubstr("scheduler 3: INVERSE_OFFERS")));
}

TEST_F(InverseOffers, AnotherFrameworkCannotAnswer) {
  Ask("m-0000");
  const OfferId id = Outstanding();
  EXPECT_GT(id.value().size(), 30u) << "not guessable: " << id.value();

  EXPECT_THAT(Answer(3, "m-0001", id, /*accepted=*/true), IsEmpty());
  EXPECT_THAT(Answer(1, "m-0000", OfferId("O2-guessed"), /*accepted=*/true), IsEmpty());

  EXPECT_EQ(AnswerOf("m-0000"), InverseAnswer::Kind::kNone);
  EXPECT_EQ(Outstanding(), id);
}

TEST_F(InverseOffers, AnotherTimeVoidsOffersAndAnswers) {
  Ask("m-0000");
  Answer(1, "m-0000", Outstanding(), /*accepted=*/true, absl::ZeroDuration());
  Ask("m-0000");

  const auto lines = Plan({{{{"host-k", ""}}, {absl::UnixEpoch() + absl::Seconds(6000)}}});

  EXPECT_THAT(lines, Contains("scheduler 1: RESCIND_INVERSE #3"));
  EXPECT_THAT(lines, Contains(HasSubstr("INVERSE_RESULT m-0000 m-S0 refuse=0")));
  EXPECT_THAT(driver_.books().agents.Find(AgentId("m-S0"))->record.answers, IsEmpty());
}

TEST_F(InverseOffers, AreRescindedWhenTheAgentIsLost) {
  Ask("m-0000");
  EXPECT_THAT(driver_.Do(AgentStreamClosed{2}), Not(Contains(HasSubstr("RESCIND_INVERSE"))))
      << "its task runs on";

  driver_.Advance(absl::Seconds(30));

  EXPECT_THAT(driver_.CommitWrites(), Contains("scheduler 1: RESCIND_INVERSE #2"));
}

TEST_F(InverseOffers, AreTakenBackSilentlyWhenTheFrameworkLeaves) {
  Ask("m-0000");

  const auto lines = driver_.Do(SchedulerStreamClosed{1});

  EXPECT_THAT(lines, Contains(HasSubstr("INVERSE_RESULT m-0000 m-S0")));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("RESCIND"))));
  EXPECT_THAT(Ask("m-0000"), ElementsAre(HasSubstr("INVERSE_RESULT"))) << "it is not connected";
  EXPECT_EQ(AnswerOf("m-0000"), InverseAnswer::Kind::kNone);
  driver_.Do(OperatorTeardown{9, "", FrameworkId("m-0000")});
  driver_.CommitWrites();
  EXPECT_THAT(driver_.books().agents.Find(AgentId("m-S0"))->record.answers, IsEmpty());
}

TEST_F(InverseOffers, ExpireLikeOffersAndAreAskedAgain) {
  Ask("m-0000");
  for (int i = 0; i < 59; ++i) {
    ASSERT_THAT(driver_.Advance(absl::Seconds(1)), Not(Contains(HasSubstr("RESCIND_INVERSE"))));
    driver_.Do(AgentHeartbeat{2});
  }

  const auto lines = driver_.Advance(absl::Seconds(1));

  EXPECT_THAT(lines, Contains("scheduler 1: RESCIND_INVERSE #2"));
  EXPECT_THAT(lines, Contains(HasSubstr("INVERSE_RESULT m-0000 m-S0 refuse=0")));
  EXPECT_THAT(Ask("m-0000"), ElementsAre(HasSubstr("INVERSE_OFFERS [#3")));
}

TEST_F(InverseOffers, AnAllocatorThatStartsAnewHearsOfTheAnswer) {
  Ask("m-0000");
  driver_.ConnectAllocator(901);

  EXPECT_THAT(driver_.Do(AllocatorInverseOffers{901, {{FrameworkId("m-0000"), AgentId("m-S0")}}}),
              IsEmpty());
  EXPECT_THAT(Answer(1, "m-0000", Outstanding(), /*accepted=*/true),
              ElementsAre(HasSubstr("INVERSE_RESULT m-0000 m-S0 refuse=5s")));
}

}  // namespace
}  // namespace meros::master::testing

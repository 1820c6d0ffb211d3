// Goal: the answer to a unary call says what on a stream happens in silence: that nothing was done,
// and why. Method: inputs in, effects out; each call is made once and its reply read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Framework m-0000 on stream 1 runs task "t" on agent m-S0, stream 2; another agent is m-S1.
class CallAnswers : public ::testing::Test {
 protected:
  CallAnswers() {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1);
    driver_.Subscribe(5);
    driver_.Register(2, "k", kAll);
    driver_.Register(3, "l", kAll);
    driver_.CommitWrites();
    driver_.Propose(1, "m-0000", "m-S0", Resources::Of(1, 64));
    driver_.Call(1, "m-0000",
                 Accept{{driver_.Offer(1)},
                        {LaunchOperation{{ATask("t", "m-S0", Resources::Of(1, 64))}}},
                        absl::ZeroDuration()});
    driver_.Update(2, "m-0000", "t", v1::TASK_RUNNING, "u1");
  }

  // Without a stream, as unary calls come.
  std::vector<std::string> Ask(SchedulerCall::Body body, const std::string& request_id = "") {
    return driver_.Call(0, "m-0000", std::move(body), ++calls_, request_id);
  }
  static auto Reply(const std::string& status) {
    return AllOf(StartsWith("reply "), EndsWith(": " + status));
  }
  // Offers the other agent whole, to m-0000 or another.
  OfferId Offered(const std::string& framework = "m-0000") {
    driver_.Propose(++offers_, framework, "m-S1", Resources::Of(1, 64));
    return driver_.Offer(offers_);
  }

  const Resources kAll = Resources::Of(4, 4096, 1000);
  CoreDriver driver_;
  uint64_t calls_ = 0;
  uint64_t offers_ = 1;
};

TEST_F(CallAnswers, AKillOnAnotherAgentIsNoKill) {
  const auto lines = Ask(Kill{TaskId("t"), AgentId("m-S1"), nullptr});

  EXPECT_THAT(lines, ElementsAre(Reply("FAILED_PRECONDITION: kill.agent_id: task t is on agent "
                                       "m-S0, not on m-S1")));
  EXPECT_THAT(Ask(Kill{TaskId("t"), AgentId("m-S0"), nullptr}), Contains(Reply("OK")));
}

TEST_F(CallAnswers, ADeclineOfNothingIsNotFound) {
  const OfferId own = Offered();
  const OfferId foreign = Offered("m-0001");

  EXPECT_THAT(Ask(Decline{{OfferId("gone"), foreign}, absl::ZeroDuration()}),
              Contains(HasSubstr("NOT_FOUND: decline.offer_ids")));
  EXPECT_NE(driver_.books().offers.Find(foreign), nullptr);
  EXPECT_THAT(Ask(Decline{{OfferId("gone"), own}, absl::ZeroDuration()}), Contains(Reply("OK")))
      << "one of them was there";
}

TEST_F(CallAnswers, AnAnswerToNoInverseOfferIsNotFound) {
  for (const bool accepted : {true, false}) {
    EXPECT_THAT(
        Ask(AnswerInverseOffers{{OfferId("gone")}, accepted, absl::ZeroDuration()}),
        ElementsAre(HasSubstr(accepted ? "NOT_FOUND: accept_inverse_offers.inverse_offer_ids: "
                                       : "NOT_FOUND: decline_inverse_offers.inverse_offer_ids: ")));
  }
}

TEST_F(CallAnswers, AnAcceptOfOffersThatDoNotGoTogetherSaysWhy) {
  const OfferId own = Offered();
  const struct {
    std::vector<OfferId> offers;
    const char* reply;
  } rows[] = {
      {{}, "INVALID_ARGUMENT: accept.offer_ids: no offers are named"},
      {{OfferId("gone")}, "NOT_FOUND: accept.offer_ids: offer gone is no longer valid"},
      {{Offered("m-0001")}, "is no longer valid"},
      {{own, own}, "is named twice"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(Ask(Accept{row.offers, {}, absl::ZeroDuration()}),
                Contains(AllOf(StartsWith("reply "), HasSubstr(row.reply))));
  }
}

TEST_F(CallAnswers, OffersOfOneAcceptAreOfOneAgentAndRole) {
  driver_.Subscribe(6, {.name = "two", .roles = {"a", "b"}});
  for (const auto& [agent, role] : {std::pair("m-S0", "a"), {"m-S1", "a"}, {"m-S0", "b"}}) {
    driver_.Propose(++offers_, "m-0002", agent, Resources::Of(1, 64), role);
  }
  const OfferId first = driver_.Offer(2);
  const auto accept = [&](const OfferId& second) {
    return driver_.Call(0, "m-0002", Accept{{first, second}, {}, absl::ZeroDuration()}, ++calls_);
  };
  const OfferId elsewhere = driver_.Offer(3);
  const OfferId other_role = driver_.Offer(4);

  EXPECT_THAT(
      accept(elsewhere),
      Contains(Reply("INVALID_ARGUMENT: accept.offer_ids: the offers are of different agents")));
  EXPECT_EQ(driver_.books().offers.Find(first), nullptr) << "those of the call are given back";
  driver_.Propose(++offers_, "m-0002", "m-S0", Resources::Of(1, 64), "a");
  EXPECT_THAT(
      driver_.Call(0, "m-0002",
                   Accept{{driver_.Offer(offers_), other_role}, {}, absl::ZeroDuration()},
                   ++calls_),
      Contains(Reply("INVALID_ARGUMENT: accept.offer_ids: the offers are of different roles")));
}

TEST_F(CallAnswers, AnOperationWithoutIdThatIsRefusedIsNamedAndTheOthersStand) {
  ResourceOperation refused;
  refused.name = "RESERVE";
  refused.fault = absl::InvalidArgumentError("resources[0]: is wrong");
  ResourceOperation with_id = refused;
  with_id.id = "op";
  const LaunchOperation launch{{ATask("u", "m-S1", Resources::Of(1, 64))}};

  auto lines = Ask(Accept{{Offered()}, {launch, refused}, absl::ZeroDuration()});
  EXPECT_THAT(lines, Contains(Reply("INVALID_ARGUMENT: accept.operations[1]: resources[0]: is "
                                    "wrong; the others stand")));
  EXPECT_THAT(lines, Contains(HasSubstr("RUN u")));

  lines = Ask(Accept{{Offered()}, {with_id}, absl::ZeroDuration()});
  EXPECT_THAT(lines, Contains(Reply("OK")));
  EXPECT_THAT(lines, Contains(HasSubstr("OPERATION_ERROR"))) << "who gave it an id is told so";
}

// Until the agents are back, nobody can say whether there is such a task. The same request, later,
// is carried out.
TEST_F(CallAnswers, WhatIsNotKnownYetMayBeAskedAgain) {
  driver_.Advance(absl::Seconds(1));
  driver_.Do(AgentStreamClosed{2});
  driver_.Advance(absl::Seconds(16));  // being marked unreachable, and not durable yet

  EXPECT_THAT(Ask(Kill{TaskId("ghost"), AgentId("m-S0"), nullptr}, "once"),
              Contains(HasSubstr("UNAVAILABLE: task ghost is not known yet")));
  driver_.CommitWrites();
  const auto again = Ask(Kill{TaskId("ghost"), AgentId("m-S0"), nullptr}, "once");
  EXPECT_THAT(again, Contains(Reply("OK")));
  EXPECT_THAT(again, Contains(HasSubstr("UPDATE ghost")));
}

}  // namespace
}  // namespace meros::master::testing

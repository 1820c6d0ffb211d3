// Offers that nobody answers: when they are taken back, and for how long their framework is not
// shown the same again.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// Frameworks m-0000 and m-0001 on streams 1 and 3; agent m-S0 has 8 cpus. Offers expire after 60 s.
class OfferExpiry : public ::testing::Test {
 protected:
  OfferExpiry() {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1, {.name = "first"});
    driver_.Subscribe(3, {.name = "second"});
    driver_.Register(2, "k", Resources::Of(8, 8192));
  }

  void Offer(uint64_t proposal, const std::string& framework = "m-0000") {
    driver_.Propose(proposal, framework, "m-S0", Resources::Of(2, 1024));
  }
  // While the agent goes on beating.
  std::vector<std::string> Advance(int seconds) {
    std::vector<std::string> lines;
    for (int i = 0; i < seconds; ++i) {
      for (std::string& line : driver_.Advance(absl::Seconds(1))) lines.push_back(std::move(line));
      driver_.Do(AgentHeartbeat{2});
    }
    return lines;
  }

  CoreDriver driver_;
};

TEST_F(OfferExpiry, AnOfferIsRescindedWhenItsTimeHasComeAndNotBefore) {
  Offer(1);
  EXPECT_THAT(Advance(59), Not(Contains(HasSubstr("RESCIND"))));

  const auto lines = driver_.Advance(absl::Seconds(1));

  EXPECT_THAT(lines, Contains("scheduler 1: RESCIND #1"));
  EXPECT_THAT(lines, Contains(HasSubstr("RECOVER m-0000 * m-S0 cpus:2;mem:1024 refuse=1m")));
  EXPECT_EQ(driver_.Counts(Count::kOffersExpired), 1u);
}

TEST_F(OfferExpiry, EachOfferHasItsOwnTime) {
  Offer(1);
  Advance(20);
  Offer(2, "m-0001");
  Advance(20);
  Offer(3);

  EXPECT_THAT(Advance(20), Contains("scheduler 1: RESCIND #1"));
  EXPECT_THAT(Advance(19), Not(Contains(HasSubstr("RESCIND"))));
  EXPECT_THAT(Advance(1), Contains("scheduler 3: RESCIND #2"));
  EXPECT_THAT(Advance(20), Contains("scheduler 1: RESCIND #3"));
  EXPECT_THAT(Advance(600), Not(Contains(HasSubstr("RESCIND"))));
}

TEST_F(OfferExpiry, TheLongerTheSilenceTheLongerTheRefusal) {
  Offer(1);
  Advance(60);
  Offer(2);

  EXPECT_THAT(Advance(60), Contains(HasSubstr("refuse=2m")));
  Advance(1200);
  Offer(3);
  EXPECT_THAT(Advance(60), Contains(HasSubstr("refuse=10m")));
}

TEST_F(OfferExpiry, WhoAnswersSomeIsNotTakenForSilent) {
  Offer(1);
  Offer(2);
  Advance(50);
  driver_.Call(1, "m-0000", Decline{{driver_.Offer(2)}, absl::Seconds(5)});

  EXPECT_THAT(Advance(10), Contains(HasSubstr("refuse=5s")));
  Offer(3);
  EXPECT_THAT(Advance(60), Contains(HasSubstr("refuse=1m10s"))) << "silent since the decline";
}

TEST_F(OfferExpiry, AnAnswerToTheLastOfferEndsTheSilence) {
  Offer(1);
  driver_.Call(1, "m-0000", Decline{{driver_.Offer(1)}, absl::Seconds(5)});
  Advance(300);
  Offer(2);

  EXPECT_THAT(Advance(60), Contains(HasSubstr("refuse=1m")));
}

TEST_F(OfferExpiry, OnlyOneTimerIsKeptHoweverManyOffersCameAndWent) {
  for (uint64_t i = 1; i <= 500; ++i) {
    Offer(i);
    driver_.Call(1, "m-0000", Decline{{driver_.Offer(i)}, absl::Seconds(5)});
  }

  EXPECT_LT(driver_.books().timers.size(), 20u);
  EXPECT_THAT(Advance(120), Not(Contains(HasSubstr("RESCIND"))));
}

TEST_F(OfferExpiry, TheNearestRoleThatSetsATimeDecides) {
  driver_.Subscribe(5, {.name = "third", .roles = {"eng/web", "ops"}});
  RoleChange eng, web;
  eng.role = "eng";
  eng.offer_timeout.emplace(absl::Seconds(10));
  web.role = "eng/web";
  web.offer_timeout.emplace(absl::InfiniteDuration());
  driver_.Do(OperatorUpdateRoles{1, "", {eng}});
  driver_.CommitWrites();
  driver_.Propose(1, "m-0002", "m-S0", Resources::Of(2, 1024), "eng/web");
  driver_.Propose(2, "m-0002", "m-S0", Resources::Of(2, 1024), "ops");
  EXPECT_THAT(Advance(9), Not(Contains(HasSubstr("RESCIND"))));
  EXPECT_THAT(Advance(1), Contains("scheduler 5: RESCIND #1"));

  driver_.Do(OperatorUpdateRoles{2, "", {web}});
  driver_.CommitWrites();
  driver_.Propose(3, "m-0002", "m-S0", Resources::Of(2, 1024), "eng/web");
  EXPECT_THAT(Advance(50), Contains("scheduler 5: RESCIND #2"));
  EXPECT_THAT(Advance(3600), Not(Contains("scheduler 5: RESCIND #3"))) << "never";

  web.offer_timeout.emplace(std::nullopt);
  driver_.Do(OperatorUpdateRoles{3, "", {web}});
  driver_.CommitWrites();
  driver_.Propose(4, "m-0002", "m-S0", Resources::Of(2, 1024), "eng/web");
  EXPECT_THAT(Advance(10), Contains("scheduler 5: RESCIND #4"));
}

TEST_F(OfferExpiry, WithoutATimeoutOffersStay) {
  MasterOptions options = TestOptions();
  options.offer_timeout = absl::InfiniteDuration();
  options.agent_unreachable_timeout = absl::Hours(1);
  CoreDriver driver(options);
  driver.Lead();
  driver.ConnectAllocator();
  driver.Subscribe(1);
  driver.Register(2, "k", Resources::Of(4, 4096));
  driver.Propose(1, "m-0000", "m-S0", Resources::Of(4, 1024));

  EXPECT_THAT(driver.Advance(absl::Minutes(50)), Not(Contains(HasSubstr("RESCIND"))));
}

}  // namespace
}  // namespace meros::master::testing

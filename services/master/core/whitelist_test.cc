// Which agents may be offered is told to every allocator, by every leadership of the process.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

SetWhitelist Of(std::vector<std::string> hostnames) {
  return {std::make_shared<const std::vector<std::string>>(std::move(hostnames))};
}

uint64_t LastRenewal(const EffectList& effects) {
  uint64_t attempt = 0;
  for (const Effect& effect : effects) {
    if (const auto* renew = std::get_if<RenewLease>(&effect)) attempt = renew->attempt;
  }
  return attempt;
}

TEST(Whitelist, IsInTheSnapshotAndEveryChangeIsADelta) {
  CoreDriver driver;
  driver.Do(Of({"a", "b"}));  // the master asks for the lease in the same step
  const auto* acquire = std::get_if<AcquireLease>(&driver.effects().at(0));
  ASSERT_NE(acquire, nullptr);
  driver.Do(LeaseAnswer{acquire->attempt, LeaseAnswer::Kind::kGranted, 1,
                        driver.options().lease_ttl, ""});
  RegistrySnapshot empty;
  empty.epoch = 1;
  driver.Do(std::move(empty));
  ASSERT_EQ(driver.core().leadership(), LeadershipState::kLeading);

  EXPECT_THAT(driver.ConnectAllocator(), Contains(HasSubstr("WHITELIST a,b")));
  EXPECT_THAT(driver.Do(Of({"b"})), ElementsAre("allocator v2: WHITELIST b"));
  EXPECT_THAT(driver.Do(Of({})), ElementsAre("allocator v3: WHITELIST "));
  EXPECT_THAT(driver.Do(SetWhitelist{}), ElementsAre("allocator v4: WHITELIST of all"));
  EXPECT_THAT(driver.ConnectAllocator(901), Not(Contains(HasSubstr("WHITELIST"))));
}

TEST(Whitelist, OutlivesTheLeadership) {
  CoreDriver driver;
  driver.Lead(1);
  driver.Do(Of({"a"}));
  driver.Subscribe(1);  // a write is refused: leadership is lost
  driver.CommitWrites(absl::AbortedError("another leads"));
  ASSERT_NE(driver.core().leadership(), LeadershipState::kLeading);

  driver.Lead(2);

  EXPECT_THAT(driver.ConnectAllocator(), Contains(HasSubstr("WHITELIST a")));
}

TEST(Whitelist, ThatComesWhileTheLeaseIsInDoubtIsNotLost) {
  for (const bool renewed : {true, false}) {
    SCOPED_TRACE(renewed);
    CoreDriver driver;
    driver.Lead(1);
    driver.ConnectAllocator();
    driver.set_registry_answers(false);
    driver.Advance(driver.options().lease_ttl + absl::Seconds(1));
    ASSERT_EQ(driver.core().leadership(), LeadershipState::kFenced);
    EXPECT_THAT(driver.Do(Of({"a"})), Not(Contains(HasSubstr("WHITELIST"))));

    if (renewed) {
      driver.set_registry_answers(true);
      EXPECT_THAT(driver.Advance(driver.options().lease_ttl), Contains(HasSubstr("WHITELIST a")));
    } else {
      driver.Advance(absl::Seconds(20));
      driver.Do(LeaseAnswer{LastRenewal(driver.effects()), LeaseAnswer::Kind::kHeldByOther, 0,
                            absl::ZeroDuration(), "other:7050"});
      ASSERT_EQ(driver.core().leadership(), LeadershipState::kStandby);
      driver.set_registry_answers(true);
      driver.Lead(2);
      EXPECT_THAT(driver.ConnectAllocator(), Contains(HasSubstr("WHITELIST a")));
    }
  }
}

}  // namespace
}  // namespace meros::master::testing

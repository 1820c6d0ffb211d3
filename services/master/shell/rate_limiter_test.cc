// Goal: buckets count exactly, files say what is wrong with them. Method: time is passed in.
#include "services/master/shell/rate_limiter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "libs/base/retry_hint.h"
#include "libs/testing/temp_dir.h"

namespace meros::master {
namespace {

using ::testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1000);

TEST(TokenBucket, HoldsOneSecondsWorth) {
  TokenBucket bucket(10, std::nullopt, kStart);

  EXPECT_EQ(bucket.TakeInAdvance(10, kStart).wait, absl::ZeroDuration());
  EXPECT_EQ(bucket.TakeInAdvance(1, kStart).wait, absl::Milliseconds(100));
  EXPECT_EQ(bucket.TakeInAdvance(4, kStart).wait, absl::Milliseconds(500));
  // It fills no further, however long nothing is taken.
  EXPECT_EQ(bucket.TakeInAdvance(11, kStart + absl::Hours(1)).wait, absl::Milliseconds(100));
}

TEST(TokenBucket, HoldsAtLeastOne) {
  TokenBucket bucket(0.5, std::nullopt, kStart);

  EXPECT_TRUE(bucket.TakeOne(kStart).taken);
  const TokenBucket::Answer early = bucket.TakeOne(kStart + absl::Seconds(1));
  EXPECT_FALSE(early.taken);
  EXPECT_EQ(early.wait, absl::Seconds(1));
  EXPECT_TRUE(bucket.TakeOne(kStart + absl::Seconds(2)).taken);
}

TEST(TokenBucket, NoMoreThanCapacityIsTakenInAdvance) {
  TokenBucket bucket(1, 3, kStart);

  EXPECT_TRUE(bucket.TakeInAdvance(4, kStart).taken);
  const TokenBucket::Answer full = bucket.TakeInAdvance(1, kStart);
  EXPECT_FALSE(full.taken);
  EXPECT_EQ(full.wait, absl::Seconds(1));
  EXPECT_FALSE(bucket.TakeInAdvance(1, kStart + absl::Milliseconds(500)).taken);
  EXPECT_TRUE(bucket.TakeInAdvance(1, kStart + absl::Seconds(1)).taken);
}

TEST(TokenBucket, AClockThatGoesBackTakesNothing) {
  TokenBucket bucket(1, std::nullopt, kStart);
  bucket.TakeInAdvance(1, kStart);

  EXPECT_FALSE(bucket.TakeOne(kStart - absl::Hours(1)).taken);
  EXPECT_TRUE(bucket.TakeOne(kStart + absl::Seconds(1)).taken);
}

class RateLimiterTest : public ::testing::Test {
 protected:
  std::unique_ptr<RateLimiter> Make(const std::string& json) {
    auto limits = ParseRateLimits(json, "test");
    EXPECT_TRUE(limits.ok()) << limits.status();
    return std::make_unique<RateLimiter>(*limits, kStart, &metrics_);
  }

  telemetry::MetricRegistry metrics_{"master"};
};

TEST_F(RateLimiterTest, ListedPrincipalsHaveTheirOwnAndOthersShareOne) {
  auto limiter = Make(R"({"limits": [{"principal": "a", "qps": 1}, {"principal": "free"}],
                          "aggregateDefaultQps": 1})");

  EXPECT_TRUE(limiter->Of("a").Admit(kStart).ok());
  EXPECT_TRUE(limiter->Of("b").Admit(kStart).ok());
  const absl::Status refused = limiter->Of("c").Admit(kStart);
  EXPECT_EQ(RetryAfter(refused), absl::Seconds(1));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("principal 'c'"));
  EXPECT_FALSE(limiter->Of("").Admit(kStart).ok());
  EXPECT_FALSE(limiter->Of("a").Admit(kStart).ok());
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limiter->Of("free").Admit(kStart).ok());
}

TEST_F(RateLimiterTest, AccountsOfOnePrincipalShareItsBucket) {
  auto limiter = Make(R"({"limits": [{"principal": "a", "qps": 10, "capacity": 5}]})");
  const RateLimiter::Account one = limiter->Of("a");
  const RateLimiter::Account two = limiter->Of("a");

  EXPECT_EQ(*one.HoldBack(10, kStart), absl::ZeroDuration());
  EXPECT_EQ(*two.HoldBack(5, kStart), absl::Milliseconds(500));
  EXPECT_EQ(RetryAfter(one.HoldBack(1, kStart).status()), absl::Milliseconds(100));
}

TEST_F(RateLimiterTest, WithoutLimitsNothingIsHeldBack) {
  auto limiter = Make("{}");

  EXPECT_EQ(*limiter->Of("a").HoldBack(1000000, kStart), absl::ZeroDuration());
  EXPECT_TRUE(limiter->Of("").Admit(kStart).ok());
}

TEST(RateLimitsFile, NamesFieldAndLimitOfWhatIsWrong) {
  const struct {
    const char* json;
    const char* expected;
  } kCases[] = {
      {"{", "f: "},
      {R"({"limits": [{"principle": "a"}]})", "principle"},
      {R"({"limits": [{"qps": 1}]})", "f: limits[0].principal: must be set"},
      {R"({"limits": [{"principal": ""}]})", "f: limits[0].principal: must not be empty"},
      {R"({"limits": [{"principal": "a", "qps": 0}]})",
       "f: limits[0].qps: must be > 0 and at most 1e+09, got 0"},
      {R"({"limits": [{"principal": "a", "qps": -1}]})", "f: limits[0].qps: must be > 0"},
      {R"({"limits": [{"principal": "a", "qps": "NaN"}]})", "f: limits[0].qps: must be > 0"},
      {R"({"limits": [{"principal": "a", "qps": "Infinity"}]})", "f: limits[0].qps"},
      {R"({"limits": [{"principal": "a", "capacity": 5}]})",
       "f: limits[0].capacity: needs a qps beside it"},
      {R"({"limits": [{"principal": "a"}, {"principal": "a"}]})",
       "f: limits[1].principal: 'a' is listed twice"},
      {R"({"aggregate_default_qps": 0})", "f: aggregate_default_qps: must be > 0"},
      {R"({"aggregate_default_capacity": 1})",
       "f: aggregate_default_capacity: needs a qps beside it"},
  };
  for (const auto& c : kCases) {
    const absl::Status status = ParseRateLimits(c.json, "f").status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << c.json << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.expected)) << c.json;
  }
}

TEST(RateLimitsFile, IsReadAsWritten) {
  testing::TempDir directory;
  const std::string path = directory.path() + "/limits.json";
  std::ofstream(path) << R"({"limits": [{"principal": "a", "qps": 2.5, "capacity": 7}]})";

  const auto limits = ReadRateLimits(path);

  ASSERT_TRUE(limits.ok()) << limits.status();
  EXPECT_EQ(limits->limits(0).qps(), 2.5);
  EXPECT_EQ(limits->limits(0).capacity(), 7u);
  EXPECT_THAT(std::string(ReadRateLimits(path + ".no").status().message()), HasSubstr(path));
  std::ofstream(path) << std::string(kRateLimitsBytesMax + 1, ' ');
  EXPECT_THAT(std::string(ReadRateLimits(path).status().message()), HasSubstr("at most"));
}

}  // namespace
}  // namespace meros::master

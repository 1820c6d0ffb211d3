// Goal: doubles from outside become thousandths by the stated rule, or are refused.
#include "libs/resources/scalar.h"

#include <gtest/gtest.h>

#include <cmath>

namespace meros::resources {
namespace {

TEST(Scalar, Row24RoundsToThousandthsHalvesAwayFromZero) {
  EXPECT_EQ(Scalar::FromDouble(1.0)->millis(), 1000);
  EXPECT_EQ(Scalar::FromDouble(0.1)->millis(), 100);
  EXPECT_EQ(Scalar::FromDouble(0.0005)->millis(), 1);
  EXPECT_EQ(Scalar::FromDouble(0.1234)->millis(), 123);
  EXPECT_EQ(Scalar::FromDouble(0.1236)->millis(), 124);
  EXPECT_EQ(Scalar::FromDouble(0.0)->millis(), 0);
  EXPECT_EQ(Scalar::FromDouble(-0.0)->millis(), 0);
}

TEST(Scalar, RefusesWhatIsNoAmount) {
  EXPECT_EQ(Scalar::FromDouble(NAN).status().message(), "must be finite and >= 0, got nan");
  EXPECT_FALSE(Scalar::FromDouble(INFINITY).ok());
  EXPECT_FALSE(Scalar::FromDouble(-INFINITY).ok());
  EXPECT_FALSE(Scalar::FromDouble(-1).ok());
  EXPECT_FALSE(Scalar::FromDouble(-0.0001).ok());
  EXPECT_FALSE(Scalar::FromDouble(5e-324).ok()) << "subnormal";
  EXPECT_FALSE(Scalar::FromDouble(0.0004).ok()) << "not zero, but rounds to it";
  EXPECT_FALSE(Scalar::FromDouble(1e16).ok());
  EXPECT_FALSE(Scalar::FromDouble(1e300).ok());
}

TEST(Scalar, LargestValueKeepsItsDecimals) {
  const Scalar most = Scalar::FromMillis(Scalar::kMaxMillis);
  EXPECT_EQ(*Scalar::FromDouble(most.ToDouble()), most);
  const Scalar near = Scalar::FromMillis(Scalar::kMaxMillis - 1);
  EXPECT_EQ(*Scalar::FromDouble(near.ToDouble()), near);
}

TEST(Scalar, SumsSaturate) {
  EXPECT_EQ(Scalar::Max() + Scalar::FromUnits(1), Scalar::Max());
  const Scalar lowest = Scalar::FromMillis(INT64_MIN);
  EXPECT_EQ(lowest - Scalar::FromUnits(1), lowest);
  EXPECT_EQ(Scalar::FromMillis(0) - lowest, Scalar::Max());
}

TEST(Scalar, PrintsTheShortestForm) {
  EXPECT_EQ(Scalar::FromMillis(4000).ToString(), "4");
  EXPECT_EQ(Scalar::FromMillis(500).ToString(), "0.5");
  EXPECT_EQ(Scalar::FromMillis(1025).ToString(), "1.025");
  EXPECT_EQ(Scalar::FromMillis(-1025).ToString(), "-1.025");
  EXPECT_EQ(Scalar::FromMillis(INT64_MIN).ToString(), "-9223372036854775.808");
}

}  // namespace
}  // namespace meros::resources

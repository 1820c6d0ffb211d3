// Goal: every type reads what people write, refuses the rest, and prints what it reads.
#include "libs/config/value_types.h"

#include <gtest/gtest.h>

#include "libs/config/nearest.h"

namespace meros::config {
namespace {

template <typename T>
bool Reads(absl::string_view text, T expected) {
  T value{};
  return ParseValue(text, &value) && value == expected;
}

template <typename T>
bool Refuses(absl::string_view text) {
  T value{};
  return !ParseValue(text, &value);
}

TEST(ValueTypes, Integers) {
  EXPECT_TRUE(Reads<int64_t>("-9223372036854775808", INT64_MIN));
  EXPECT_TRUE(Refuses<int64_t>("9223372036854775808"));
  EXPECT_TRUE(Refuses<int64_t>("1.5"));
  EXPECT_TRUE(Refuses<int64_t>("0x10"));
  EXPECT_TRUE(Refuses<int64_t>(""));
}

TEST(ValueTypes, NumbersAreFinite) {
  EXPECT_TRUE(Reads<double>("0.5", 0.5));
  EXPECT_TRUE(Refuses<double>("nan"));
  EXPECT_TRUE(Refuses<double>("inf"));
  EXPECT_TRUE(Refuses<double>("1e999"));
}

TEST(ValueTypes, DurationsHaveUnitsAndEnd) {
  EXPECT_TRUE(Reads("1h30m", absl::Minutes(90)));
  EXPECT_TRUE(Reads("0", absl::ZeroDuration()));
  EXPECT_TRUE(Refuses<absl::Duration>("5"));
  EXPECT_TRUE(Refuses<absl::Duration>("-1s"));
  EXPECT_TRUE(Refuses<absl::Duration>("inf"));
}

TEST(ValueTypes, BytesUsePowersOf1024) {
  EXPECT_TRUE(Reads("4096", Bytes{4096}));
  EXPECT_TRUE(Reads("4096B", Bytes{4096}));
  EXPECT_TRUE(Reads("64KB", Kibibytes(64)));
  EXPECT_TRUE(Reads("64KiB", Kibibytes(64)));
  EXPECT_TRUE(Reads("1.5G", Mebibytes(1536)));
  EXPECT_TRUE(Refuses<Bytes>("-1MB"));
  EXPECT_TRUE(Refuses<Bytes>("1.5"));
  EXPECT_TRUE(Refuses<Bytes>("MB"));
  EXPECT_TRUE(Refuses<Bytes>("1PB"));
  EXPECT_TRUE(Refuses<Bytes>("99999999TB"));
}

TEST(ValueTypes, ListsAreSplitAtCommas) {
  EXPECT_TRUE(Reads("a, b,c", StringList({"a", "b", "c"})));
  EXPECT_TRUE(Reads("", StringList()));
}

TEST(ValueTypes, WhatIsPrintedParsesBack) {
  EXPECT_EQ(PrintValue(Mebibytes(1536)), "1536MB");
  EXPECT_EQ(PrintValue(Bytes{1000}), "1000");
  EXPECT_EQ(PrintValue(Bytes{0}), "0");
  EXPECT_EQ(PrintValue(absl::Minutes(90)), "1h30m");
  EXPECT_EQ(PrintValue(StringList({"a", "b"})), "a,b");
}

TEST(NearestName, SuggestsWhatIsNear) {
  const std::vector<std::string> known = {"metrics_port", "listen", "log_level"};
  EXPECT_EQ(NearestName("metrics-prot", known), "metrics_port");
  EXPECT_EQ(NearestName("LogLevel", known), "log_level");
  EXPECT_EQ(NearestName("zookeeper", known), "");
  EXPECT_EQ(NearestName(std::string(1 << 20, 'x'), known), "");
}

}  // namespace
}  // namespace meros::config

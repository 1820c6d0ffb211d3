// What operators may ask to be set of roles.
#include "libs/wire/role_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace meros::wire {
namespace {

using ::testing::HasSubstr;
using v1::quota::QuotaConfig;

QuotaConfig Config(const std::string& role) {
  QuotaConfig config;
  config.set_role(role);
  return config;
}

std::string QuotaFault(const QuotaConfig& config) {
  return std::string(QuotaFromProto(config, FieldPath().Item("configs", 2)).status().message());
}

TEST(QuotaFromProto, ReadsAmountsAndKeepsALimitOfZero) {
  QuotaConfig config = Config("eng/web");
  (*config.mutable_guarantees())["cpus"].set_value(1.5);
  (*config.mutable_guarantees())["mem"].set_value(0);
  (*config.mutable_limits())["gpus"].set_value(0);

  const auto quota = QuotaFromProto(config, FieldPath());

  ASSERT_TRUE(quota.ok()) << quota.status();
  EXPECT_EQ(quota->guarantees.ToString(), "cpus:1.5");
  EXPECT_EQ(quota->limits.ToString(), "gpus:0");
}

TEST(QuotaFromProto, NamesTheFieldOfWhatIsWrong) {
  for (const double bad : {-1.0, std::nan(""), std::numeric_limits<double>::infinity(), 1e300}) {
    QuotaConfig config = Config("eng");
    (*config.mutable_guarantees())["cpus"].set_value(bad);
    EXPECT_THAT(QuotaFault(config), HasSubstr("configs[2].guarantees[\"cpus\"]")) << bad;
  }
  QuotaConfig below = Config("eng");
  (*below.mutable_guarantees())["cpus"].set_value(4);
  (*below.mutable_limits())["cpus"].set_value(3);
  EXPECT_THAT(QuotaFault(below),
              HasSubstr("configs[2].limits[\"cpus\"]: must be at least the guarantee of 4, is 3"));
  QuotaConfig ports = Config("eng");
  (*ports.mutable_limits())["ports"].set_value(3);
  EXPECT_THAT(QuotaFault(ports), HasSubstr("limits[\"ports\"]: is not a scalar"));
  EXPECT_THAT(QuotaFault(Config("*")), HasSubstr("configs[2].role"));
}

TEST(QuotaFromProto, MemoryIsBoundedByAnExbibyte) {
  QuotaConfig config = Config("eng");
  (*config.mutable_limits())["mem"].set_value(kMaxQuotaMegabytes);
  EXPECT_TRUE(QuotaFromProto(config, FieldPath()).ok());
  (*config.mutable_limits())["mem"].set_value(kMaxQuotaMegabytes + 1);
  EXPECT_THAT(QuotaFault(config), HasSubstr("must be at most"));
}

TEST(ValidateWeight, IsPositiveAndFinite) {
  v1::WeightInfo info;
  EXPECT_FALSE(ValidateWeight(info, FieldPath()).ok());
  for (const double bad : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity(), 1e9}) {
    info.set_weight(bad);
    EXPECT_THAT(ValidateWeight(info, FieldPath().Item("weights", 0)).message(),
                HasSubstr("weights[0].weight"))
        << bad;
  }
  info.set_weight(0.5);
  EXPECT_TRUE(ValidateWeight(info, FieldPath()).ok());
}

TEST(ValidateRoleList, WantsNamedRolesOnceEach) {
  google::protobuf::RepeatedPtrField<QuotaConfig> list;
  EXPECT_THAT(ValidateRoleList(list, FieldPath(), "configs").message(),
              HasSubstr("configs: must have 1 to 1000 entries, has 0"));
  *list.Add() = Config("eng");
  EXPECT_TRUE(ValidateRoleList(list, FieldPath(), "configs").ok());
  for (const std::string& bad : {std::string("-x"), std::string("a//b"), std::string(""),
                                 std::string("eng"), std::string(513, 'x')}) {
    google::protobuf::RepeatedPtrField<QuotaConfig> two = list;
    *two.Add() = Config(bad);
    EXPECT_THAT(ValidateRoleList(two, FieldPath(), "configs").message(),
                HasSubstr("configs[1].role"))
        << bad;
  }
}

TEST(RoleQuantities, AreAboveZero) {
  QuantityMap map;
  map["cpus"].set_value(0);
  EXPECT_THAT(RoleQuantitiesFromProto(map, FieldPath(), "amounts").status().message(),
              HasSubstr("amounts[\"cpus\"]: must be above 0"));
}

}  // namespace
}  // namespace meros::wire

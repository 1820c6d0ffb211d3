// Goal: every rule about a framework's description refuses what it should, at its place.
#include "libs/wire/framework_rules.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace meros::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <typename M>
M Parse(const std::string& text) {
  M message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

v1::FrameworkInfo Info(const std::string& more) {
  return Parse<v1::FrameworkInfo>("user: 'u' name: 'n' " + more);
}

constexpr char kMultiRole[] = "capabilities { type: MULTI_ROLE } ";

TEST(ValidateFrameworkInfo, AcceptsGoodOnes) {
  for (const std::string& good : std::vector<std::string>{
           "", "role: 'eng'", "id { value: 'abc' }", "id { value: '' }", kMultiRole,
           absl::StrCat(kMultiRole, "roles: 'b' roles: 'a/b'"), "failover_timeout: 604800",
           "failover_timeout: -1", "offer_filters { key: 'any' value {} }",
           "offer_filters { key: '*' value { min_allocatable_resources { quantities { "
           "quantities { key: 'cpus' value { value: 1 } } } } } }"}) {
    const absl::Status status = ValidateFrameworkInfo(Info(good), FieldPath("info"));
    EXPECT_TRUE(status.ok()) << good << ": " << status;
  }
}

TEST(ValidateFrameworkInfo, RefusesBadOnesAtTheirPlace) {
  const struct {
    std::string more;
    const char* expected;
  } kCases[] = {
      {"roles: 'a'", "info.roles: needs the capability MULTI_ROLE"},
      {"role: 'a//b'", "info.role: role name 'a//b' has an empty component"},
      {"role: '-a'", "starts with '-'"},
      {absl::StrCat(kMultiRole, "role: 'a'"), "info.role: must not be set"},
      {absl::StrCat(kMultiRole, "roles: 'a' roles: 'b' roles: 'a'"),
       "info.roles[0]: role 'a' is given twice"},
      {absl::StrCat(kMultiRole, "roles: 'a' roles: ''"), "info.roles[1]: role name is empty"},
      {"id { value: '../x' }", "info.id.value: must not contain '/'"},
      {"failover_timeout: nan", "info.failover_timeout: must be finite"},
      {"failover_timeout: 1e300", "info.failover_timeout: must be finite and at most 292 years"},
      {"offer_filters { key: 'eng' value { min_allocatable_resources { quantities {} } } }",
       "info.offer_filters[\"eng\"].min_allocatable_resources.quantities[0].quantities: "
       "must not be empty"},
      {"offer_filters { key: 'eng' value { min_allocatable_resources { quantities { "
       "quantities { key: 'cpus' value { value: -1 } } } } } }",
       "quantities[0].quantities[\"cpus\"].value: must be finite and >= 0, got -1"},
      {"offer_filters { key: 'eng' value { min_allocatable_resources { quantities { "
       "quantities { key: 'cpus' value { value: 1e-310 } } } } } }",
       "subnormal"},
      {"principal: '" + std::string(5000, 'p') + "'", "info.principal: must be at most 4096"},
  };
  for (const auto& c : kCases) {
    const absl::Status status = ValidateFrameworkInfo(Info(c.more), FieldPath("info"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.expected)) << c.more;
  }
}

TEST(FrameworkRoles, FollowTheCapability) {
  EXPECT_THAT(FrameworkRoles(Info("")), ElementsAre("*"));
  EXPECT_THAT(FrameworkRoles(Info("role: 'eng'")), ElementsAre("eng"));
  EXPECT_THAT(FrameworkRoles(Info(kMultiRole)), IsEmpty());
  EXPECT_THAT(FrameworkRoles(Info(absl::StrCat(kMultiRole, "roles: 'b' roles: 'a'"))),
              ElementsAre("a", "b"));
}

TEST(FailoverTimeout, IsNeverNegative) {
  EXPECT_EQ(FailoverTimeout(Info("")), absl::ZeroDuration());
  EXPECT_EQ(FailoverTimeout(Info("failover_timeout: 1.5")), absl::Milliseconds(1500));
  EXPECT_EQ(FailoverTimeout(Info("failover_timeout: -1")), absl::ZeroDuration());
}

TEST(SuppressedRoles, MustBeTheFrameworksOwn) {
  const auto subscribe =
      Parse<v1::scheduler::Call::Subscribe>("suppressed_roles: 'a' suppressed_roles: 'x'");
  EXPECT_EQ(
      ValidateSuppressedRoles(subscribe.suppressed_roles(), {"a", "b"}, FieldPath("s")).message(),
      "s.suppressed_roles[1]: the framework has no role 'x'");
  EXPECT_TRUE(ValidateSuppressedRoles(subscribe.suppressed_roles(), {"a", "x"}, FieldPath()).ok());
}

TEST(OfferConstraints, MustBeWellFormed) {
  const auto check = [](const std::string& constraints) {
    return std::string(
        ValidateOfferConstraints(Parse<v1::scheduler::OfferConstraints>(
                                     "role_constraints { key: 'a' value { " + constraints + " } }"),
                                 {"a"}, FieldPath("c"))
            .message());
  };
  const auto constraint = [&](const std::string& text) {
    return check("groups { attribute_constraints { " + text + " } }");
  };
  EXPECT_EQ(constraint("selector { attribute_name: 'rack' } predicate { exists {} }"), "");
  EXPECT_EQ(constraint("selector { pseudoattribute_type: ZONE } "
                       "predicate { text_matches { regex: 'z.*' } }"),
            "");
  EXPECT_EQ(check(""), "c.role_constraints[\"a\"].groups: must not be empty");
  EXPECT_THAT(check("groups {}"), HasSubstr("groups[0].attribute_constraints: must not be empty"));
  EXPECT_THAT(constraint("predicate { exists {} }"), HasSubstr("selector: must have"));
  EXPECT_THAT(constraint("selector { attribute_name: 'rack' }"), HasSubstr("predicate: must have"));
  EXPECT_THAT(constraint("selector { pseudoattribute_type: UNKNOWN } predicate { exists {} }"),
              HasSubstr("must be HOSTNAME, REGION or ZONE"));
  EXPECT_THAT(constraint("selector { attribute_name: 'r' } predicate { text_matches { regex: '" +
                         std::string(5000, 'a') + "' } }"),
              HasSubstr("regex: must be at most 4096 bytes"));
  EXPECT_THAT(
      constraint("selector { attribute_name: 'r' } predicate { text_matches { regex: '(' } }"),
      HasSubstr("predicate: regular expression '('"));
  EXPECT_THAT(constraint("selector { attribute_name: 'r' } "
                         "predicate { text_not_matches { regex: '(a{100}){100}' } }"),
              HasSubstr("predicate: regular expression"));
  const auto other =
      Parse<v1::scheduler::OfferConstraints>("role_constraints { key: 'x' value {} }");
  EXPECT_EQ(ValidateOfferConstraints(other, {"a"}, FieldPath("c")).message(),
            "c.role_constraints[\"x\"]: the framework has no such role");
}

}  // namespace
}  // namespace meros::wire

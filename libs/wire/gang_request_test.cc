// Goal: what a REQUEST for a gang must be like, each rule with the path of the field that breaks
// it.
#include "libs/wire/gang_request.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/wire/scheduler_call.h"

namespace meros::wire {
namespace {

using ::testing::HasSubstr;

v1::scheduler::Call Parse(const std::string& request) {
  v1::scheduler::Call call;
  const std::string text =
      absl::StrCat("framework_id { value: 'fw' } type: REQUEST request { ", request, " }");
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &call)) << text;
  return call;
}

std::string Validate(const std::string& request) {
  const FieldPath root;
  return std::string(ValidateCall(Parse(request), root.Item("calls", 0)).message());
}

std::string Cpus(double amount, const std::string& more = "") {
  return absl::StrCat("resources { name: 'cpus' type: SCALAR scalar { value: ", amount, " } ", more,
                      " } ");
}

TEST(GangRequest, BundlesAreReadAndSummedByName) {
  const auto call = Parse(absl::StrCat(
      "gang_id: 'g' requests { count: 3 ", Cpus(1.5), Cpus(0.5),
      "resources { name: 'ports' type: SCALAR scalar { value: 2 } } } requests { ", Cpus(4), " }"));

  const auto bundles = BundlesFromProto(call.request(), FieldPath("request"));

  ASSERT_TRUE(bundles.ok()) << bundles.status();
  ASSERT_EQ(bundles->size(), 2u);
  EXPECT_EQ((*bundles)[0].amount.ToString(), "cpus:2;ports:2");
  EXPECT_EQ((*bundles)[0].count, 3u);
  EXPECT_EQ((*bundles)[1].count, 1u);
  EXPECT_EQ(GangDeadline(call.request()), absl::InfiniteDuration());
}

TEST(GangRequest, AHintIsNotLookedAt) {
  EXPECT_EQ(Validate("requests { agent_id { value: 'a' } count: 0 }"), "");
  EXPECT_EQ(Validate(""), "");
}

TEST(GangRequest, NoBundlesWithdraw) { EXPECT_EQ(Validate("gang_id: 'g'"), ""); }

TEST(GangRequest, EachRuleIsNamedWithItsField) {
  EXPECT_THAT(Validate("gang_id: ''"), HasSubstr("calls[0].request.gang_id: "));
  EXPECT_THAT(Validate("gang_id: 'a/b'"), HasSubstr("calls[0].request.gang_id: "));
  EXPECT_THAT(Validate("gang_id: 'g' deadline { nanoseconds: 0 }"),
              HasSubstr("calls[0].request.deadline: must be positive"));
  EXPECT_THAT(Validate("gang_id: 'g' deadline { nanoseconds: -1 }"),
              HasSubstr("calls[0].request.deadline"));
  EXPECT_THAT(Validate("gang_id: 'g' requests { }"),
              HasSubstr("calls[0].request.requests[0].resources: must not be empty"));
  EXPECT_THAT(Validate(absl::StrCat("gang_id: 'g' requests { count: 0 ", Cpus(1), "}")),
              HasSubstr("calls[0].request.requests[0].count: must be at least 1, got 0"));
  EXPECT_THAT(
      Validate(absl::StrCat("gang_id: 'g' requests { agent_id { value: 'a' } ", Cpus(1), "}")),
      HasSubstr("calls[0].request.requests[0].agent_id: must not be set"));
  EXPECT_THAT(Validate(absl::StrCat("gang_id: 'g' requests { count: 10000 ", Cpus(1),
                                    "} requests { ", Cpus(1), "}")),
              HasSubstr("calls[0].request.requests[1].count: brings the gang to more than 10000"));
  EXPECT_THAT(Validate(absl::StrCat("gang_id: 'g' requests { ", Cpus(1, "revocable {}"), "}")),
              HasSubstr("calls[0].request.requests[0].resources[0]: must be plain"));
  EXPECT_THAT(Validate(absl::StrCat("gang_id: 'g' requests { ",
                                    Cpus(1, "reservations { type: STATIC role: 'eng' }"), "}")),
              HasSubstr("calls[0].request.requests[0].resources[0]: must be plain"));
  EXPECT_THAT(Validate("gang_id: 'g' requests { resources { name: 'ports' type: RANGES "
                       "ranges { range { begin: 1 end: 2 } } } }"),
              HasSubstr("calls[0].request.requests[0].resources[0].type: must be SCALAR"));
}

TEST(GangRequest, TooManyKindsOfBundlesAreRefused) {
  std::string request = "gang_id: 'g' ";
  for (int i = 0; i <= 100; ++i) absl::StrAppend(&request, "requests { ", Cpus(1), "} ");

  EXPECT_THAT(Validate(request), HasSubstr("calls[0].request.requests: "));
}

}  // namespace
}  // namespace meros::wire

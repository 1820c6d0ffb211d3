// Goal: agents' descriptions are read whole, and refused at the place of the fault.
#include "libs/wire/agent_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <google/protobuf/text_format.h>

namespace meros::wire {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<AgentInventory> Validate(const std::string& text) {
  v1::AgentInfo info;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &info)) << text;
  return ValidateAgentInfo(info, FieldPath("info"));
}

constexpr char kCpus[] = "resources { name: 'cpus' type: SCALAR scalar { value: 4 } ";

TEST(ValidateAgentInfo, ReturnsWhatTheAgentBrings) {
  const auto inventory = Validate(absl::StrCat(
      "hostname: 'h' port: 5051 id { value: 'a1' } ", kCpus, "} ", kCpus, "role: 'eng' } ",
      "attributes { name: 'rack' type: TEXT text { value: 'r1' } }"));

  ASSERT_TRUE(inventory.ok()) << inventory.status();
  EXPECT_EQ(inventory->total.DebugString(), "cpus:4;cpus(eng):4");
  EXPECT_EQ(inventory->attributes.ToString(), "rack:r1");
}

TEST(ValidateAgentInfo, RefusesBadOnesAtTheirPlace) {
  const struct {
    std::string text;
    const char* expected;
  } kCases[] = {
      {"port: 1", "info.hostname: must be set"},
      {"hostname: ''", "info.hostname: must not be empty"},
      {"hostname: 'h' port: 70000", "info.port: must be 0 to 65535, got 70000"},
      {"hostname: 'h' id { value: '.' }", "info.id.value: must not be '.'"},
      {"hostname: 'h' resources { name: 'mem' type: SCALAR scalar { value: -1 } }",
       "info.resources[0].scalar.value: must be finite and >= 0"},
      {"hostname: 'h' resources { name: 'mem' type: SCALAR scalar {} }",
       "info.resources[0].scalar.value: must be set"},
      {absl::StrCat("hostname: 'h' ", kCpus, "allocation_info { role: 'eng' } }"),
       "info.resources: must not be allocated: cpus"},
      {"hostname: 'h' resources { name: 'disk' type: SCALAR scalar { value: 1 } disk {} }",
       "info.resources: disk information needs"},
      {"hostname: 'h' attributes { name: 'z' type: SET set { item: 'a' } }",
       "info.attributes[0]: must be SCALAR, RANGES or TEXT"},
      {"hostname: 'h' domain { fault_domain {} }", "info.domain.fault_domain.region: must be set"},
      {"hostname: 'h' resources { name: 'mem' type: SCALAR scalar { value: 4e12 } } "
       "resources { name: 'mem' type: SCALAR scalar { value: 4e12 } role: 'eng' }",
       "info.resources: the sum of 'mem' exceeds"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(std::string(Validate(c.text).status().message()), HasSubstr(c.expected)) << c.text;
  }
}

}  // namespace
}  // namespace meros::wire

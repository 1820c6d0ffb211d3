// Goal: each type of call asks for its member, ids and uuids; nothing else is refused.
// Method: a table over all types, each with a good call and its faults.
#include "libs/wire/scheduler_call.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/strings/ascii.h"

namespace meros::wire {
namespace {

using ::testing::HasSubstr;

v1::scheduler::Call Parse(const std::string& text) {
  v1::scheduler::Call call;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &call)) << text;
  return call;
}

std::string Validate(const std::string& text) {
  const FieldPath root;
  return std::string(ValidateCall(Parse(text), root.Item("calls", 0)).message());
}

constexpr char kId[] = "framework_id { value: 'fw' } ";
constexpr char kUuid[] = "uuid: '0123456789abcdef'";

TEST(ValidateCall, AcceptsEveryTypeOfCall) {
  for (const std::string& good : std::vector<std::string>{
           "type: SUBSCRIBE subscribe { framework_info { user: 'u' name: 'n' } }",
           absl::StrCat(kId,
                        "type: SUBSCRIBE subscribe { framework_info { user: 'u' name: 'n' "
                        "id { value: 'fw' } } }"),
           absl::StrCat(kId, "type: TEARDOWN"),
           absl::StrCat(kId, "type: ACCEPT accept {}"),
           absl::StrCat(kId, "type: ACCEPT accept { operations { type: LAUNCH launch {} } }"),
           absl::StrCat(kId, "type: ACCEPT accept { operations { type: LAUNCH } operations {} }"),
           absl::StrCat(kId, "type: DECLINE decline { offer_ids { value: 'o' } }"),
           absl::StrCat(kId, "type: ACCEPT_INVERSE_OFFERS accept_inverse_offers {}"),
           absl::StrCat(kId, "type: DECLINE_INVERSE_OFFERS decline_inverse_offers {}"),
           absl::StrCat(kId, "type: REVIVE"),
           absl::StrCat(kId, "type: SUPPRESS"),
           absl::StrCat(kId, "type: REVIVE revive { roles: 'a' }"),
           absl::StrCat(kId, "type: KILL kill { task_id { value: 't' } }"),
           absl::StrCat(kId,
                        "type: SHUTDOWN shutdown { executor_id { value: 'e' } "
                        "agent_id { value: 'a' } }"),
           absl::StrCat(kId,
                        "type: ACKNOWLEDGE acknowledge { agent_id { value: 'a' } "
                        "task_id { value: 't' } ",
                        kUuid, " }"),
           absl::StrCat(kId,
                        "type: ACKNOWLEDGE_OPERATION_STATUS acknowledge_operation_status { "
                        "agent_id { value: 'a' } operation_id { value: 'o' } ",
                        kUuid, " }"),
           absl::StrCat(kId, "type: RECONCILE reconcile {}"),
           absl::StrCat(kId, "type: RECONCILE_OPERATIONS reconcile_operations {}"),
           absl::StrCat(kId,
                        "type: MESSAGE message { agent_id { value: 'a' } "
                        "executor_id { value: 'e' } data: '' }"),
           absl::StrCat(kId, "type: REQUEST request {}"),
           absl::StrCat(kId,
                        "type: UPDATE_FRAMEWORK update_framework { framework_info { "
                        "user: 'u' name: 'n' id { value: 'fw' } } }")}) {
    EXPECT_EQ(Validate(good), "") << good;
  }
}

TEST(ValidateCall, EveryTypeNeedsItsMemberAndTheFrameworkId) {
  const google::protobuf::EnumDescriptor* types = v1::scheduler::Call::Type_descriptor();
  for (int i = 0; i < types->value_count(); ++i) {
    const std::string& type = types->value(i)->name();
    if (type == "UNKNOWN") continue;
    const std::string alone = Validate("type: " + type);
    if (type == "TEARDOWN" || type == "REVIVE" || type == "SUPPRESS") {
      EXPECT_EQ(alone, "calls[0].framework_id: must be set");
    } else {
      EXPECT_EQ(alone, absl::StrCat("calls[0].", absl::AsciiStrToLower(type),
                                    ": must be set for type ", type));
    }
  }
}

TEST(ValidateCall, RefusesFaults) {
  const struct {
    std::string call;
    const char* expected;
  } kCases[] = {
      {"", "calls[0].type: must be set"},
      {"type: UNKNOWN", "calls[0].type: is not a known type of call"},
      {"type: SUBSCRIBE subscribe {}", "calls[0].subscribe.framework_info: must be set"},
      {"type: SUBSCRIBE subscribe { framework_info { name: 'n' } }",
       "calls[0].subscribe.framework_info.user: must be set"},
      {absl::StrCat(kId, "type: SUBSCRIBE subscribe { framework_info { user: 'u' name: 'n' } }"),
       "calls[0].framework_id: must equal subscribe.framework_info.id, got 'fw' and ''"},
      {"type: SUBSCRIBE subscribe { framework_info { user: 'u' name: 'n' id { value: 'x' } } }",
       "must equal subscribe.framework_info.id"},
      {absl::StrCat(kId,
                    "type: UPDATE_FRAMEWORK update_framework { framework_info { user: 'u' "
                    "name: 'n' id { value: 'x' } } }"),
       "must equal update_framework.framework_info.id"},
      {absl::StrCat(kId,
                    "type: ACKNOWLEDGE acknowledge { agent_id { value: 'a' } "
                    "task_id { value: 't' } uuid: 'short' }"),
       "calls[0].acknowledge.uuid: must have 16 bytes, got 5"},
      {absl::StrCat(kId,
                    "type: ACKNOWLEDGE_OPERATION_STATUS acknowledge_operation_status { "
                    "operation_id { value: 'o' } ",
                    kUuid, " }"),
       "calls[0].acknowledge_operation_status.agent_id: must be set"},
      {absl::StrCat(kId,
                    "type: MESSAGE message { agent_id { value: 'a' } executor_id "
                    "{ value: 'e' } data: '",
                    std::string((1 << 20) + 1, 'x'), "' }"),
       "calls[0].message.data: must be at most 1048576 bytes"},
      {absl::StrCat(kId, "type: KILL kill { task_id { value: '\\377' } }"),
       "calls[0].kill.task_id.value: must be UTF-8"},
  };
  for (const auto& c : kCases) EXPECT_THAT(Validate(c.call), HasSubstr(c.expected));
}

TEST(ValidateCall, CountsAreBounded) {
  v1::scheduler::Call call = Parse(absl::StrCat(kId, "type: DECLINE decline {}"));
  for (int i = 0; i < 10'001; ++i) call.mutable_decline()->add_offer_ids()->set_value("o");
  EXPECT_EQ(ValidateCall(call, FieldPath("call")).message(),
            "call.decline.offer_ids: must have at most 10000 entries, got 10001");
}

TEST(ValidatePrincipal, MustBeTheAuthenticatedOne) {
  const auto call =
      Parse("type: SUBSCRIBE subscribe { framework_info { user: 'u' name: 'n' principal: 'p' } }");
  EXPECT_TRUE(ValidatePrincipal(call, std::nullopt, FieldPath()).ok());
  EXPECT_TRUE(ValidatePrincipal(call, "p", FieldPath()).ok());
  EXPECT_EQ(ValidatePrincipal(call, "q", FieldPath()).message(),
            "subscribe.framework_info.principal: must be the authenticated principal");
}

}  // namespace
}  // namespace meros::wire

// What operators order is read, and what is wrong with it is named.
#include "services/master/shell/order_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace meros::master {
namespace {

using ::testing::HasSubstr;

TEST(DecodeCall, OrdersOfOperatorsNameWhatIsWrongWithThem) {
  v1::master::DrainAgentRequest drain;
  EXPECT_THAT(DecodeCall(drain).status().message(), HasSubstr("agent_id.value: "));
  drain.mutable_agent_id()->set_value("a");
  drain.mutable_max_delay()->set_nanoseconds(-1);
  EXPECT_THAT(DecodeCall(drain).status().message(), HasSubstr("max_delay: "));
  drain.mutable_max_delay()->set_nanoseconds(5);
  EXPECT_EQ(DecodeCall(drain)->max_delay, absl::Nanoseconds(5));

  v1::master::KillTaskRequest kill;
  kill.mutable_task_id()->set_value("t");
  kill.set_request_id(std::string(256, 'x'));
  EXPECT_THAT(DecodeCall(kill).status().message(), HasSubstr("request_id: "));
  kill.set_request_id("r");
  EXPECT_EQ(DecodeCall(kill)->task_id, TaskId("t"));
}

}  // namespace
}  // namespace meros::master

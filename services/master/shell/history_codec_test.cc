// What agents remember of ended tasks crosses the wire: what is read is checked, and the question
// asks for what was meant.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "services/master/shell/decode_agent.h"
#include "services/master/shell/encode_agent.h"

namespace meros::master {
namespace {

namespace link = ::meros::agent_link::v1;
using ::testing::HasSubstr;

absl::StatusOr<Input> Decoded(link::AgentMessage message) {
  return DecodeAgentMessage(&message, 7);
}

link::AgentMessage Registration() {
  link::AgentMessage message;
  message.mutable_register_()->set_registration_key("key");
  v1::AgentInfo* info = message.mutable_register_()->mutable_info();
  info->set_hostname("h");
  v1::Resource* cpus = info->add_resources();
  cpus->set_name("cpus");
  cpus->set_type(v1::Value::SCALAR);
  cpus->mutable_scalar()->set_value(4);
  return message;
}

link::EndedSummary* AddSummary(const std::string& framework, link::AgentMessage* message) {
  link::EndedSummary* summary = message->mutable_register_()->add_ended();
  summary->set_framework_id(framework);
  summary->set_tasks(3);
  summary->set_newest(1000.5);
  return summary;
}

v1::Task* AddEnded(const std::string& id, link::AgentMessage* message) {
  v1::Task* task = message->mutable_ended_tasks()->add_tasks();
  task->set_name("name");
  task->mutable_task_id()->set_value(id);
  task->mutable_framework_id()->set_value("f");
  task->mutable_agent_id()->set_value("a");
  task->set_state(v1::TASK_FINISHED);
  task->add_statuses()->set_state(v1::TASK_FINISHED);
  return task;
}

TEST(DecodeHistory, ARegistrationSaysWhatIsRemembered) {
  link::AgentMessage message = Registration();
  AddSummary("f", &message);

  const auto input = Decoded(message);

  ASSERT_TRUE(input.ok()) << input.status();
  const auto& ended = std::get<AgentRegister>(*input).agent.ended;
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].framework_id, FrameworkId("f"));
  EXPECT_EQ(ended[0].tasks, 3u);
  EXPECT_EQ(ended[0].newest, absl::FromUnixMillis(1'000'500));
}

TEST(DecodeHistory, BadSummariesAreRefusedByTheirPath) {
  link::AgentMessage message = Registration();
  AddSummary("f", &message);
  AddSummary("f", &message);
  EXPECT_THAT(Decoded(message).status().message(), HasSubstr("register.ended[1].framework_id"));

  message = Registration();
  AddSummary("a/b", &message);
  EXPECT_THAT(Decoded(message).status().message(), HasSubstr("register.ended[0].framework_id"));

  message = Registration();
  AddSummary("f", &message)->set_newest(std::numeric_limits<double>::infinity());
  EXPECT_THAT(Decoded(message).status().message(), HasSubstr("register.ended[0].newest"));
}

TEST(DecodeHistory, EndedTasksAreThoseOfOneAgent) {
  link::AgentMessage message;
  AddEnded("t", &message);
  message.mutable_ended_tasks()->set_more(true);

  const auto input = Decoded(message);

  ASSERT_TRUE(input.ok()) << input.status();
  const auto& told = std::get<AgentEndedTasks>(*input);
  EXPECT_EQ(told.stream, 7u);
  EXPECT_EQ(told.agent_id, AgentId("a"));
  EXPECT_TRUE(told.more);
  ASSERT_EQ(told.tasks.size(), 1u);
  EXPECT_EQ(told.tasks[0].state, v1::TASK_FINISHED);
  EXPECT_EQ(told.tasks[0].name, "name");

  AddEnded("u", &message)->mutable_agent_id()->set_value("another");
  EXPECT_THAT(Decoded(message).status().message(), HasSubstr("ended_tasks.tasks[1].agent_id"));
}

TEST(DecodeHistory, WhatRunsHasNotEnded) {
  link::AgentMessage message;
  AddEnded("t", &message)->set_state(v1::TASK_RUNNING);

  EXPECT_THAT(Decoded(message).status().message(), HasSubstr("ended_tasks.tasks[0].state"));
}

TEST(EncodeHistory, TheQuestionSaysHowManyAndSinceWhen) {
  SendEndedTasksMessage question;
  question.frameworks.push_back({FrameworkId("f"), 5, absl::InfinitePast()});
  question.frameworks.push_back({FrameworkId("g"), 6, absl::FromUnixMillis(2500)});

  link::MasterMessage message;
  EncodeForAgent(std::move(question), "m", &message);

  ASSERT_EQ(message.send_ended_tasks().frameworks_size(), 2);
  const link::EndedWanted& all = message.send_ended_tasks().frameworks(0);
  EXPECT_EQ(all.framework_id(), "f");
  EXPECT_EQ(all.tasks_max(), 5u);
  EXPECT_EQ(all.ended_after(), 0);
  EXPECT_EQ(message.send_ended_tasks().frameworks(1).ended_after(), 2.5);
}

}  // namespace
}  // namespace meros::master

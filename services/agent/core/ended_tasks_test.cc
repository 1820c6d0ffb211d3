// Goal: what has ended is remembered, the newest within bounds, across restarts, and told to a
// master that asks. Method: the collection alone, and inputs in, effects out, on the model of a
// node.
#include "services/agent/core/ended_tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/agent/core/testing/node_model.h"

namespace meros::agent {
namespace {

namespace link = agent_link::v1;
using testing::ElementsAre;
using testing::IsEmpty;

TaskKey Key(const std::string& framework, const std::string& task) {
  return {FrameworkId(framework), TaskId(task)};
}

// That ended `second` seconds after the epoch.
v1::Task EndedAt(const std::string& task, double second, size_t bytes = 0) {
  v1::Task report;
  report.mutable_task_id()->set_value(task);
  report.set_state(v1::TASK_FINISHED);
  v1::TaskStatus* status = report.add_statuses();
  status->set_state(v1::TASK_FINISHED);
  status->set_timestamp(second);
  status->set_data("what the executor said");
  status->set_message(std::string(bytes, 'x'));
  return report;
}

std::vector<std::string> Ids(const std::vector<link::EndedTasks>& parts) {
  std::vector<std::string> ids;
  for (const link::EndedTasks& part : parts) {
    for (const v1::Task& task : part.tasks()) ids.push_back(task.task_id().value());
  }
  return ids;
}

link::SendEndedTasks Question(const std::string& framework, uint32_t tasks_max,
                              double ended_after = 0) {
  link::SendEndedTasks question;
  link::EndedWanted* wanted = question.add_frameworks();
  wanted->set_framework_id(framework);
  wanted->set_tasks_max(tasks_max);
  wanted->set_ended_after(ended_after);
  return question;
}

TEST(EndedTasks, TheOldestMakeRoom) {
  EndedTasks ended(2);

  EXPECT_THAT(ended.Add(Key("F", "a"), EndedAt("a", 1)), IsEmpty());
  EXPECT_THAT(ended.Add(Key("F", "b"), EndedAt("b", 2)), IsEmpty());
  EXPECT_THAT(ended.Add(Key("F", "c"), EndedAt("c", 3)), ElementsAre(Key("F", "a")));

  ended.CheckInvariants();
  EXPECT_THAT(ended.Keys(), ElementsAre(Key("F", "b"), Key("F", "c")));
}

TEST(EndedTasks, ATaskThatEndsAgainIsRememberedOnce) {
  EndedTasks ended(2);
  ended.Add(Key("F", "a"), EndedAt("a", 1));
  ended.Add(Key("F", "b"), EndedAt("b", 2));

  EXPECT_THAT(ended.Add(Key("F", "a"), EndedAt("a", 3)), IsEmpty());

  ended.CheckInvariants();
  EXPECT_THAT(Ids(ended.Answer(Question("F", 9))), ElementsAre("a", "b"));
}

TEST(EndedTasks, NoneAreKeptWhereNoneShallBe) {
  EndedTasks ended(0);
  EXPECT_THAT(ended.Add(Key("F", "a"), EndedAt("a", 1)), ElementsAre(Key("F", "a")));
  EXPECT_EQ(ended.size(), 0u);
}

TEST(EndedTasks, ARecordOfNoUsableNumberIsTheNewest) {
  EndedTasks ended(9);
  for (const auto& [id, sequence] :
       {std::pair("a", uint64_t{7}), {"b", uint64_t{7}}, {"c", uint64_t{0}}, {"d", ~uint64_t{0}}}) {
    agent_records::v1::EndedTaskRecord record;
    *record.mutable_task() = EndedAt(id, 1);
    record.set_sequence(sequence);
    ended.Restore(Key("F", id), std::move(record));
    ended.CheckInvariants();
  }

  EXPECT_THAT(Ids(ended.Answer(Question("F", 9))), ElementsAre("d", "c", "b", "a"));
}

TEST(EndedTasks, TheirBytesAreBounded) {
  EndedTasks ended(100);
  const size_t third = EndedTasks::kBytesMax / 3;
  ended.Add(Key("F", "a"), EndedAt("a", 1, third));
  ended.Add(Key("F", "b"), EndedAt("b", 2, third));

  EXPECT_THAT(ended.Add(Key("F", "c"), EndedAt("c", 3, third)), ElementsAre(Key("F", "a")));

  ended.CheckInvariants();
}

TEST(EndedTasks, TheSummaryNamesEachFrameworkAndItsNewest) {
  EndedTasks ended(9);
  ended.Add(Key("F", "a"), EndedAt("a", 1));
  ended.Add(Key("G", "b"), EndedAt("b", 2));
  ended.Add(Key("F", "c"), EndedAt("c", 3));
  link::Register out;

  ended.Summarize(&out);

  ASSERT_EQ(out.ended_size(), 2);
  EXPECT_EQ(out.ended(0).framework_id(), "F");
  EXPECT_EQ(out.ended(0).tasks(), 2u);
  EXPECT_EQ(out.ended(0).newest(), 3);
  EXPECT_EQ(out.ended(1).framework_id(), "G");
}

TEST(EndedTasks, TheAnswerIsWhatWasAskedForNewestFirst) {
  EndedTasks ended(9);
  for (int i = 1; i <= 4; ++i) ended.Add(Key("F", absl::StrCat(i)), EndedAt(absl::StrCat(i), i));
  ended.Add(Key("G", "other"), EndedAt("other", 9));

  EXPECT_THAT(Ids(ended.Answer(Question("F", 9))), ElementsAre("4", "3", "2", "1"));
  EXPECT_THAT(Ids(ended.Answer(Question("F", 2))), ElementsAre("4", "3"));
  EXPECT_THAT(Ids(ended.Answer(Question("F", 9, 3))), ElementsAre("4"));
  const auto none = ended.Answer(Question("unknown", 9));
  ASSERT_EQ(none.size(), 1u);
  EXPECT_FALSE(none[0].more());
  EXPECT_FALSE(ended.Answer(Question("F", 1))[0].tasks(0).statuses(0).has_data());
}

TEST(EndedTasks, AnAnswerComesInPartsOfBoundedSize) {
  EndedTasks ended(9);
  for (const char* id : {"a", "b", "c"}) {
    ended.Add(Key("F", id), EndedAt(id, 1, EndedTasks::kPageBytes / 2 - 100));
  }

  const auto parts = ended.Answer(Question("F", 9));

  ASSERT_EQ(parts.size(), 2u);
  EXPECT_TRUE(parts[0].more());
  EXPECT_FALSE(parts[1].more());
  EXPECT_THAT(Ids(parts), ElementsAre("c", "b", "a"));
}

// Tasks "t1" and "t2" of framework F have ended, and their ends are acknowledged.
class RememberingAgent : public testing::Test {
 protected:
  RememberingAgent() : node_(1) {
    node_.acknowledges = true;
    Connect();
    for (const char* task : {"t1", "t2"}) {
      node_.Run(task);
      node_.Advance(absl::Seconds(10));
      node_.ExitContainer(task, 0);
    }
  }
  void Connect() {
    node_.StartAgent();
    node_.ConnectContainerizer();
    node_.ConnectMaster();
  }
  void Restart() {
    node_.CrashAgent();
    node_.said.clear();
    Connect();
  }
  std::vector<std::string> Ask(uint32_t tasks_max) {
    node_.said.clear();
    link::MasterMessage message;
    *message.mutable_send_ended_tasks() = Question("F", tasks_max);
    node_.Say(std::move(message));
    std::vector<link::EndedTasks> parts;
    for (const link::AgentMessage& said : node_.said) {
      if (said.has_ended_tasks()) parts.push_back(said.ended_tasks());
    }
    return Ids(parts);
  }

  NodeModel node_;
};

TEST_F(RememberingAgent, TellsItsNextMasterWhatHasEnded) {
  node_.BreakMaster();
  node_.said.clear();
  node_.ConnectMaster();

  const link::Register& told = node_.said.front().reregister().agent();
  ASSERT_EQ(told.ended_size(), 1);
  EXPECT_EQ(told.ended(0).framework_id(), "F");
  EXPECT_EQ(told.ended(0).tasks(), 2u);
  EXPECT_THAT(Ask(9), ElementsAre("t2", "t1"));
  const v1::Task& newest = node_.said.front().ended_tasks().tasks(0);
  EXPECT_EQ(newest.state(), v1::TASK_FINISHED);
  EXPECT_EQ(newest.agent_id().value(), node_.core().agent_id().value());
  EXPECT_EQ(newest.statuses(0).state(), v1::TASK_FINISHED);
}

TEST_F(RememberingAgent, KnowsItAfterARestartToo) {
  Restart();

  EXPECT_EQ(node_.said.front().reregister().agent().ended(0).tasks(), 2u);
  EXPECT_THAT(Ask(9), ElementsAre("t2", "t1"));
}

TEST_F(RememberingAgent, RemembersFewerWhenItIsToldTo) {
  const size_t records = node_.disk.size();
  node_.options.max_completed_tasks = 1;

  Restart();

  EXPECT_THAT(Ask(9), ElementsAre("t2"));
  EXPECT_EQ(node_.disk.size(), records - 1);
}

TEST_F(RememberingAgent, ARecordThatCannotBeReadIsSetAside) {
  node_.disk[EndedTaskKey(Key("F", "t1"))] = "\xff";

  Restart();

  EXPECT_THAT(Ask(9), ElementsAre("t2"));
}

TEST_F(RememberingAgent, AnAgentThatLeavesTakesItAlong) {
  link::MasterMessage message;
  message.mutable_shutdown()->set_reason("test");

  node_.Say(std::move(message));

  EXPECT_THAT(node_.disk, IsEmpty());
}

}  // namespace
}  // namespace meros::agent

// Pages of long listings: what they show, and how they follow each other.
#include "services/master/view/listing_pages.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/master/view/encode_view.h"
#include "services/master/view/listings.h"
#include "services/master/view/test_view.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

using google::protobuf::util::MessageDifferencer;
using testing::ListAgents;
using testing::ListFrameworks;
using testing::ListTasks;

class ListingPages : public testing::ViewTest {
 protected:
  // Ids of all pages, one after another.
  std::vector<std::string> AllTasks(pb::ListTasksRequest request, PageLimits limits) {
    std::vector<std::string> ids;
    pages_ = 0;
    do {
      const auto page = ListTasks(view_, request, limits);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      for (const auto& task : page->tasks()) ids.push_back(task.task().task_id().value());
      request.set_page_token(page->next_page_token());
      ++pages_;
    } while (!request.page_token().empty());
    return ids;
  }

  int pages_ = 0;
};

TEST_F(ListingPages, CoverEverythingOnceInOrder) {
  AddFramework("f");
  std::vector<std::string> all;
  for (int i = 0; i < 25; ++i) {
    all.push_back(absl::StrFormat("t%02d", i));
    AddTask("f", all.back(), i + 1);
  }
  pb::ListTasksRequest request;
  request.set_page_size(10);

  EXPECT_EQ(AllTasks(request, {}), all);

  EXPECT_EQ(pages_, 3);
}

TEST_F(ListingPages, EndAtTheirBytes) {
  AddFramework("f");
  for (int i = 0; i < 25; ++i) AddTask("f", absl::StrFormat("t%02d", i), i + 1);

  // A task is taken to have 512 bytes and more, and has less than 200.
  EXPECT_EQ(AllTasks({}, {.bytes_max = 5000}).size(), 25u);
  EXPECT_EQ(pages_, 3);
  EXPECT_EQ(AllTasks({}, {.bytes_max = 1}).size(), 25u);
  EXPECT_EQ(pages_, 25);
}

TEST_F(ListingPages, RowsThatTurnOutTooLargeAreLeftToTheNext) {
  for (int i = 0; i < 4; ++i) {
    auto record = std::make_shared<AgentRecord>();
    record->id = AgentId(absl::StrCat("a", i));
    record->state = AgentState::kRegistered;
    auto info = std::make_shared<v1::AgentInfo>();
    info->set_hostname(std::string(10000, 'h'));
    record->info = info;
    Apply(std::shared_ptr<const AgentRecord>(record));
  }

  const auto page = ListAgents(view_, {}, {.bytes_max = 15000});

  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->agents_size(), 2);
  EXPECT_EQ(page->next_page_token(), "a1");
}

TEST_F(ListingPages, EndWhenEnoughWasLookedAtThoughNothingMatches) {
  AddFramework("f");
  for (int i = 0; i < 25; ++i) AddTask("f", absl::StrFormat("t%02d", i), i + 1);
  AddTask("f", "t99", 26, v1::TASK_FAILED);
  pb::ListTasksRequest request;
  request.add_states(v1::TASK_FAILED);

  const auto first = ListTasks(view_, request, {.examined_max = 10});

  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->tasks_size(), 0);
  EXPECT_THAT(AllTasks(request, {.examined_max = 10}), ::testing::ElementsAre("t99"));
  EXPECT_EQ(pages_, 3);
}

TEST_F(ListingPages, ShowWhatWasWhenTheyWereTaken) {
  AddAgent("a0");
  AddFramework("f");
  AddTask("f", "t1", 1);
  AddTask("f", "t2", 2);
  const auto page = TakePage(view_, pb::ListTasksRequest());
  ASSERT_TRUE(page.ok()) << page.status();
  const uint64_t then = revision_;

  AddTask("f", "t1", 1, v1::TASK_FAILED);
  Apply(TaskRemoved{FrameworkId("f"), TaskId("t2"), 2});
  Apply(AgentRemoved{AgentId("a0")});
  Apply(FrameworkRemoved{FrameworkId("f")});
  pb::ListTasksResponse shown;
  ASSERT_TRUE(shown.ParseFromString(Pack(*page)));

  EXPECT_EQ(shown.revision(), then);
  ASSERT_EQ(shown.tasks_size(), 2);
  EXPECT_EQ(shown.tasks(0).task().state(), v1::TASK_RUNNING);
  EXPECT_EQ(shown.tasks(0).agent_hostname(), "host-a0");
  EXPECT_EQ(shown.tasks(1).framework_name(), "name-f");
}

v1::TaskInfo ALaunchThatSaysEverything() {
  v1::TaskInfo launched;
  launched.mutable_labels()->add_labels()->set_key("tier");
  launched.mutable_discovery()->set_name("web");
  launched.mutable_container()->set_type(v1::ContainerInfo::MESOS);
  launched.mutable_health_check()->set_delay_seconds(3);
  launched.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(7);
  launched.mutable_command()->set_user("nobody");
  (*launched.mutable_limits())["cpus"].set_value(2);
  return launched;
}

// Every field that a task can show, against what it was made of.
TEST_F(ListingPages, ATaskIsPackedWhole) {
  AddAgent("a0");
  AddFramework("f");
  const v1::TaskInfo launched = ALaunchThatSaysEverything();
  TaskFacts facts;
  facts.sequence = 9;
  facts.id = TaskId("t");
  facts.framework_id = Shared<FrameworkId>(FrameworkId("f"));
  facts.agent_id = Shared<AgentId>(AgentId("a0"));
  facts.executor_id = Shared<ExecutorId>(ExecutorId("e"));
  facts.role = Shared<std::string>("eng");
  facts.resources = Shared<resources::Resources>(resources::Resources::Of(1, 64));
  facts.name = Shared<std::string>("web");
  facts.description = Shared<std::string>(DescribeTask(launched));
  facts.entered = absl::FromUnixSeconds(1700000000);
  Task task{Shared<TaskFacts>(std::move(facts))};
  task.state = v1::TASK_RUNNING;
  task.forwarded_state = v1::TASK_STARTING;
  task.forwarded_uuid = UpdateUuid("0123456789abcdef");
  v1::TaskStatus status;
  status.set_state(v1::TASK_STARTING);
  status.set_message("pulling");
  task.statuses.Add(status);
  Apply(TaskChanged{task, /*completed=*/true});
  pb::TaskView expected;
  expected.set_agent_hostname("host-a0");
  expected.set_agent_service_address("");
  expected.set_completed(true);
  expected.set_launched_time(1700000000);
  expected.set_framework_name("name-f");
  expected.set_sequence(9);
  v1::Task* shown = expected.mutable_task();
  shown->set_name("web");
  shown->mutable_task_id()->set_value("t");
  shown->mutable_framework_id()->set_value("f");
  shown->mutable_executor_id()->set_value("e");
  shown->mutable_agent_id()->set_value("a0");
  shown->set_state(v1::TASK_RUNNING);
  for (const auto& [name, amount] : {std::pair("cpus", 1.0), std::pair("mem", 64.0)}) {
    v1::Resource* resource = shown->add_resources();
    resource->set_name(name);
    resource->set_type(v1::Value::SCALAR);
    resource->mutable_scalar()->set_value(amount);
    resource->mutable_allocation_info()->set_role("eng");
  }
  *shown->add_statuses() = status;
  shown->set_status_update_state(v1::TASK_STARTING);
  shown->set_status_update_uuid("0123456789abcdef");
  *shown->mutable_labels() = launched.labels();
  *shown->mutable_discovery() = launched.discovery();
  *shown->mutable_container() = launched.container();
  *shown->mutable_health_check() = launched.health_check();
  *shown->mutable_kill_policy() = launched.kill_policy();
  shown->set_user("nobody");
  *shown->mutable_limits() = launched.limits();
  pb::ListTasksRequest request;
  request.set_include_completed(true);

  const auto page = ListTasks(view_, request);

  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->tasks_size(), 1);
  EXPECT_EQ(page->tasks(0).DebugString(), expected.DebugString());
  EXPECT_TRUE(MessageDifferencer::Equals(page->tasks(0), expected));
}

// What is packed in pages and what is shown one at a time is the same.
TEST_F(ListingPages, ShowAgentsAndFrameworksAsTheyAreShownAlone) {
  AddAgent("a0");
  AddFramework("f", FrameworkState::kConnected, {"eng"});
  AddTask("f", "t", 1);
  pb::GetAgentRequest agent;
  agent.mutable_agent_id()->set_value("a0");
  pb::GetFrameworkRequest framework;
  framework.mutable_framework_id()->set_value("f");

  EXPECT_TRUE(MessageDifferencer::Equals(ListAgents(view_, {})->agents(0),
                                         GetAgent(view_, agent)->agent()));
  EXPECT_TRUE(MessageDifferencer::Equals(ListFrameworks(view_, {})->frameworks(0),
                                         GetFramework(view_, framework)->framework()));
}

TEST_F(ListingPages, FiltersMustAllMatch) {
  AddFramework("f");
  AddFramework("g");
  AddTask("f", "t1", 1);
  AddTask("f", "t2", 2, v1::TASK_FAILED, /*completed=*/true);
  AddTask("g", "t1", 3, v1::TASK_RUNNING, false, "a1");

  pb::ListTasksRequest request;
  request.mutable_framework_id()->set_value("f");
  EXPECT_EQ(ListTasks(view_, request)->tasks_size(), 1);
  request.set_include_completed(true);
  EXPECT_EQ(ListTasks(view_, request)->tasks_size(), 2);
  request.add_states(v1::TASK_FAILED);
  EXPECT_EQ(ListTasks(view_, request)->tasks_size(), 1);
  request.mutable_agent_id()->set_value("a1");
  EXPECT_EQ(ListTasks(view_, request)->tasks_size(), 0);
}

TEST_F(ListingPages, AgentsThatAreNotDurableYetAreNotShown) {
  AddAgent("a0", AgentState::kAdmitting);
  AddAgent("a1", AgentState::kDisconnected);

  auto agents = ListAgents(view_, {});

  ASSERT_EQ(agents->agents_size(), 1);
  EXPECT_EQ(agents->agents(0).info().id().value(), "a1");
  EXPECT_EQ(agents->agents(0).state(), pb::AgentView::DISCONNECTED);
  pb::GetAgentRequest request;
  request.mutable_agent_id()->set_value("a0");
  EXPECT_TRUE(absl::IsNotFound(GetAgent(view_, request).status()));
}

TEST_F(ListingPages, CompletedFrameworksAreShownOnlyWhenAskedFor) {
  AddFramework("f");
  AddFramework("g", FrameworkState::kCompleted);

  EXPECT_EQ(ListFrameworks(view_, {})->frameworks_size(), 1);
  pb::ListFrameworksRequest request;
  request.add_states(pb::FrameworkView::COMPLETED);
  EXPECT_EQ(ListFrameworks(view_, request)->frameworks(0).info().id().value(), "g");
}

TEST_F(ListingPages, NonsenseIsRefused) {
  pb::ListTasksRequest request;
  request.set_page_size(kMaxPageSize + 1);
  EXPECT_TRUE(absl::IsInvalidArgument(ListTasks(view_, request).status()));
  request.set_page_size(1);
  request.set_page_token("what");
  EXPECT_TRUE(absl::IsInvalidArgument(ListTasks(view_, request).status()));
  request.set_page_token("1/g/t");
  request.mutable_framework_id()->set_value("f");
  EXPECT_TRUE(absl::IsInvalidArgument(ListTasks(view_, request).status()));
}

}  // namespace
}  // namespace meros::master

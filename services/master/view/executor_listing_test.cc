// Custom executors of a view that was fed with published changes.
#include "services/master/view/executor_listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/view/test_view.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ExecutorListing : public testing::ViewTest {
 protected:
  void AddExecutor(const std::string& agent, const std::string& framework, const std::string& id) {
    auto info = std::make_shared<v1::ExecutorInfo>();
    info->mutable_executor_id()->set_value(id);
    Apply(ExecutorAdded{AgentId(agent), FrameworkId(framework), ExecutorId(id), std::move(info)});
  }
  std::vector<std::string> Ids(const pb::ListExecutorsRequest& request) {
    const auto response = ListExecutors(view_, request);
    EXPECT_TRUE(response.ok()) << response.status();
    std::vector<std::string> ids;
    for (const auto& executor : response->executors()) {
      ids.push_back(executor.info().executor_id().value());
    }
    return ids;
  }
};

TEST_F(ExecutorListing, ShowsWhereTheyRunAndForWhom) {
  AddAgent("a0");
  AddFramework("f");
  AddExecutor("a0", "f", "e");

  const auto response = ListExecutors(view_, {});

  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->executors_size(), 1);
  const pb::ExecutorView& executor = response->executors(0);
  EXPECT_EQ(executor.info().framework_id().value(), "f");
  EXPECT_EQ(executor.agent_id().value(), "a0");
  EXPECT_EQ(executor.agent_hostname(), "host-a0");
  EXPECT_EQ(executor.framework_name(), "name-f");
  EXPECT_EQ(response->revision(), view_.revision());
}

TEST_F(ExecutorListing, FiltersByFrameworkAndAgent) {
  AddExecutor("a0", "f", "e1");
  AddExecutor("a0", "g", "e2");
  AddExecutor("a1", "f", "e3");
  pb::ListExecutorsRequest request;

  EXPECT_THAT(Ids(request), ElementsAre("e1", "e2", "e3"));
  request.mutable_framework_id()->set_value("f");
  EXPECT_THAT(Ids(request), ElementsAre("e1", "e3"));
  request.mutable_agent_id()->set_value("a1");
  EXPECT_THAT(Ids(request), ElementsAre("e3"));
}

TEST_F(ExecutorListing, PagesAreWholeAndInOrder) {
  for (const char* id : {"e1", "e2", "e3"}) AddExecutor("a0", "f", id);
  pb::ListExecutorsRequest request;
  request.set_page_size(2);
  const auto first = ListExecutors(view_, request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->executors_size(), 2);

  request.set_page_token(first->next_page_token());
  const auto second = ListExecutors(view_, request);

  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_EQ(second->executors_size(), 1);
  EXPECT_EQ(second->executors(0).info().executor_id().value(), "e3");
  EXPECT_EQ(second->next_page_token(), "");
}

TEST_F(ExecutorListing, RefusesWhatItDidNotGive) {
  pb::ListExecutorsRequest request;
  request.set_page_token("nonsense");
  EXPECT_TRUE(absl::IsInvalidArgument(ListExecutors(view_, request).status()));
  request.clear_page_token();
  request.mutable_agent_id()->set_value("a/b");
  EXPECT_TRUE(absl::IsInvalidArgument(ListExecutors(view_, request).status()));
}

TEST_F(ExecutorListing, ThoseThatEndedAreGone) {
  AddExecutor("a0", "f", "e");
  Apply(ExecutorRemoved{AgentId("a0"), FrameworkId("f"), ExecutorId("e")});

  EXPECT_THAT(Ids({}), IsEmpty());
}

}  // namespace
}  // namespace meros::master

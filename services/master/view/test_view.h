// A view that is fed with published changes, for tests of what is made of it.
//
// Thread rule: thread-compatible.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "services/master/view/cluster_view.h"
#include "services/master/view/listing_pages.h"

namespace meros::master::testing {

// The response that a caller gets.
template <typename Response, typename Request>
absl::StatusOr<Response> PageOf(const ClusterView& view, const Request& request,
                                PageLimits limits = {}) {
  auto page = TakePage(view, request, limits);
  if (!page.ok()) return page.status();
  Response response;
  EXPECT_TRUE(response.ParseFromString(Pack(*page, limits)));
  return response;
}

inline absl::StatusOr<v1::master::ListAgentsResponse> ListAgents(
    const ClusterView& view, const v1::master::ListAgentsRequest& request, PageLimits limits = {}) {
  return PageOf<v1::master::ListAgentsResponse>(view, request, limits);
}
inline absl::StatusOr<v1::master::ListFrameworksResponse> ListFrameworks(
    const ClusterView& view, const v1::master::ListFrameworksRequest& request,
    PageLimits limits = {}) {
  return PageOf<v1::master::ListFrameworksResponse>(view, request, limits);
}
inline absl::StatusOr<v1::master::ListTasksResponse> ListTasks(
    const ClusterView& view, const v1::master::ListTasksRequest& request, PageLimits limits = {}) {
  return PageOf<v1::master::ListTasksResponse>(view, request, limits);
}

class ViewTest : public ::testing::Test {
 protected:
  void Apply(Publish::Change change) { view_.Apply(Publish{++revision_, std::move(change)}); }

  void AddAgent(const std::string& id, AgentState state = AgentState::kRegistered) {
    auto record = std::make_shared<AgentRecord>();
    record->id = AgentId(id);
    record->state = state;
    auto info = std::make_shared<v1::AgentInfo>();
    info->set_hostname("host-" + id);
    record->info = info;
    record->total = resources::Resources::Of(4, 1024);
    Apply(std::shared_ptr<const AgentRecord>(record));
  }
  void AddFramework(const std::string& id, FrameworkState state = FrameworkState::kConnected,
                    std::vector<std::string> roles = {"*"}) {
    auto record = std::make_shared<FrameworkRecord>();
    record->id = FrameworkId(id);
    record->state = state;
    auto info = std::make_shared<v1::FrameworkInfo>();
    info->set_name("name-" + id);
    record->subscription.info = info;
    record->subscription.roles = std::move(roles);
    Apply(std::shared_ptr<const FrameworkRecord>(record));
  }
  void AddTask(const std::string& framework, const std::string& id, uint64_t sequence,
               v1::TaskState state = v1::TASK_RUNNING, bool completed = false,
               const std::string& agent = "a0") {
    TaskFacts facts;
    facts.sequence = sequence;
    facts.id = TaskId(id);
    facts.framework_id = Shared<FrameworkId>(FrameworkId(framework));
    facts.agent_id = Shared<AgentId>(AgentId(agent));
    facts.role = Shared<std::string>("*");
    facts.name = Shared<std::string>("name-" + id);
    v1::TaskInfo info;
    info.mutable_labels()->add_labels()->set_key("label-" + id);
    facts.description = Shared<std::string>(DescribeTask(info));
    Task task{Shared<TaskFacts>(std::move(facts))};
    task.state = state;
    Apply(TaskChanged{std::move(task), completed});
  }

  ClusterView view_;
  uint64_t revision_ = 0;
};

}  // namespace meros::master::testing

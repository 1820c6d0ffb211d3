// An honest framework and an honest agent beside those who are not: whether tasks are launched on
// one after another is whether the others harm anybody but themselves.
//
// Thread rule: thread-compatible.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/master/shell/test_master.h"

namespace meros::master::testing {

class HonestPair : public MasterOverGrpc {
 protected:
  void SetUp() override {
    ASSERT_EQ(AwaitState("LEADING"), "LEADING");
    agent_ = Agent();
    agent_id_ = Register(agent_.get(), "honest-key");
    scheduler_ = Scheduler();
    framework_ = Subscribe(scheduler_.get());
    ASSERT_FALSE(framework_.empty());
  }

  // A connection of its own, whose streams take 64 KiB that nobody reads, and no more.
  std::shared_ptr<grpc::Channel> OwnChannel() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 64 << 10);
    return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", shell_->port()),
                                     grpc::InsecureChannelCredentials(), arguments);
  }

  // The honest framework launches a task on the honest agent, hears that it runs and that it ends.
  // `label` is one of the task's.
  void LaunchOne(const std::string& label = "") {
    const std::string id = absl::StrCat("t", ++launches_);
    const v1::Offer offer = AwaitOffer(scheduler_.get());
    EXPECT_EQ(offer.agent_id().value(), agent_id_);
    sched::Calls frame;
    *frame.add_calls() = LaunchOf(framework_, offer, id, 1);
    sched::Call::Accept* accept = frame.mutable_calls(0)->mutable_accept();
    accept->mutable_filters()->set_refuse_seconds(0);
    v1::TaskInfo* task = accept->mutable_operations(0)->mutable_launch()->mutable_task_infos(0);
    if (!label.empty()) task->mutable_labels()->add_labels()->set_key(label);
    EXPECT_TRUE(scheduler_->Write(frame));
    EXPECT_TRUE(agent_->Await([](const auto& m) { return m.has_run_tasks(); }).has_value());
    for (v1::TaskState state : {v1::TASK_RUNNING, v1::TASK_FINISHED}) {
      agent_->Write(UpdateOf(framework_, id, state));
      const auto update = scheduler_->Await([](const auto& e) { return e.has_update(); });
      EXPECT_TRUE(update.has_value());
      if (!update.has_value()) break;
      EXPECT_EQ(update->update().status().task_id().value(), id);
      EXPECT_EQ(update->update().status().state(), state);
      Acknowledge(id);
      EXPECT_TRUE(agent_->Await([](const auto& m) { return m.has_acknowledge(); }).has_value());
    }
  }

  // Effects are counted when they are applied, which may be after their reader has seen them.
  ::testing::AssertionResult Counted(const std::string& line) {
    std::string metrics;
    const bool is_counted = meros::testing::Eventually(absl::Seconds(60), [&] {
      metrics = metrics_->Serialize();
      return absl::StrContains(metrics, absl::StrCat(line, "\n"));
    });
    if (is_counted) return ::testing::AssertionSuccess();
    const size_t found = metrics.find(absl::StrCat("\n", line.substr(0, line.rfind(' '))));
    return ::testing::AssertionFailure()
           << "instead of " << line << ": "
           << (found == std::string::npos ? "nothing" : metrics.substr(found + 1, line.size() + 8));
  }

  // The ids of those in this state; without one of those that have not ended.
  std::vector<std::string> Frameworks(
      ops::FrameworkView::State state = ops::FrameworkView::STATE_UNSPECIFIED) {
    std::vector<std::string> ids;
    ops::ListFrameworksRequest request;
    if (state != ops::FrameworkView::STATE_UNSPECIFIED) request.add_states(state);
    do {
      ops::ListFrameworksResponse listed;
      grpc::ClientContext context;
      const grpc::Status status = operators_->ListFrameworks(&context, request, &listed);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const auto& framework : listed.frameworks())
        ids.push_back(framework.info().id().value());
      request.set_page_token(listed.next_page_token());
    } while (!request.page_token().empty());
    return ids;
  }

  // Of a framework that is removed with its stream.
  static sched::Calls SubscriptionOf(const std::string& name) {
    sched::Calls frame;
    sched::Call* call = frame.add_calls();
    call->set_type(sched::Call::SUBSCRIBE);
    call->mutable_subscribe()->mutable_framework_info()->set_name(name);
    call->mutable_subscribe()->mutable_framework_info()->set_user("nobody");
    return frame;
  }

  void Acknowledge(const std::string& task) {
    sched::Calls frame;
    sched::Call* call = frame.add_calls();
    call->set_type(sched::Call::ACKNOWLEDGE);
    call->mutable_framework_id()->set_value(framework_);
    call->mutable_acknowledge()->mutable_agent_id()->set_value(agent_id_);
    call->mutable_acknowledge()->mutable_task_id()->set_value(task);
    call->mutable_acknowledge()->set_uuid("0123456789abcdef");
    EXPECT_TRUE(scheduler_->Write(frame));
  }

  std::unique_ptr<AgentPeer> agent_;
  std::unique_ptr<SchedulerPeer> scheduler_;
  std::string agent_id_;
  std::string framework_;
  int launches_ = 0;
};

}  // namespace meros::master::testing

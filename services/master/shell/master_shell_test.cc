// The whole master over gRPC, between fakes of its neighbours: what frameworks, agents and
// operators get.
#include "services/master/shell/master_shell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "libs/testing/process.h"
#include "services/master/shell/test_master.h"

namespace meros::master {
namespace {

namespace link = ::meros::agent_link::v1;
namespace sched = ::meros::v1::scheduler;
namespace ops = ::meros::v1::master;

using ::testing::HasSubstr;
using testing::MasterOverGrpc;
using testing::SchedulerPeer;

TEST_F(MasterOverGrpc, ATaskLivesAndIsListed) {
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");
  auto agent = Agent();
  const std::string agent_id = Register(agent.get(), "key");
  auto scheduler = Scheduler();
  const std::string framework = Subscribe(scheduler.get());
  const v1::Offer offer = AwaitOffer(scheduler.get());
  ASSERT_EQ(offer.agent_id().value(), agent_id);

  sched::Calls frame;
  *frame.add_calls() = LaunchOf(framework, offer, "t", 1);
  scheduler->Write(frame);
  auto run = agent->Await([](const auto& m) { return m.has_run_tasks(); });
  ASSERT_TRUE(run.has_value());
  EXPECT_EQ(run->run_tasks().framework().id().value(), framework);
  EXPECT_EQ(run->run_tasks().tasks(0).resources(0).allocation_info().role(), "*");

  agent->Write(UpdateOf(framework, "t", v1::TASK_RUNNING));
  auto update = scheduler->Await([](const auto& e) { return e.has_update(); });
  ASSERT_TRUE(update.has_value());
  EXPECT_EQ(update->update().status().state(), v1::TASK_RUNNING);

  // Who has seen an effect sees it in a listing.
  ops::ListTasksResponse tasks;
  grpc::ClientContext list_context;
  ASSERT_TRUE(operators_->ListTasks(&list_context, {}, &tasks).ok());
  ASSERT_EQ(tasks.tasks_size(), 1);
  EXPECT_EQ(tasks.tasks(0).task().state(), v1::TASK_RUNNING);
  EXPECT_EQ(tasks.tasks(0).agent_hostname(), "host");
  EXPECT_EQ(tasks.tasks(0).framework_name(), "test");

  sched::CallRequest acknowledge;
  acknowledge.mutable_call()->set_type(sched::Call::ACKNOWLEDGE);
  acknowledge.mutable_call()->mutable_framework_id()->set_value(framework);
  acknowledge.mutable_call()->mutable_acknowledge()->mutable_agent_id()->set_value(agent_id);
  acknowledge.mutable_call()->mutable_acknowledge()->mutable_task_id()->set_value("t");
  acknowledge.mutable_call()->mutable_acknowledge()->set_uuid("0123456789abcdef");
  sched::CallResponse done;
  grpc::ClientContext call_context;
  ASSERT_TRUE(schedulers_->Call(&call_context, acknowledge, &done).ok());
  EXPECT_TRUE(agent->Await([](const auto& m) { return m.has_acknowledge(); }).has_value());
}

TEST_F(MasterOverGrpc, WatchShowsASnapshotThenChangesAndResumes) {
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");
  auto scheduler = Scheduler();
  const std::string framework = Subscribe(scheduler.get());

  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(90));
  auto watch = operators_->Watch(&context, {});
  ops::WatchResponse frame;
  bool found = false;
  do {
    ASSERT_TRUE(watch->Read(&frame));
    for (const auto& event : frame.events())
      found |= event.framework().info().id().value() == framework;
  } while (!frame.snapshot_end());
  EXPECT_TRUE(found);
  const std::string token = frame.resume_token();

  auto agent = Agent();
  const std::string agent_id = Register(agent.get(), "key");
  auto read_until_agent = [&](grpc::ClientReader<ops::WatchResponse>* reader) {
    ops::WatchResponse change;
    while (reader->Read(&change)) {
      for (const auto& event : change.events()) {
        if (event.agent().state() == ops::AgentView::CONNECTED) return true;
      }
    }
    return false;
  };
  EXPECT_TRUE(read_until_agent(watch.get()));

  ops::WatchRequest resume;
  resume.set_resume_token(token);
  grpc::ClientContext again_context;
  again_context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(90));
  auto again = operators_->Watch(&again_context, resume);
  EXPECT_TRUE(read_until_agent(again.get()));

  ops::WatchRequest foreign;
  foreign.set_resume_token("another-master/1");
  grpc::ClientContext foreign_context;
  auto refused = operators_->Watch(&foreign_context, foreign);
  EXPECT_FALSE(refused->Read(&frame));
  EXPECT_EQ(refused->Finish().error_code(), grpc::StatusCode::OUT_OF_RANGE);
  context.TryCancel();
  again_context.TryCancel();
}

TEST_F(MasterOverGrpc, BadTasksAreAnsweredWithAReasonAndHurtNobody) {
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");
  auto agent = Agent();
  Register(agent.get(), "key");
  auto scheduler = Scheduler();
  const std::string framework = Subscribe(scheduler.get());
  const v1::Offer offer = AwaitOffer(scheduler.get());
  auto launch = [&](const std::string& id, double cpus) {
    sched::Calls frame;
    *frame.add_calls() = LaunchOf(framework, offer, id, cpus);
    scheduler->Write(frame);
    auto update = scheduler->Await([](const auto& e) { return e.has_update(); });
    return update.has_value() ? update->update().status() : v1::TaskStatus();
  };

  const v1::TaskStatus nan = launch("nan", std::numeric_limits<double>::quiet_NaN());
  const v1::TaskStatus stale = launch("stale", 1);

  EXPECT_EQ(nan.state(), v1::TASK_ERROR);
  EXPECT_THAT(nan.message(), HasSubstr("scalar"));
  EXPECT_EQ(stale.state(), v1::TASK_DROPPED);
  EXPECT_EQ(stale.reason(), v1::TaskStatus::REASON_INVALID_OFFERS);
}

TEST_F(MasterOverGrpc, BadCallsOfSchedulersEndTheirStreamWithAReason) {
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");
  auto stranger = Scheduler();
  v1::Offer offer;
  offer.mutable_id()->set_value("o");
  offer.mutable_agent_id()->set_value("a");
  sched::Calls unknown;
  *unknown.add_calls() = LaunchOf("nobody", offer, "t", 1);
  stranger->Write(unknown);
  const grpc::Status not_known = stranger->End();
  EXPECT_EQ(not_known.error_code(), grpc::StatusCode::NOT_FOUND) << not_known.error_message();

  auto incomplete = Scheduler();
  sched::Calls frame;
  frame.add_calls()->set_type(sched::Call::SUBSCRIBE);
  incomplete->Write(frame);
  const grpc::Status status = incomplete->End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("calls[0]"));

  sched::CallRequest request;
  request.mutable_call()->set_type(sched::Call::REVIVE);
  request.mutable_call()->mutable_framework_id()->set_value("nobody");
  sched::CallResponse response;
  grpc::ClientContext context;
  EXPECT_EQ(schedulers_->Call(&context, request, &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(MasterOverGrpc, BadMessagesOfAgentsEndTheirStreamWithAReason) {
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");
  auto keyless = Agent();
  link::AgentFrame frame;
  frame.add_messages()->mutable_register_()->mutable_info()->set_hostname("h");
  keyless->Write(frame);
  EXPECT_EQ(keyless->End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  auto empty = Agent();
  link::AgentFrame nothing;
  nothing.add_messages();
  empty->Write(nothing);
  EXPECT_EQ(empty->End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(MasterOverGrpc, BadRequestsOfOperatorsAreRefused) {
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");
  ops::ListTasksRequest request;
  request.set_page_size(1000000);
  ops::ListTasksResponse tasks;
  grpc::ClientContext tasks_context;
  EXPECT_EQ(operators_->ListTasks(&tasks_context, request, &tasks).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  ops::UpdateQuotaResponse quota;
  grpc::ClientContext quota_context;
  EXPECT_EQ(operators_->UpdateQuota(&quota_context, {}, &quota).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  ops::DrainAgentResponse drain;
  grpc::ClientContext drain_context;
  EXPECT_EQ(operators_->DrainAgent(&drain_context, {}, &drain).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  ops::StartMaintenanceResponse maintenance;
  grpc::ClientContext maintenance_context;
  EXPECT_EQ(operators_->StartMaintenance(&maintenance_context, {}, &maintenance).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  ops::TeardownResponse teardown;
  grpc::ClientContext teardown_context;
  EXPECT_EQ(operators_->Teardown(&teardown_context, {}, &teardown).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(AwaitState("LEADING"), "LEADING");
}

TEST_F(MasterOverGrpc, AnotherLeaderEndsTheStreamsAndIsNamed) {
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");
  auto scheduler = Scheduler();
  Subscribe(scheduler.get());
  v1::MasterInfo other;
  other.set_pid("other:7050");

  registry_.GiveLeaseTo("other", other.SerializeAsString());

  // A refused write may tell of the end before the registry has named the new leader.
  EXPECT_EQ(scheduler->End().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  std::string refusal;
  meros::testing::Eventually(absl::Seconds(60), [&] {
    ops::ListAgentsResponse response;
    grpc::ClientContext context;
    refusal = operators_->ListAgents(&context, {}, &response).error_message();
    return refusal.find("leader=other:7050") != std::string::npos;
  });
  EXPECT_THAT(refusal, HasSubstr("leader=other:7050"));
  auto again = Scheduler();
  sched::Calls frame;
  sched::Call* call = frame.add_calls();
  call->set_type(sched::Call::REVIVE);
  call->mutable_framework_id()->set_value("f");
  again->Write(frame);
  const grpc::Status ended = again->End();
  EXPECT_THAT(ended.error_message(), HasSubstr("leader=other:7050"));
  EXPECT_THAT(ended.error_details(), HasSubstr("NOT_LEADING")) << "for programs";
}

TEST_F(MasterOverGrpc, ARegistryThatIsAwayCostsAPauseAndNothingElse) {
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");
  auto agent = Agent();
  Register(agent.get(), "key");
  auto scheduler = Scheduler();
  const std::string framework = Subscribe(scheduler.get());
  const v1::Offer offer = AwaitOffer(scheduler.get());

  registry_.SetAway(true);
  ASSERT_EQ(AwaitState("FENCED"), "FENCED");
  sched::Calls frame;
  *frame.add_calls() = LaunchOf(framework, offer, "t", 1);
  scheduler->Write(frame);
  registry_.SetAway(false);

  EXPECT_TRUE(agent->Await([](const auto& m) { return m.has_run_tasks(); }).has_value());
}

TEST_F(MasterOverGrpc, ARestartedMasterKnowsItsAgentsAndFrameworks) {
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");
  auto agent = Agent();
  const std::string agent_id = Register(agent.get(), "key");
  auto scheduler = Scheduler();
  const std::string framework = Subscribe(scheduler.get());
  ASSERT_TRUE(
      meros::testing::Eventually(absl::Seconds(60), [&] { return registry_.records() >= 2; }));
  shell_.reset();
  EXPECT_EQ(scheduler->End().error_code(), grpc::StatusCode::UNAVAILABLE);

  StartMaster();
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");

  auto again = Agent();
  EXPECT_EQ(Register(again.get(), "key"), agent_id);
  auto scheduler_again = Scheduler();
  EXPECT_EQ(Subscribe(scheduler_again.get(), framework), framework);
}

}  // namespace
}  // namespace meros::master

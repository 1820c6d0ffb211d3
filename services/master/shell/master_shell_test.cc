// The whole master over gRPC, between fakes of its neighbours: what frameworks, agents and
// operators get.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>

#include <grpcpp/create_channel.h>

#include "absl/strings/str_cat.h"
#include "libs/testing/process.h"
#include "meros/agent_link/v1/agent_link.grpc.pb.h"
#include "meros/v1/master/master_service.grpc.pb.h"
#include "meros/v1/scheduler/scheduler_service.grpc.pb.h"
#include "services/master/shell/master_shell.h"
#include "services/master/shell/testing_neighbours.h"

namespace meros::master {
namespace {

using ::testing::HasSubstr;

namespace link = ::meros::agent_link::v1;
namespace sched = ::meros::v1::scheduler;
namespace ops = ::meros::v1::master;

// A stream of frames whose items are taken one at a time; a deadline on the context keeps a broken
// test from hanging.
template <typename Stub, typename Out, typename In, typename Item>
class Peer {
 public:
  template <typename Open, typename Items>
  Peer(Open open, Items items) : items_(items) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    stream_ = open(&context_);
  }
  ~Peer() { context_.TryCancel(); }

  bool Write(const Out& frame) { return stream_->Write(frame); }
  // The next item for which `wanted` holds; nullopt when the stream ended first.
  template <typename Wanted>
  std::optional<Item> Await(Wanted wanted) {
    while (true) {
      while (!queue_.empty()) {
        Item item = std::move(queue_.front());
        queue_.pop_front();
        if (wanted(item)) return item;
      }
      In frame;
      if (!stream_->Read(&frame)) return std::nullopt;
      for (auto& item : *items_(&frame)) queue_.push_back(std::move(item));
    }
  }
  grpc::Status End() {
    In frame;
    while (stream_->Read(&frame)) {
    }
    return stream_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<Out, In>> stream_;
  std::function<google::protobuf::RepeatedPtrField<Item>*(In*)> items_;
  std::deque<Item> queue_;
};

using AgentPeer =
    Peer<link::AgentLinkService::Stub, link::AgentFrame, link::MasterFrame, link::MasterMessage>;
using SchedulerPeer =
    Peer<sched::SchedulerService::Stub, sched::Calls, sched::Events, sched::Event>;

void AddScalar(const std::string& name, double value,
               google::protobuf::RepeatedPtrField<v1::Resource>* out) {
  v1::Resource* resource = out->Add();
  resource->set_name(name);
  resource->set_type(v1::Value::SCALAR);
  resource->mutable_scalar()->set_value(value);
}

class MasterOverGrpc : public ::testing::Test {
 protected:
  MasterOverGrpc()
      : registry_server_(Serve({&registry_})), allocator_server_(Serve({&allocator_})) {
    config_.address = "127.0.0.1:0";
    config_.tls.insecure = true;
    config_.registry = {absl::StrCat("127.0.0.1:", registry_server_->port(0))};
    config_.allocator = absl::StrCat("127.0.0.1:", allocator_server_->port(0));
    config_.options.lease_ttl = absl::Seconds(2);
    EXPECT_TRUE(config_.Finish().ok());
    StartMaster();
  }
  ~MasterOverGrpc() override { shell_.reset(); }

  static std::unique_ptr<rpc::Server> Serve(const std::vector<grpc::Service*>& services) {
    auto server =
        rpc::Server::Start({.addresses = {"127.0.0.1:0"}, .tls = {.insecure = true}}, services);
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }

  void StartMaster() {
    metrics_ = std::make_unique<telemetry::MetricRegistry>("master");
    auto shell = MasterShell::Start(config_, {}, metrics_.get(), &health_);
    ASSERT_TRUE(shell.ok()) << shell.status();
    shell_ = *std::move(shell);
    channel_ = grpc::CreateChannel(absl::StrCat("127.0.0.1:", shell_->port()),
                                   grpc::InsecureChannelCredentials());
    operators_ = ops::MasterService::NewStub(channel_);
    schedulers_ = sched::SchedulerService::NewStub(channel_);
    agents_ = link::AgentLinkService::NewStub(channel_);
  }

  std::string AwaitState(const std::string& wanted) {
    std::string state;
    meros::testing::Eventually(absl::Seconds(20), [&] {
      ops::GetMasterResponse response;
      grpc::ClientContext context;
      operators_->GetMaster(&context, {}, &response);
      state = response.state();
      return state == wanted;
    });
    return state;
  }

  std::unique_ptr<AgentPeer> Agent() {
    return std::make_unique<AgentPeer>(
        [this](grpc::ClientContext* c) { return agents_->Connect(c); },
        [](link::MasterFrame* f) { return f->mutable_messages(); });
  }
  std::unique_ptr<SchedulerPeer> Scheduler() {
    return std::make_unique<SchedulerPeer>(
        [this](grpc::ClientContext* c) { return schedulers_->Connect(c); },
        [](sched::Events* f) { return f->mutable_events(); });
  }

  // A registered agent; its id.
  std::string Register(AgentPeer* agent, const std::string& key) {
    link::AgentFrame frame;
    link::Register* message = frame.add_messages()->mutable_register_();
    message->set_registration_key(key);
    message->mutable_info()->set_hostname("host");
    AddScalar("cpus", 4, message->mutable_info()->mutable_resources());
    AddScalar("mem", 4096, message->mutable_info()->mutable_resources());
    agent->Write(frame);
    auto registered = agent->Await([](const auto& m) { return m.has_registered(); });
    return registered.has_value() ? registered->registered().agent_id() : "";
  }

  std::string Subscribe(SchedulerPeer* scheduler, const std::string& id = "") {
    sched::Calls frame;
    sched::Call* call = frame.add_calls();
    call->set_type(sched::Call::SUBSCRIBE);
    v1::FrameworkInfo* info = call->mutable_subscribe()->mutable_framework_info();
    info->set_name("test");
    info->set_user("nobody");
    info->set_failover_timeout(100);
    info->add_capabilities()->set_type(v1::FrameworkInfo::Capability::PARTITION_AWARE);
    if (!id.empty()) {
      info->mutable_id()->set_value(id);
      call->mutable_framework_id()->set_value(id);
    }
    scheduler->Write(frame);
    auto subscribed = scheduler->Await([](const auto& e) { return e.has_subscribed(); });
    return subscribed.has_value() ? subscribed->subscribed().framework_id().value() : "";
  }

  v1::Offer AwaitOffer(SchedulerPeer* scheduler) {
    auto offers = scheduler->Await([](const auto& e) { return e.has_offers(); });
    return offers.has_value() ? offers->offers().offers(0) : v1::Offer();
  }

  static sched::Call LaunchOf(const std::string& framework, const v1::Offer& offer,
                              const std::string& task_id, double cpus) {
    sched::Call call;
    call.set_type(sched::Call::ACCEPT);
    call.mutable_framework_id()->set_value(framework);
    *call.mutable_accept()->add_offer_ids() = offer.id();
    v1::Offer::Operation* operation = call.mutable_accept()->add_operations();
    operation->set_type(v1::Offer::Operation::LAUNCH);
    v1::TaskInfo* task = operation->mutable_launch()->add_task_infos();
    task->set_name(task_id);
    task->mutable_task_id()->set_value(task_id);
    *task->mutable_agent_id() = offer.agent_id();
    task->mutable_command()->set_value("true");
    AddScalar("cpus", cpus, task->mutable_resources());
    AddScalar("mem", 64, task->mutable_resources());
    return call;
  }

  static link::AgentFrame UpdateOf(const std::string& framework, const std::string& task,
                                   v1::TaskState state) {
    link::AgentFrame frame;
    link::StatusUpdate* update = frame.add_messages()->mutable_status_update();
    update->set_framework_id(framework);
    update->set_latest_state(state);
    update->mutable_status()->mutable_task_id()->set_value(task);
    update->mutable_status()->set_state(state);
    update->mutable_status()->set_uuid("0123456789abcdef");
    return frame;
  }

  testing::FakeRegistry registry_;
  testing::FakeAllocator allocator_;
  std::unique_ptr<rpc::Server> registry_server_;
  std::unique_ptr<rpc::Server> allocator_server_;
  MasterConfig config_;
  std::unique_ptr<telemetry::MetricRegistry> metrics_;
  telemetry::Health health_;
  std::unique_ptr<MasterShell> shell_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<ops::MasterService::Stub> operators_;
  std::unique_ptr<sched::SchedulerService::Stub> schedulers_;
  std::unique_ptr<link::AgentLinkService::Stub> agents_;
};

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
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
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
  again_context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
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
            grpc::StatusCode::UNIMPLEMENTED);
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
  meros::testing::Eventually(absl::Seconds(20), [&] {
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
  EXPECT_THAT(again->End().error_message(), HasSubstr("leader=other:7050"));
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
      meros::testing::Eventually(absl::Seconds(20), [&] { return registry_.records() >= 2; }));
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

// A whole master over gRPC between fakes of its neighbours, and peers that talk to it as
// frameworks, agents and operators do.
//
// Thread rule: thread-compatible.
#pragma once

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/testing/process.h"
#include "meros/agent_link/v1/agent_link.grpc.pb.h"
#include "meros/v1/master/master_service.grpc.pb.h"
#include "meros/v1/scheduler/scheduler_service.grpc.pb.h"
#include "services/master/shell/master_shell.h"
#include "services/master/shell/testing_neighbours.h"

namespace meros::master::testing {

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
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(90));
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
  // What the server sent besides the status. REQUIRES: End.
  bool HasTrailer(const std::string& name) const {
    return context_.GetServerTrailingMetadata().count(name) > 0;
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

inline void AddScalar(const std::string& name, double value,
                      google::protobuf::RepeatedPtrField<v1::Resource>* out) {
  v1::Resource* resource = out->Add();
  resource->set_name(name);
  resource->set_type(v1::Value::SCALAR);
  resource->mutable_scalar()->set_value(value);
}

class MasterOverGrpc : public ::testing::Test {
 public:
  static std::unique_ptr<rpc::Server> Serve(const std::vector<grpc::Service*>& services) {
    auto server =
        rpc::Server::Start({.addresses = {"127.0.0.1:0"}, .tls = {.insecure = true}}, services);
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }

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
    meros::testing::Eventually(absl::Seconds(60), [&] {
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

  FakeRegistry registry_;
  FakeAllocator allocator_;
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

}  // namespace meros::master::testing

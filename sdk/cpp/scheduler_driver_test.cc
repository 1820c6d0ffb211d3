// Goal: what the driver does with connections; what it says on them is driver_core_test.cc. Method:
// a master in this process that takes every subscription, and servers that count who connects.
#include "sdk/cpp/scheduler_driver.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/rpc/bidi_server_stream.h"
#include "libs/rpc/server.h"
#include "libs/rpc/testing/silent_server.h"
#include "libs/testing/process.h"
#include "meros/v1/scheduler/scheduler_service.grpc.pb.h"

namespace meros::sdk {
namespace {

using meros::v1::scheduler::Calls;
using meros::v1::scheduler::Event;
using meros::v1::scheduler::Events;

class AcceptingMaster final : public meros::v1::scheduler::SchedulerService::CallbackService {
 public:
  absl::Status Serve() {
    auto server =
        rpc::Server::Start({.addresses = {"127.0.0.1:0"}, .tls = {.insecure = true}}, {this});
    if (server.ok()) server_ = *std::move(server);
    return server.status();
  }
  void Stop() { server_->Shutdown(absl::ZeroDuration()); }
  std::string address() const { return absl::StrCat("127.0.0.1:", server_->port(0)); }

  grpc::ServerBidiReactor<Calls, Events>* Connect(grpc::CallbackServerContext* context) override {
    auto stream = Stream::Create(context);
    Events frame;
    Event* event = frame.add_events();
    event->set_type(Event::SUBSCRIBED);
    event->mutable_subscribed()->mutable_framework_id()->set_value("F");
    event->mutable_subscribed()->set_heartbeat_interval_seconds(3600);
    stream->Send(std::move(frame));
    return stream->Start({.on_frame = [](Calls) {}, .on_closed = [](const absl::Status&) {}});
  }

 private:
  using Stream = rpc::BidiServerStream<Calls, Events>;
  std::unique_ptr<rpc::Server> server_;
};

class CountingScheduler final : public Scheduler {
 public:
  void Registered(SchedulerDriver*, const std::string&, const meros::v1::MasterInfo&,
                  Registration) override {
    ++registered;
  }
  void ResourceOffers(SchedulerDriver*, const std::vector<meros::v1::Offer>&) override {}
  void StatusUpdate(SchedulerDriver*, const meros::v1::TaskStatus&) override {}

  std::atomic<int> registered{0};
};

template <typename Done>
bool Eventually(Done done) {
  return testing::Eventually(absl::Seconds(60), done);
}

TEST(SchedulerDriver, IsConnectedToMastersThatItHasNeverDialled) {
  AcceptingMaster leader;
  ASSERT_TRUE(leader.Serve().ok());
  rpc::SilentServer standby;
  standby.Listen();
  CountingScheduler scheduler;
  SchedulerDriver driver(&scheduler, {.masters = {leader.address(), standby.address()},
                                      .framework = {},
                                      .tls = {.insecure = true}});

  ASSERT_TRUE(driver.Start().ok());

  ASSERT_TRUE(Eventually([&] { return scheduler.registered == 1; }));
  EXPECT_TRUE(Eventually([&] { return standby.open() == 1; }));
}

TEST(SchedulerDriver, SubscribesAtAnotherMasterWhenTheFirstEnds) {
  AcceptingMaster first, second;
  ASSERT_TRUE(first.Serve().ok());
  ASSERT_TRUE(second.Serve().ok());
  CountingScheduler scheduler;
  SchedulerDriver driver(
      &scheduler,
      {.masters = {first.address(), second.address()}, .framework = {}, .tls = {.insecure = true}});
  ASSERT_TRUE(driver.Start().ok());
  ASSERT_TRUE(Eventually([&] { return scheduler.registered == 1; }));

  first.Stop();

  EXPECT_TRUE(Eventually([&] { return scheduler.registered == 2; }));
}

}  // namespace
}  // namespace meros::sdk

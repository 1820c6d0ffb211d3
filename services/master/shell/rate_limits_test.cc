// Rate limits on a whole master over gRPC: what is held back, what is refused, and with which hint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "absl/strings/numbers.h"
#include "libs/base/retry_hint.h"
#include "libs/rpc/status.h"
#include "libs/testing/temp_dir.h"
#include "meros/allocator/v1/snapshot.grpc.pb.h"
#include "services/master/shell/admit.h"
#include "services/master/shell/limited_master_service.h"
#include "services/master/shell/test_master.h"

namespace meros::master {
namespace {

namespace sched = ::meros::v1::scheduler;
namespace ops = ::meros::v1::master;

using ::testing::HasSubstr;
using testing::MasterOverGrpc;
using testing::SchedulerPeer;

class RateLimits : public MasterOverGrpc {
 protected:
  void Limit(const std::string& json) {
    const std::string path = directory_.path() + "/limits.json";
    std::ofstream(path) << json;
    // One that ends while it asks for the lease would keep it: the registry here knows no time.
    ASSERT_EQ(AwaitState("LEADING"), "LEADING");
    shell_.reset();
    config_.rate_limits = path;
    StartMaster();
  }

  static sched::Call Reconcile(const std::string& framework) {
    sched::Call call;
    call.set_type(sched::Call::RECONCILE);
    call.mutable_framework_id()->set_value(framework);
    call.mutable_reconcile()->add_tasks()->mutable_task_id()->set_value("unknown");
    return call;
  }
  static sched::Calls SubscriptionOf(const std::string& principal) {
    sched::Calls frame;
    frame.add_calls()->set_type(sched::Call::SUBSCRIBE);
    auto* info = frame.mutable_calls(0)->mutable_subscribe()->mutable_framework_info();
    info->set_name("test");
    info->set_user("nobody");
    info->set_principal(principal);
    info->set_failover_timeout(100);
    info->add_capabilities()->set_type(v1::FrameworkInfo::Capability::PARTITION_AWARE);
    return frame;
  }
  std::string SubscribeAs(SchedulerPeer* scheduler, const std::string& principal) {
    scheduler->Write(SubscriptionOf(principal));
    auto subscribed = scheduler->Await([](const auto& e) { return e.has_subscribed(); });
    return subscribed.has_value() ? subscribed->subscribed().framework_id().value() : "";
  }

  meros::testing::TempDir directory_;
};

TEST(LimitedMasterService, NoRpcIsForgotten) {
  const auto* service = ops::GetVersionRequest::descriptor()->file()->pool()->FindServiceByName(
      "meros.v1.master.MasterService");
  ASSERT_NE(service, nullptr);
  std::set<std::string> all;
  for (int i = 0; i < service->method_count(); ++i) all.insert(service->method(i)->name());
  const std::vector<std::string> limited = LimitedMasterService::Limited();
  EXPECT_EQ(std::set<std::string>(limited.begin(), limited.end()), all);
}

TEST_F(RateLimits, UnaryCallsAreRefusedWithTheTimeToComeBack) {
  // One call in a thousand seconds.
  Limit(R"({"aggregate_default_qps": 0.001})");
  ops::GetVersionResponse version;
  grpc::ClientContext first;
  ASSERT_TRUE(operators_->GetVersion(&first, {}, &version).ok());

  grpc::ClientContext second;
  const grpc::Status refused = operators_->GetVersion(&second, {}, &version);

  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << refused.error_message();
  const auto hint = RetryAfter(rpc::FromGrpc(refused));
  ASSERT_TRUE(hint.has_value()) << refused.error_message();
  EXPECT_GT(*hint, absl::Seconds(1));
  EXPECT_LE(*hint, absl::Seconds(1000));
  const auto& trailers = second.GetServerTrailingMetadata();
  const auto pushback = trailers.find(rpc::kRetryPushback);
  ASSERT_NE(pushback, trailers.end());
  EXPECT_EQ(std::string(pushback->second.data(), pushback->second.size()),
            absl::StrCat(absl::ToInt64Milliseconds(*hint)));

  // Of the scheduler API, too, and of streams for operators.
  sched::CallRequest request;
  *request.mutable_call() = Reconcile("nobody");
  sched::CallResponse response;
  grpc::ClientContext third;
  EXPECT_EQ(schedulers_->Call(&third, request, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  grpc::ClientContext fourth;
  auto watch = operators_->Watch(&fourth, {});
  ops::WatchResponse frame;
  EXPECT_FALSE(watch->Read(&frame));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  grpc::ClientContext fifth;
  auto snapshot = allocator::v1::SnapshotService::NewStub(channel_)->GetSnapshot(&fifth, {});
  allocator::v1::GetSnapshotResponse part;
  EXPECT_FALSE(snapshot->Read(&part));
  EXPECT_EQ(snapshot->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(fifth.GetServerTrailingMetadata().count(rpc::kRetryPushback), 1u);
}

TEST_F(RateLimits, CallsOnAStreamAreHeldBackAndAllAnswered) {
  Limit(R"({"limits": [{"principal": "slow", "qps": 20}]})");
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");
  auto scheduler = Scheduler();
  const std::string framework = SubscribeAs(scheduler.get(), "slow");
  ASSERT_FALSE(framework.empty());

  const absl::Time begin = meros::testing::PollNow();
  constexpr int kCalls = 50;
  for (int i = 0; i < kCalls; ++i) {
    sched::Calls frame;
    *frame.add_calls() = Reconcile(framework);
    ASSERT_TRUE(scheduler->Write(frame));
  }
  for (int i = 0; i < kCalls; ++i) {
    ASSERT_TRUE(scheduler->Await([](const auto& e) { return e.has_update(); }).has_value()) << i;
  }

  // At most 20 were there at the beginning, the other 30 come at 20 a second.
  EXPECT_GE(meros::testing::PollNow() - begin, absl::Seconds(1.4));
}

TEST_F(RateLimits, MoreThanCapacityEndsTheStreamAndNoOther) {
  Limit(R"({"limits": [{"principal": "slow", "qps": 1, "capacity": 5}]})");
  ASSERT_EQ(AwaitState("LEADING"), "LEADING");
  auto other = Scheduler();
  const std::string other_id = SubscribeAs(other.get(), "another");
  auto scheduler = Scheduler();
  const std::string framework = SubscribeAs(scheduler.get(), "slow");
  ASSERT_FALSE(framework.empty());

  sched::Calls frame;
  for (int i = 0; i < 100; ++i) *frame.add_calls() = Reconcile(framework);
  scheduler->Write(frame);

  const grpc::Status end = scheduler->End();
  EXPECT_EQ(end.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << end.error_message();
  EXPECT_THAT(end.error_message(), HasSubstr("principal 'slow'"));
  EXPECT_TRUE(RetryAfter(rpc::FromGrpc(end)).has_value()) << end.error_message();
  EXPECT_TRUE(scheduler->HasTrailer(rpc::kRetryPushback));
  sched::Calls free;
  for (int i = 0; i < 100; ++i) *free.add_calls() = Reconcile(other_id);
  ASSERT_TRUE(other->Write(free));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(other->Await([](const auto& e) { return e.has_update(); }).has_value()) << i;
  }
}

TEST_F(RateLimits, AFileThatCannotBeReadIsSaidAtTheStart) {
  shell_.reset();
  config_.rate_limits = directory_.path() + "/none.json";
  telemetry::MetricRegistry metrics("master");

  const auto shell = MasterShell::Start(config_, {}, &metrics, &health_);

  EXPECT_TRUE(absl::IsNotFound(shell.status())) << shell.status();
  EXPECT_THAT(std::string(shell.status().message()), HasSubstr("none.json"));
}

}  // namespace
}  // namespace meros::master

// Goal: what the shell adds to the core: callers that go away are forgotten. Method: a real server
// on loopback; the store is in memory.
#include "services/registry/shell/registry_shell.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/storage/fake_disk.h"
#include "libs/telemetry/metrics.h"
#include "libs/testing/process.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"

namespace meros::registry {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(30);

class RegistryShellTest : public ::testing::Test {
 protected:
  void Serve(const CoreOptions& options) {
    shell_ = std::make_unique<RegistryShell>(options, "memory", &metrics_);
    auto store = disk_.Open();
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE(shell_->Serve(*std::move(store), [](const absl::Status&) {}).ok());
    auto server = rpc::Server::Start({.addresses = {"127.0.0.1:0"}, .tls = {.insecure = true}},
                                     {shell_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    auto channel =
        rpc::MakeChannel(absl::StrCat("127.0.0.1:", server_->port(0)), {.insecure = true});
    ASSERT_TRUE(channel.ok()) << channel.status();
    stub_ = v1::RegistryService::NewStub(*channel);
  }
  void TearDown() override {
    if (server_ != nullptr) server_->Shutdown(absl::ZeroDuration());
  }

  // Asks for another leader than none, of which there is none, for an hour, and gives up at once.
  grpc::StatusCode WaitForALeaderAndGiveUp() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
    v1::GetLeaderRequest request;
    request.set_wait_ms(3600 * 1000);
    v1::GetLeaderResponse response;
    return stub_->GetLeader(&context, request, &response).error_code();
  }

  storage::FakeDisk disk_{1};
  telemetry::MetricRegistry metric_registry_{"registry"};
  RegistryMetrics metrics_{&metric_registry_};
  std::unique_ptr<RegistryShell> shell_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::RegistryService::Stub> stub_;
};

TEST_F(RegistryShellTest, WhoGivesUpWaitingForALeaderLeavesItsPlace) {
  CoreOptions options;
  options.watchers_max = 2;
  ASSERT_NO_FATAL_FAILURE(Serve(options));
  EXPECT_EQ(WaitForALeaderAndGiveUp(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(WaitForALeaderAndGiveUp(), grpc::StatusCode::DEADLINE_EXCEEDED);

  // Else RESOURCE_EXHAUSTED, for the hour that they asked for.
  EXPECT_TRUE(testing::Eventually(
      kLimit, [&] { return WaitForALeaderAndGiveUp() == grpc::StatusCode::DEADLINE_EXCEEDED; }));
}

}  // namespace
}  // namespace meros::registry

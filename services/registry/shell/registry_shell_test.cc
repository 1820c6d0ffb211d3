// Goal: what the shell adds to the core: callers that go away are forgotten, and readiness tells
// whether writes are taken. Method: a real server on loopback; the store is in memory.
#include "services/registry/shell/registry_shell.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/storage/fake_disk.h"
#include "libs/telemetry/metrics.h"
#include "libs/testing/process.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"
#include "services/registry/test_session.h"

namespace meros::registry {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(30);

// One that fails while it is told to.
class FailingStore final : public storage::Store {
 public:
  struct Control {
    std::atomic<bool> fails{false};
    std::atomic<int> tries{0};  // that failed
  };
  FailingStore(std::unique_ptr<storage::Store> store, Control* control)
      : store_(std::move(store)), control_(*control) {}

  absl::Status Commit(absl::Span<const storage::Mutation> batch) override {
    if (!control_.fails) return store_->Commit(batch);
    ++control_.tries;
    return absl::PermissionDeniedError("read-only file system");
  }
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) override {
    return store_->Get(key);
  }
  absl::StatusOr<std::vector<storage::Row>> List(absl::string_view prefix) override {
    return store_->List(prefix);
  }
  absl::Status Close() override { return store_->Close(); }

 private:
  const std::unique_ptr<storage::Store> store_;
  Control& control_;
};

class RegistryShellTest : public ::testing::Test {
 protected:
  void Serve(const CoreOptions& options) {
    shell_ = std::make_unique<RegistryShell>(options, "memory", &metrics_);
    auto store = disk_.Open();
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE(shell_
                    ->Serve(std::make_unique<FailingStore>(*std::move(store), &store_),
                            [](const absl::Status&) {})
                    .ok());
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
  FailingStore::Control store_;
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

TEST_F(RegistryShellTest, IsReadyAgainOnlyWhenTheStoreHasTakenAWriteOfItsOwnAccord) {
  CoreOptions options;
  options.store_retry_interval = absl::Milliseconds(20);
  ASSERT_NO_FATAL_FAILURE(Serve(options));
  ASSERT_TRUE(shell_->Ready().ok());
  Session session(absl::StrCat("127.0.0.1:", server_->port(0)));
  const uint64_t epoch = session.Call(Acquire("m")).lease().epoch();
  store_.fails = true;
  const v1::Response refused = session.Call(Put(epoch, "k", "v"));
  EXPECT_EQ(refused.code(), static_cast<int>(absl::StatusCode::kUnavailable));
  ASSERT_TRUE(testing::Eventually(kLimit, [&] { return !shell_->Ready().ok(); }));

  // From now on nobody asks for anything.
  while (store_.tries < 10) EXPECT_FALSE(shell_->Ready().ok());
  store_.fails = false;

  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return shell_->Ready().ok(); }));
}

}  // namespace
}  // namespace meros::registry

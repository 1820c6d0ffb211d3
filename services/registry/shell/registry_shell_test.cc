// Goal: what the shell adds to the core: callers that go away are forgotten, and readiness tells
// whether writes are taken. Method: a real server on loopback; the store is in memory.
#include "services/registry/shell/registry_shell.h"

#include "gtest/gtest.h"
#include "libs/testing/process.h"
#include "services/registry/shell/test_shell.h"
#include "services/registry/test_session.h"

namespace meros::registry {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(30);

class RegistryShellTest : public ServedShell {
 protected:
  // Asks for another leader than none, of which there is none, for an hour, and gives up at once.
  grpc::StatusCode WaitForALeaderAndGiveUp() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
    v1::GetLeaderRequest request;
    request.set_wait_ms(3600 * 1000);
    v1::GetLeaderResponse response;
    return stub_->GetLeader(&context, request, &response).error_code();
  }
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
  Session session(address());
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

// Goal: watchers hear over gRPC what the core tells them; one who is slow or has gone is no burden
// to the others. Method: as registry_shell_test.cc.
#include "services/registry/shell/watch_streams.h"

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/testing/process.h"
#include "services/registry/shell/test_shell.h"
#include "services/registry/test_session.h"

namespace meros::registry {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(30);

class WatchStreamsTest : public ServedShell {
 protected:
  void Begin(const CoreOptions& options = {}) {
    ASSERT_NO_FATAL_FAILURE(Serve(options));
    session_ = std::make_unique<Session>(address());
    epoch_ = session_->Call(Acquire("m")).lease().epoch();
    ASSERT_GT(epoch_, 0u);
  }
  void TearDown() override {
    session_.reset();
    ServedShell::TearDown();
  }
  // Its revision.
  uint64_t PutOne(const std::string& name, const std::string& value) {
    const v1::Response answer = session_->Call(Put(epoch_, name, value));
    EXPECT_EQ(answer.code(), 0) << answer.message();
    return answer.commit().revision();
  }
  std::string Metrics() const { return metric_registry_.Serialize(); }

  std::unique_ptr<Session> session_;
  uint64_t epoch_ = 0;
};

TEST_F(WatchStreamsTest, TellWhatThereIsThenChangesAndGoOnWhereTheyEnded) {
  ASSERT_NO_FATAL_FAILURE(Begin());
  PutOne("before", "1");
  v1::WatchResponse told;
  uint64_t seen = 0;
  {
    Watching watching(stub_.get(), 0, {v1::RECORD_KIND_AGENT});
    ASSERT_TRUE(watching.Read(&told));
    ASSERT_EQ(told.changes_size(), 1);
    EXPECT_EQ(told.changes(0).record().key().name(), "before");
    EXPECT_TRUE(told.last());
    const uint64_t revision = PutOne("k", "value");
    ASSERT_TRUE(watching.Read(&told));
    EXPECT_EQ(told.revision(), revision);
    EXPECT_EQ(told.changes(0).record().value(), "value");
    EXPECT_EQ(told.changes(0).record().revision(), revision);
    seen = told.revision();
  }
  const uint64_t missed = PutOne("missed", "1");

  Watching again(stub_.get(), seen);

  ASSERT_TRUE(again.Read(&told));
  EXPECT_EQ(told.revision(), missed);
  EXPECT_EQ(told.changes(0).record().key().name(), "missed");
  Watching never(stub_.get(), missed + 1);
  EXPECT_FALSE(never.Read(&told));
  EXPECT_EQ(never.Finish().error_code(), grpc::StatusCode::OUT_OF_RANGE);
}

TEST_F(WatchStreamsTest, WhoReadsTooSlowlyIsCutAndOthersAreToldAll) {
  CoreOptions options;
  options.watch_ring_bytes_max = 2 << 20;
  ASSERT_NO_FATAL_FAILURE(Begin(options));
  Watching slow(stub_.get(), 1);
  auto other = v1::RegistryService::NewStub(*rpc::MakeChannel(address(), {.insecure = true}));
  Watching quick(other.get(), 1);
  v1::WatchResponse told;

  const auto is_cut = [&] { return absl::StrContains(Metrics(), "watchers_cut_total 1"); };
  int puts = 0;
  for (; puts < 2000 && !is_cut(); ++puts) {
    const uint64_t revision = PutOne("k", std::string(100000, static_cast<char>('a' + puts % 26)));
    ASSERT_TRUE(quick.Read(&told)) << quick.Finish().error_message();
    ASSERT_EQ(told.revision(), revision);
  }

  ASSERT_TRUE(is_cut()) << Metrics();
  // The number of watchers is told a moment after that one was cut.
  EXPECT_TRUE(testing::Eventually(kLimit, [&] {
    return absl::StrContains(Metrics(), "meros_registry_watchers 1\n");
  })) << Metrics();
  int read = 0;
  while (slow.Read(&told)) ++read;
  EXPECT_LT(read, puts) << "what lay on the way to it";
  EXPECT_EQ(slow.Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  const uint64_t revision = PutOne("k", "after");
  ASSERT_TRUE(quick.Read(&told));
  EXPECT_EQ(told.revision(), revision);
}

TEST_F(WatchStreamsTest, MuchIsToldAsFastAsItIsRead) {
  CoreOptions options;
  options.watch_unread_bytes_max = 100000;
  options.list_part_bytes = 30000;
  ASSERT_NO_FATAL_FAILURE(Begin(options));
  for (int i = 0; i < 300; ++i) PutOne(absl::StrCat("k", i), std::string(20000, 'v'));

  Watching watching(stub_.get(), 0, {v1::RECORD_KIND_AGENT});

  v1::WatchResponse told;
  int records = 0;
  do {
    ASSERT_TRUE(watching.Read(&told)) << watching.Finish().error_message();
    records += told.changes_size();
  } while (!told.last());
  EXPECT_EQ(records, 300);
}

TEST_F(WatchStreamsTest, WhoGoesLeavesItsPlaceAtOnce) {
  CoreOptions options;
  options.record_watchers_max = 1;
  ASSERT_NO_FATAL_FAILURE(Begin(options));
  v1::WatchResponse told;
  Watching first(stub_.get(), 0);
  ASSERT_TRUE(first.Read(&told));
  {
    Watching second(stub_.get(), 0);
    EXPECT_FALSE(second.Read(&told));
    EXPECT_EQ(second.Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  }

  first.Cancel();

  EXPECT_TRUE(testing::Eventually(kLimit, [&] {
    Watching third(stub_.get(), 0);
    return third.Read(&told);
  }));
}

TEST_F(WatchStreamsTest, EndWithTheServingOfTheStore) {
  ASSERT_NO_FATAL_FAILURE(Begin());
  v1::WatchResponse told;
  Watching watching(stub_.get(), 0);
  ASSERT_TRUE(watching.Read(&told));

  shell_->Retire(absl::UnavailableError("another serves the store"));

  EXPECT_FALSE(watching.Read(&told));
  const grpc::Status ended = watching.Finish();
  EXPECT_EQ(ended.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ended.error_message(), "another serves the store");
  Watching refused(stub_.get(), 0);
  EXPECT_FALSE(refused.Read(&told));
  EXPECT_EQ(refused.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace meros::registry

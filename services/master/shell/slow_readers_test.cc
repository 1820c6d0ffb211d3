// Goal: a thousand peers that do not read are cut and counted when more waits for them than their
// outbox may hold, or when a single write takes too long; meanwhile the honest ones are served and
// memory stays within what outboxes may hold; who is one watcher too many is rejected. Method: a
// whole master over gRPC on loopback, real events, and streams that are opened and never read.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "libs/base/mutex.h"
#include "services/master/shell/test_honest_pair.h"

namespace meros::master {
namespace {

namespace link = ::meros::agent_link::v1;
namespace sched = ::meros::v1::scheduler;
namespace ops = ::meros::v1::master;

constexpr int kReaders = 1000;
constexpr int kConnections = 10;
constexpr int kRounds = 16;  // of messages to each reader, where three are too many
constexpr size_t kMessageBytes = 64 << 10;
constexpr rpc::OutboxOptions kSmallOutbox = {.bytes_max = 128 << 10,
                                             .write_deadline = absl::Minutes(10)};
// What all readers may cost: what an outbox holds, one message being written, two that the reader's
// own side has taken in, and the streams themselves, whose both ends are in this process.
constexpr size_t kBytesMax = kReaders * (kSmallOutbox.bytes_max + 3 * kMessageBytes + (128 << 10));
static_assert(kBytesMax < kRounds * kMessageBytes * kReaders * 2 / 3,
              "the bound would say nothing");

// Resident memory of this process, bytes: the master's, its neighbours' and its peers'.
size_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  unsigned long pages = 0;  // NOLINT(google-runtime-int): what scanf knows
  if (file == nullptr || std::fscanf(file, "%*u %lu", &pages) != 1) pages = 0;
  if (file != nullptr) std::fclose(file);
  return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// The most that was resident at any look, above what was at first.
class Growth {
 public:
  void Look() { most_ = std::max(most_, ResidentBytes()); }
  // Sanitizers keep what was freed, and more beside all that is not.
  void ExpectAtMost(size_t bytes) const {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_LE(most_ - first_, bytes);
#endif
  }

 private:
  const size_t first_ = ResidentBytes();
  size_t most_ = first_;
};

// A watcher who reads, on a thread of its own, which tasks there are.
class Watcher {
 public:
  explicit Watcher(ops::MasterService::Stub* master) : reader_(master->Watch(&context_, {})) {
    thread_ = std::thread([this] { Read(); });
  }
  ~Watcher() {
    context_.TryCancel();
    thread_.join();
  }
  bool AwaitTask(const std::string& id) {
    return meros::testing::Eventually(absl::Seconds(60), [&] {
      MutexLock lock(&mutex_);
      return std::find(tasks_.begin(), tasks_.end(), id) != tasks_.end();
    });
  }

 private:
  void Read() {
    ops::WatchResponse frame;
    while (reader_->Read(&frame)) {
      MutexLock lock(&mutex_);
      for (const auto& event : frame.events()) {
        tasks_.push_back(event.task().task().task_id().value());
      }
    }
  }

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<ops::WatchResponse>> reader_;
  Mutex mutex_;
  std::vector<std::string> tasks_ MEROS_GUARDED_BY(mutex_);
  std::thread thread_;
};

class SlowReaders : public testing::HonestPair {
 protected:
  void SetUp() override {}
  // A master whose streams hold this much.
  void Serve(const rpc::OutboxOptions& outbox) {
    config_.outbox = outbox;
    shell_.reset();
    registry_.GiveLeaseTo("", "");  // nobody's, if the first had it
    StartMaster();
    HonestPair::SetUp();
    for (int i = 0; i < kConnections; ++i) connections_.push_back(OwnChannel());
  }
  void TearDown() override {
    for (auto& context : contexts_) context->TryCancel();
  }

  grpc::ClientContext* NewContext() {
    contexts_.push_back(std::make_unique<grpc::ClientContext>());
    return contexts_.back().get();
  }

  // Frameworks that subscribe and read nothing.
  void SubscribeAll() {
    for (int i = 0; i < kReaders; ++i) {
      const auto stub = sched::SchedulerService::NewStub(connections_[i % kConnections]);
      schedulers_slow_.push_back(stub->Connect(NewContext()));
      ASSERT_TRUE(schedulers_slow_.back()->Write(SubscriptionOf("slow")));
    }
    ASSERT_TRUE(meros::testing::Eventually(absl::Seconds(90),
                                           [&] { return Frameworks().size() == kReaders + 1u; }));
    readers_ = Frameworks();
    std::erase(readers_, framework_);
  }

  // A message to each of them, in the name of an executor; the honest agent carries it.
  void TellAll() {
    constexpr size_t kMessagesPerFrame = 10;
    link::AgentFrame frame;
    for (const std::string& reader : readers_) {
      link::ExecutorMessage* message = frame.add_messages()->mutable_executor_message();
      message->set_framework_id(reader);
      message->set_executor_id("e");
      message->set_data(std::string(kMessageBytes, 'x'));
      if (static_cast<size_t>(frame.messages_size()) < kMessagesPerFrame) continue;
      ASSERT_TRUE(agent_->Write(frame));
      frame.Clear();
    }
  }

  // Watchers of everything who read nothing but the little that there is when they come.
  void WatchWith(int watchers) {
    ops::WatchResponse shown;
    for (int i = 0; i < watchers; ++i) {
      const auto stub = ops::MasterService::NewStub(connections_[i % kConnections]);
      watches_.push_back(stub->Watch(NewContext(), {}));
      do {
        ASSERT_TRUE(watches_.back()->Read(&shown)) << watches_.back()->Finish().error_message();
      } while (!shown.snapshot_end());
    }
  }

  std::vector<std::shared_ptr<grpc::Channel>> connections_;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts_;  // outlive their streams, below
  std::vector<std::unique_ptr<grpc::ClientReaderWriter<sched::Calls, sched::Events>>>
      schedulers_slow_;
  std::vector<std::unique_ptr<grpc::ClientReader<ops::WatchResponse>>> watches_;
  std::vector<std::string> readers_;  // ids of the slow frameworks
};

TEST_F(SlowReaders, OfEventsAreCutWhenTheirOutboxIsFull) {
  ASSERT_NO_FATAL_FAILURE(Serve(kSmallOutbox));
  Growth growth;
  ASSERT_NO_FATAL_FAILURE(SubscribeAll());
  LaunchOne();
  EXPECT_TRUE(Counted("meros_master_streams{of=\"scheduler\"} 1001"));

  for (int i = 0; i < kRounds; ++i) {
    ASSERT_NO_FATAL_FAILURE(TellAll());
    growth.Look();
    LaunchOne();  // all of the round has been carried out when this has
    growth.Look();
  }

  EXPECT_TRUE(Counted("meros_master_streams_cut_total{of=\"scheduler\"} 1000"));
  EXPECT_TRUE(Counted("meros_master_streams{of=\"scheduler\"} 1"));
  EXPECT_TRUE(Counted("meros_master_streams_cut_total{of=\"agent\"} 0"));
  growth.ExpectAtMost(kBytesMax);
  sched::Events events;
  while (schedulers_slow_[0]->Read(&events)) {
  }
  EXPECT_FALSE(schedulers_slow_[0]->Finish().ok());
  EXPECT_TRUE(meros::testing::Eventually(
      absl::Seconds(60), [&] { return Frameworks() == std::vector<std::string>{framework_}; }));
  LaunchOne();
}

TEST_F(SlowReaders, OfEventsAreCutWhenAWriteTakesTooLong) {
  ASSERT_NO_FATAL_FAILURE(Serve({.write_deadline = absl::Seconds(5)}));
  ASSERT_NO_FATAL_FAILURE(SubscribeAll());

  ASSERT_NO_FATAL_FAILURE(TellAll());
  ASSERT_NO_FATAL_FAILURE(TellAll());
  LaunchOne();

  EXPECT_TRUE(Counted("meros_master_streams_cut_total{of=\"scheduler\"} 1000"));
  EXPECT_TRUE(Counted("meros_master_streams{of=\"scheduler\"} 1"));
  LaunchOne();
}

TEST_F(SlowReaders, OfWatchesAreCutAndGiveTheirPlacesToOthers) {
  ASSERT_NO_FATAL_FAILURE(Serve(kSmallOutbox));
  Growth growth;
  Watcher honest(operators_.get());
  ASSERT_NO_FATAL_FAILURE(WatchWith(kReaders - 1));
  ASSERT_TRUE(Counted("meros_master_watch_subscribers 1000"));
  ops::WatchResponse frame;
  grpc::ClientContext context;
  const auto rejected = operators_->Watch(&context, {});
  EXPECT_FALSE(rejected->Read(&frame));
  EXPECT_EQ(rejected->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);

  for (int i = 0; i < kRounds; ++i) {
    LaunchOne(std::string(kMessageBytes, 'x'));
    EXPECT_TRUE(honest.AwaitTask(absl::StrCat("t", launches_)));
    growth.Look();
  }

  EXPECT_TRUE(Counted("meros_master_streams_cut_total{of=\"watch\"} 999"));
  EXPECT_TRUE(Counted("meros_master_streams{of=\"watch\"} 1"));
  growth.ExpectAtMost(kBytesMax);
  Watcher another(operators_.get());
  LaunchOne();
  EXPECT_TRUE(another.AwaitTask(absl::StrCat("t", launches_)));
  EXPECT_TRUE(honest.AwaitTask(absl::StrCat("t", launches_)));
  EXPECT_TRUE(Counted("meros_master_watch_subscribers 2"));
}

}  // namespace
}  // namespace meros::master

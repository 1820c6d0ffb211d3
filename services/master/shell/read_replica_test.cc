// The readers' threads: who waits for whom. What takes long is held up by the test itself.
#include "services/master/shell/read_replica.h"

#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "services/master/view/listing_pages.h"

namespace meros::master {
namespace {

using absl::Notification;

std::vector<Publish> Agents(std::initializer_list<int> numbers) {
  std::vector<Publish> changes;
  for (int number : numbers) {
    auto record = std::make_shared<AgentRecord>();
    record->id = AgentId(absl::StrCat("a", number));
    record->state = AgentState::kRegistered;
    record->info = std::make_shared<v1::AgentInfo>();
    changes.push_back({static_cast<uint64_t>(number), std::shared_ptr<const AgentRecord>(record)});
  }
  return changes;
}

class Reading : public ::testing::Test {
 protected:
  Reading()
      : registry_("master"),
        metrics_(&registry_),
        replica_({.max_queries = 4, .max_listings = 2, .packing_threads = 1}, "m", &metrics_) {}

  // A listing whose packing begins with `begun` and ends after `released`.
  ReadReplica::Take Held(Notification* begun, Notification* released) {
    return [begun, released](const ClusterView&) -> ReadReplica::Pack {
      return [begun, released] {
        if (begun != nullptr) begun->Notify();
        released->WaitForNotification();
      };
    };
  }
  // Waits until the replica has done what it was asked so far.
  void Await() {
    Notification answered;
    ASSERT_TRUE(replica_.Query([&](const ClusterView&, WatchHub*) { answered.Notify(); }));
    answered.WaitForNotification();
  }

  telemetry::MetricRegistry registry_;
  MasterMetrics metrics_;
  ReadReplica replica_;
};

TEST_F(Reading, AnswersShortOnesWhileLongOnesAreHeldUp) {
  Notification begun, released, all_packed;
  ASSERT_TRUE(replica_.List(Held(&begun, &released)));
  begun.WaitForNotification();
  // One waits for the thread that packs; it has been taken. The next are not even taken.
  ASSERT_TRUE(replica_.List(Held(nullptr, &released)));
  Await();
  Await();
  bool is_taken = false;
  ASSERT_TRUE(replica_.List([&](const ClusterView&) -> ReadReplica::Pack {
    is_taken = true;
    return [&] { all_packed.Notify(); };
  }));

  replica_.Push(Agents({1}));
  uint64_t seen = 0;
  Notification answered;
  ASSERT_TRUE(replica_.Query([&](const ClusterView& view, WatchHub*) {
    seen = view.revision();
    EXPECT_FALSE(is_taken);
    answered.Notify();
  }));
  answered.WaitForNotification();

  EXPECT_EQ(seen, 1u);
  released.Notify();
  all_packed.WaitForNotification();
}

TEST_F(Reading, APageIsOfTheRevisionAtWhichItWasTaken) {
  replica_.Push(Agents({1, 2}));
  Notification begun, released, packed;
  v1::master::ListAgentsResponse shown;
  ASSERT_TRUE(replica_.List([&](const ClusterView& view) -> ReadReplica::Pack {
    auto page = std::make_shared<AgentPage>(*TakePage(view, v1::master::ListAgentsRequest()));
    return [&, page] {
      begun.Notify();
      released.WaitForNotification();
      EXPECT_TRUE(shown.ParseFromString(Pack(*page)));
      packed.Notify();
    };
  }));
  begun.WaitForNotification();

  replica_.Push(Agents({3}));
  Await();
  released.Notify();
  packed.WaitForNotification();

  EXPECT_EQ(shown.revision(), 2u);
  EXPECT_EQ(shown.agents_size(), 2);
}

class DeafSink final : public WatchSink {
 public:
  bool Send(const WatchFrame&) override { return true; }
  size_t unread_bytes() const override { return 0; }
  void Close(absl::Status) override {}
};

// Asks something when it is sent its first frame, and sees how many there were at the answer.
class AskingSink final : public WatchSink {
 public:
  explicit AskingSink(ReadReplica* replica) : replica_(replica) {}
  bool Send(const WatchFrame& frame) override {
    if (frames_++ > 0) return true;
    return replica_->Query([this](const ClusterView&, WatchHub*) {
      frames_at_answer_ = frames_;
      is_answered_.Notify();
    });
  }
  size_t unread_bytes() const override { return 0; }
  void Close(absl::Status) override {}

  size_t FramesAtAnswer() {
    is_answered_.WaitForNotification();
    return frames_at_answer_;
  }

 private:
  ReadReplica* const replica_;
  size_t frames_ = 0;
  size_t frames_at_answer_ = 0;
  Notification is_answered_;
};

TEST_F(Reading, AnswersBetweenTwoFramesOfWhatAWatcherMissed) {
  ReadReplica replica({.watch = {.events_per_frame = 1}}, "m", &metrics_);
  auto sink = std::make_shared<AskingSink>(&replica);
  const auto watch = [](std::shared_ptr<WatchSink> watcher, const std::string& token) {
    return [=](const ClusterView& view, WatchHub* hub) {
      v1::master::WatchRequest request;
      if (!token.empty()) request.set_resume_token(token);
      EXPECT_TRUE(hub->Start(view, request, watcher).ok());
    };
  };
  Notification watched;  // from then on, changes are kept
  ASSERT_TRUE(replica.Query([&](const ClusterView& view, WatchHub* hub) {
    watch(std::make_shared<DeafSink>(), "")(view, hub);
    watched.Notify();
  }));
  watched.WaitForNotification();

  replica.Push(Agents({1, 2, 3, 4, 5, 6, 7, 8}));
  ASSERT_TRUE(replica.Query(watch(sink, "m/0")));

  EXPECT_EQ(sink->FramesAtAnswer(), 1u);
  replica.Stop();
}

TEST_F(Reading, WhatWaitsIsBounded) {
  Notification begun, released;
  ASSERT_TRUE(replica_.List(Held(&begun, &released)));
  begun.WaitForNotification();
  ASSERT_TRUE(replica_.List(Held(nullptr, &released)));
  Await();
  Await();  // the second one has been taken

  EXPECT_TRUE(replica_.List(Held(nullptr, &released)));
  EXPECT_TRUE(replica_.List(Held(nullptr, &released)));
  EXPECT_FALSE(replica_.List(Held(nullptr, &released)));

  released.Notify();
  replica_.Stop();
}

TEST_F(Reading, WhatWasAskedIsAnsweredBeforeItStops) {
  Notification begun, released;
  int packed = 0;
  ASSERT_TRUE(replica_.List(Held(&begun, &released)));
  begun.WaitForNotification();
  const auto count = [&](const ClusterView&) -> ReadReplica::Pack { return [&] { ++packed; }; };
  ASSERT_TRUE(replica_.List(count));
  ASSERT_TRUE(replica_.List(count));
  released.Notify();

  replica_.Stop();

  EXPECT_EQ(packed, 2);
  EXPECT_FALSE(replica_.List(count));
  EXPECT_FALSE(replica_.Query([](const ClusterView&, WatchHub*) {}));
}

}  // namespace
}  // namespace meros::master

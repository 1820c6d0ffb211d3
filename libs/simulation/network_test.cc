// Goal: calls suffer every fault that is asked for, streams deliver an ordered prefix and tell both
// ends of their end once. Method: endpoints that write down what they hear.
#include "libs/simulation/network.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace meros::simulation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Listener : public Endpoint {
 public:
  void OnCall(const std::string& from, const std::string& bytes) override {
    heard.push_back(absl::StrCat("call ", from, " ", bytes));
  }
  void OnStreamOpen(ConnectionId id, const std::string& from) override {
    accepted = id;
    heard.push_back(absl::StrCat("open ", from));
  }
  void OnStreamMessage(ConnectionId, const std::string& bytes) override { heard.push_back(bytes); }
  void OnStreamClosed(ConnectionId, const absl::Status& reason) override {
    heard.push_back(absl::StrCat("closed ", reason.message()));
  }

  ConnectionId accepted = 0;
  std::vector<std::string> heard;
};

class SimNetTest : public ::testing::Test {
 protected:
  void Make(const NetFaults& faults, uint64_t seed = 1) {
    net_ = std::make_unique<SimNet>(&events_, faults, seed);
    net_->Attach("a", &a_);
    net_->Attach("b", &b_);
  }
  void RunAll() {
    while (events_.RunNext()) {
    }
  }
  void RunFor(absl::Duration duration) {
    const absl::Time end = events_.Now() + duration;
    while (events_.NextTime() <= end) events_.RunNext();
    events_.AdvanceTo(end);
  }

  EventQueue events_;
  std::unique_ptr<SimNet> net_;
  Listener a_;
  Listener b_;
};

TEST_F(SimNetTest, CallsArriveAfterTheLatency) {
  Make({.latency_min = absl::Milliseconds(3), .latency_max = absl::Milliseconds(3)});
  net_->Call("a", "b", "x");

  RunAll();

  EXPECT_THAT(b_.heard, ElementsAre("call a x"));
  EXPECT_EQ(events_.Now(), StartOfTime() + absl::Milliseconds(3));
}

TEST_F(SimNetTest, CallsAreLostDoubledAndOvertaken) {
  Make({.loss_chance = 0.3, .duplicate_chance = 0.3});
  for (int i = 100; i < 200; ++i) net_->Call("a", "b", std::to_string(i));

  RunAll();

  const std::set<std::string> distinct(b_.heard.begin(), b_.heard.end());
  EXPECT_LT(distinct.size(), 100u);
  EXPECT_GT(b_.heard.size(), distinct.size());
  EXPECT_FALSE(std::is_sorted(b_.heard.begin(), b_.heard.end()));
}

TEST_F(SimNetTest, StreamsKeepOrderBothWays) {
  Make({.spike_chance = 0.3});
  const ConnectionId id = net_->Open("a", "b");
  std::vector<std::string> expected = {"open a"};
  for (int i = 0; i < 50; ++i) {
    net_->Write(id, "a", std::to_string(i));
    expected.push_back(std::to_string(i));
  }
  net_->Close(id, "a", absl::CancelledError("enough"));
  expected.push_back("closed enough");

  RunAll();

  EXPECT_EQ(b_.heard, expected);
  EXPECT_THAT(a_.heard, IsEmpty());
  EXPECT_EQ(net_->open_streams(), 0u);
}

TEST_F(SimNetTest, TheAcceptorAnswersOnTheSameStream) {
  Make({});
  const ConnectionId id = net_->Open("a", "b");
  RunAll();
  ASSERT_EQ(b_.accepted, id);

  net_->Write(id, "b", "hello");
  RunAll();

  EXPECT_THAT(a_.heard, ElementsAre("hello"));
}

TEST_F(SimNetTest, ABrokenStreamDeliveredAPrefixAndTellsBoth) {
  Make({.break_chance = 0.1});
  const ConnectionId id = net_->Open("a", "b");
  for (int i = 0; i < 200; ++i) {
    events_.After(absl::Milliseconds(i),
                  [this, id, i] { net_->Write(id, "a", std::to_string(i)); });
  }

  RunAll();

  ASSERT_GE(b_.heard.size(), 2u);
  EXPECT_EQ(b_.heard.back(), "closed connection reset");
  for (size_t i = 1; i + 1 < b_.heard.size(); ++i) EXPECT_EQ(b_.heard[i], std::to_string(i - 1));
  EXPECT_THAT(a_.heard, ElementsAre("closed connection reset"));
  EXPECT_EQ(net_->open_streams(), 0u);
}

TEST_F(SimNetTest, ACrashTellsThePeerSoon) {
  Make({});
  net_->Open("a", "b");
  RunAll();

  net_->Detach("b");
  RunFor(absl::Seconds(1));

  EXPECT_THAT(a_.heard, ElementsAre("closed b went away"));
  EXPECT_EQ(net_->open_streams(), 0u);
}

TEST_F(SimNetTest, NobodyThereRefuses) {
  Make({});
  net_->Open("a", "nobody");

  RunAll();

  EXPECT_THAT(a_.heard, ElementsAre("closed nobody refuses connections"));
}

TEST_F(SimNetTest, AShortCutOnlyDelays) {
  Make({});
  const ConnectionId id = net_->Open("a", "b");
  RunAll();
  net_->CutBoth("a", "b");
  net_->Write(id, "a", "1");
  net_->Write(id, "a", "2");
  RunFor(absl::Seconds(5));
  EXPECT_THAT(b_.heard, ElementsAre("open a"));

  net_->Heal("a", "b");
  net_->Heal("b", "a");
  RunFor(absl::Minutes(2));

  EXPECT_THAT(b_.heard, ElementsAre("open a", "1", "2"));
  EXPECT_THAT(a_.heard, IsEmpty());
}

TEST_F(SimNetTest, ALongCutEndsAlsoASilentStream) {
  Make({.stream_timeout = absl::Seconds(20)});
  net_->Open("a", "b");
  RunAll();
  net_->Cut("a", "b");

  RunFor(absl::Minutes(2));

  EXPECT_THAT(a_.heard, ElementsAre("closed keepalive timed out"));
  EXPECT_THAT(b_.heard, ElementsAre("open a", "closed keepalive timed out"));
}

TEST_F(SimNetTest, ACutIsOneWay) {
  Make({});
  net_->Cut("a", "b");
  net_->Call("a", "b", "x");
  net_->Call("b", "a", "y");

  RunFor(absl::Seconds(1));

  EXPECT_THAT(b_.heard, IsEmpty());
  EXPECT_THAT(a_.heard, ElementsAre("call b y"));
}

TEST_F(SimNetTest, AClogDelays) {
  Make({});
  net_->Clog("a", "b", StartOfTime() + absl::Seconds(9));
  net_->Call("a", "b", "x");

  RunFor(absl::Seconds(8));
  EXPECT_THAT(b_.heard, IsEmpty());
  RunFor(absl::Seconds(2));
  EXPECT_THAT(b_.heard, ElementsAre("call a x"));
}

}  // namespace
}  // namespace meros::simulation

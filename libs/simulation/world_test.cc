// Goal: a world runs production-shaped cores so that one seed gives one history, and its faults are
// survived by a protocol that deserves it and found out by one that does not. Method: a counter
// core that persists before it acknowledges, a client that retries, and the same core with the
// acknowledgement sent too early.
#include "libs/simulation/world.h"

#include <variant>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/simulation/core_node.h"

namespace meros::simulation {
namespace {

// Adds up what clients ask for, and acknowledges a total when it is durable, or at once when it is
// sloppy.
class CounterCore {
 public:
  struct Add {
    ConnectionId client = 0;
    int64_t request = 0;  // numbered by the client: repeating one changes nothing
  };
  struct Persisted {
    int64_t total = 0;
  };
  struct Persist {
    int64_t total = 0;
  };
  struct Acknowledge {
    ConnectionId client = 0;
    int64_t total = 0;
  };
  using Input = std::variant<runtime::Tick, Add, Persisted>;
  using Effect = std::variant<Persist, Acknowledge>;

  CounterCore(int64_t total, bool is_sloppy)
      : total_(total), durable_(total), is_sloppy_(is_sloppy) {}

  void Step(absl::Time now, Input input, std::vector<Effect>* out) {
    if (const auto* add = std::get_if<Add>(&input)) {
      client_ = add->client;
      if (add->request == total_ + 1) ++total_;
      if (add->request > durable_) out->push_back(Persist{total_});  // again after a full disk
      const int64_t acknowledged = is_sloppy_ ? total_ : durable_;
      if (acknowledged > 0) out->push_back(Acknowledge{client_, acknowledged});
    } else if (const auto* persisted = std::get_if<Persisted>(&input)) {
      durable_ = persisted->total;
      out->push_back(Acknowledge{client_, durable_});
    }
  }
  absl::Time NextDeadline() const { return absl::InfiniteFuture(); }
  void CheckInvariants() const {}

 private:
  int64_t total_;
  int64_t durable_;
  const bool is_sloppy_;
  ConnectionId client_ = 0;
};

class CounterNode : public CoreNode<CounterCore> {
 public:
  CounterNode(NodeContext* context, bool is_sloppy)
      : CoreNode(context, CounterCore(Restore(*context), is_sloppy)) {}

  static int64_t Restore(const NodeContext& context) {
    const auto found = context.disk().find("total");
    int64_t total = 0;
    return found != context.disk().end() && absl::SimpleAtoi(found->second, &total) ? total : 0;
  }

  void OnStreamMessage(ConnectionId id, const std::string& bytes) override {
    int64_t request = 0;
    if (absl::SimpleAtoi(bytes, &request)) Post(CounterCore::Add{id, request});
  }

 protected:
  void Apply(absl::Time now, Effect effect) override {
    if (const auto* persist = std::get_if<CounterCore::Persist>(&effect)) {
      const int64_t total = persist->total;
      context().Commit({{"total", absl::StrCat(total)}}, [this, total](const absl::Status& status) {
        if (status.ok()) Post(CounterCore::Persisted{total});
      });
    } else if (const auto* acknowledge = std::get_if<CounterCore::Acknowledge>(&effect)) {
      context().Write(acknowledge->client, absl::StrCat(acknowledge->total));
    }
  }
  std::string Describe(const Effect& effect) const override {
    if (const auto* persist = std::get_if<CounterCore::Persist>(&effect))
      return absl::StrCat("persist ", persist->total);
    return absl::StrCat("acknowledge ", std::get<CounterCore::Acknowledge>(effect).total);
  }
};

// Asks for one more after each acknowledgement; asks again every second and after each lost stream.
class ClientNode : public Node {
 public:
  explicit ClientNode(NodeContext* context) : context_(*context) {}

  void Start() override { Reconnect(); }
  void OnCall(const std::string&, const std::string&) override {}
  void OnStreamOpen(ConnectionId, const std::string&) override {}
  void OnStreamMessage(ConnectionId, const std::string& bytes) override {
    int64_t total = 0;
    if (!absl::SimpleAtoi(bytes, &total) || total <= acknowledged_) return;
    acknowledged_ = total;
    if (acknowledged_ < kWanted) Ask();
  }
  void OnStreamClosed(ConnectionId, const absl::Status&) override {
    context_.After(absl::Milliseconds(100), [this] { Reconnect(); });
  }

  static constexpr int64_t kWanted = 200;
  int64_t acknowledged() const { return acknowledged_; }

 private:
  void Reconnect() {
    stream_ = context_.Open("counter");
    AskAgain(stream_);
  }
  void AskAgain(ConnectionId stream) {
    if (stream != stream_ || acknowledged_ >= kWanted) return;
    Ask();
    context_.After(absl::Seconds(1), [this, stream] { AskAgain(stream); });
  }
  void Ask() { context_.Write(stream_, absl::StrCat(acknowledged_ + 1)); }

  NodeContext& context_;
  ConnectionId stream_ = 0;
  int64_t acknowledged_ = 0;
};

struct History {
  absl::Status status;
  uint64_t hash = 0;
  uint64_t events = 0;
  int64_t acknowledged = 0;
};

History RunCounter(uint64_t seed, bool is_sloppy = false) {
  Rng rng(seed);
  World world({.seed = seed, .faults = DrawFaults(&rng)});
  world.AddNode("counter", {.make = [&](NodeContext* context) {
                  return std::make_unique<CounterNode>(context, is_sloppy);
                }});
  world.AddNode("client",
                {.make = [](NodeContext* context) { return std::make_unique<ClientNode>(context); },
                 .may_crash = false});
  const auto client = [&] { return static_cast<ClientNode*>(world.Find("client")); };
  world.AddInvariant("what was acknowledged is durable", [&] {
    const auto& disk = world.disk("counter").contents();
    const auto found = disk.find("total");
    const int64_t durable = found == disk.end() ? 0 : std::stoll(found->second);
    return client()->acknowledged() <= durable
               ? absl::OkStatus()
               : absl::InternalError(absl::StrCat("acknowledged ", client()->acknowledged(),
                                                  ", durable ", durable));
  });

  world.StartChaos();
  History history;
  history.status = world.RunFor(absl::Minutes(2));
  world.HealAll();
  if (history.status.ok()) {
    history.status = world.RunUntil([&] { return client()->acknowledged() == ClientNode::kWanted; },
                                    absl::Minutes(5));
  }
  history.hash = world.trace().hash();
  history.events = world.trace().count();
  history.acknowledged = client()->acknowledged();
  return history;
}

TEST(World, OneSeedGivesOneHistory) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const History first = RunCounter(seed);
    const History second = RunCounter(seed);
    EXPECT_EQ(first.hash, second.hash) << seed;
    EXPECT_EQ(first.events, second.events) << seed;
  }
}

TEST(World, SeedsDiffer) { EXPECT_NE(RunCounter(1).hash, RunCounter(2).hash); }

TEST(World, AnHonestProtocolSurvives) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const History history = RunCounter(seed);
    ASSERT_TRUE(history.status.ok()) << "seed " << seed << ": " << history.status;
  }
}

TEST(World, ASloppyProtocolIsFoundOut) {
  bool is_found = false;
  for (uint64_t seed = 1; seed <= 20 && !is_found; ++seed) {
    is_found = absl::IsInternal(RunCounter(seed, /*is_sloppy=*/true).status);
  }
  EXPECT_TRUE(is_found);
}

// Counts its own events.
class TickingNode : public Node {
 public:
  explicit TickingNode(NodeContext* context, int* ticks) : context_(*context), ticks_(*ticks) {}
  void Start() override { Tick(); }
  void OnCall(const std::string&, const std::string& bytes) override { calls += bytes; }
  void OnStreamOpen(ConnectionId, const std::string&) override {}
  void OnStreamMessage(ConnectionId, const std::string&) override {}
  void OnStreamClosed(ConnectionId, const absl::Status&) override {}

  std::string calls;

 private:
  void Tick() {
    ++ticks_;
    context_.After(absl::Seconds(1), [this] { Tick(); });
  }

  NodeContext& context_;
  int& ticks_;
};

class WorldTest : public ::testing::Test {
 protected:
  WorldTest() : world_({.seed = 1}) {
    world_.AddNode("node", {.make = [this](NodeContext* context) {
                     return std::make_unique<TickingNode>(context, &ticks_);
                   }});
  }

  int ticks_ = 0;
  World world_;
};

TEST_F(WorldTest, ACrashEndsAllEventsOfTheNodeAndARestartBeginsAnew) {
  ASSERT_TRUE(world_.RunFor(absl::Milliseconds(2500)).ok());
  EXPECT_EQ(ticks_, 3);

  world_.Crash("node");
  ASSERT_TRUE(world_.RunFor(absl::Minutes(1)).ok());
  EXPECT_EQ(ticks_, 3);
  EXPECT_FALSE(world_.IsUp("node"));

  world_.Restart("node");
  ASSERT_TRUE(world_.RunFor(absl::Milliseconds(500)).ok());
  EXPECT_EQ(ticks_, 4);
}

TEST_F(WorldTest, APauseDelaysAndReordersNothing) {
  ASSERT_TRUE(world_.RunFor(absl::Milliseconds(500)).ok());
  world_.Pause("node", absl::Seconds(10));
  auto* const node = static_cast<TickingNode*>(world_.Find("node"));
  for (const char* word : {"a", "b", "c"}) {
    world_.events().After(absl::Seconds(1), [node_gate = &world_.net(), word] {
      node_gate->Call("x", "node", word);
    });
    ASSERT_TRUE(world_.RunFor(absl::Seconds(2)).ok());
  }
  EXPECT_EQ(ticks_, 1);
  EXPECT_EQ(node->calls, "");

  ASSERT_TRUE(world_.RunFor(absl::Milliseconds(4600)).ok());

  EXPECT_EQ(ticks_, 2);
  EXPECT_EQ(node->calls, "abc");
}

// Who wants to see nothing of it any more has to wait.
TEST_F(WorldTest, NothingGoesOnForLongerThanTheAftermath) {
  const Faults& faults = world_.faults();
  world_.AddNode("peer", {.make = [this](NodeContext* context) {
                   return std::make_unique<TickingNode>(context, &ticks_);
                 }});
  auto* const peer = static_cast<TickingNode*>(world_.Find("peer"));
  ASSERT_TRUE(world_.RunFor(absl::Milliseconds(500)).ok());
  world_.Pause("node", faults.chaos.pause_max);
  world_.net().Clog("x", "peer", world_.Now() + faults.chaos.clog_max);
  world_.net().Call("x", "peer", "clogged");
  const int before = ticks_;

  world_.HealAll();
  ASSERT_TRUE(world_.RunFor(absl::Seconds(5)).ok());
  EXPECT_EQ(peer->calls, "") << "a clog that has begun lasts";
  EXPECT_EQ(ticks_, before + 5) << "and a pause: only the peer ticks";
  ASSERT_TRUE(world_.RunFor(Aftermath(faults)).ok());

  EXPECT_EQ(peer->calls, "clogged");
  const int after = ticks_;
  ASSERT_TRUE(world_.RunFor(absl::Seconds(5)).ok());
  EXPECT_EQ(ticks_, after + 10);
}

TEST_F(WorldTest, ABrokenInvariantEndsTheRunWithItsName) {
  world_.AddInvariant(
      "few ticks", [this] { return ticks_ < 3 ? absl::OkStatus() : absl::InternalError("many"); });

  const absl::Status status = world_.RunFor(absl::Minutes(1));

  EXPECT_EQ(status.message(), "invariant 'few ticks': many");
  EXPECT_EQ(ticks_, 3);
}

TEST_F(WorldTest, AConditionThatNeverHoldsIsADeadline) {
  EXPECT_TRUE(absl::IsDeadlineExceeded(world_.RunUntil([] { return false; }, absl::Seconds(10))));
}

TEST(World, BusyNodesEndTheRun) {
  World world({.seed = 1, .events_max = 1000});
  int ticks = 0;
  world.AddNode("node", {.make = [&](NodeContext* context) {
                  return std::make_unique<TickingNode>(context, &ticks);
                }});

  EXPECT_TRUE(absl::IsResourceExhausted(world.RunFor(absl::Hours(24))));
}

}  // namespace
}  // namespace meros::simulation

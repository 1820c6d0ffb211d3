// Goal: the strand steps every input once and in order, batches effects, ticks at deadlines,
// refuses above its bound and drains at stop. Method: a small counting core on a real thread.
#include "libs/runtime/core_strand.h"

#include <unistd.h>

#include <atomic>
#include <limits>
#include <variant>

#include "gtest/gtest.h"

namespace meros::runtime {
namespace {

class CountingCore {
 public:
  struct Add {
    int amount;
  };
  struct AlarmAfter {
    absl::Duration delay;
  };
  using Input = std::variant<Add, AlarmAfter, Tick>;
  using Effect = int;  // the sum after the step; -1 for the alarm

  void Step(absl::Time now, Input input, std::vector<Effect>* out) {
    if (const Add* add = std::get_if<Add>(&input)) {
      out->push_back(sum_ += add->amount);
    } else if (const AlarmAfter* alarm = std::get_if<AlarmAfter>(&input)) {
      deadline_ = now + alarm->delay;
    } else if (now >= deadline_) {
      deadline_ = absl::InfiniteFuture();
      out->push_back(-1);
    }
  }
  absl::Time NextDeadline() const { return deadline_; }

 private:
  int sum_ = 0;
  absl::Time deadline_ = absl::InfiniteFuture();
};

TEST(CoreStrand, StepsInputsInOrderAndDrainsAtStop) {
  CoreStrand<CountingCore> strand(CountingCore(), {});
  std::vector<int> seen;
  strand.Start([&](absl::Time, std::vector<int> effects) {
    seen.insert(seen.end(), effects.begin(), effects.end());
  });

  for (int i = 0; i < 1000; ++i) strand.Post(CountingCore::Add{1});
  strand.Stop();

  ASSERT_EQ(seen.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(seen[i], i + 1);
}

TEST(CoreStrand, WhatIsPostedFirstOvertakesWhatWaits) {
  CoreStrand<CountingCore> strand(CountingCore(), {.batch_max = 2});
  std::vector<int> seen;
  std::atomic<size_t> stepped{0};
  for (int i = 0; i < 4; ++i) strand.Post(CountingCore::Add{1});
  strand.PostFirst(CountingCore::Add{100});
  strand.PostFirst(CountingCore::Add{200});
  strand.Start([&](absl::Time, std::vector<int> effects) {
    // While the second half of the batch is still to be stepped.
    if (seen.empty()) strand.PostFirst(CountingCore::Add{1000});
    seen.insert(seen.end(), effects.begin(), effects.end());
    stepped = seen.size();
  });
  while (stepped < 7) usleep(1000);  // a strand that stops takes nothing new
  strand.Stop();

  EXPECT_EQ(seen, (std::vector<int>{100, 300, 301, 302, 1302, 1303, 1304}));
}

TEST(CoreStrand, RefusesAboveItsBoundAndSaysSo) {
  struct Observer : StrandObserver {
    void OnBatch(size_t inputs, size_t, absl::Duration) override { stepped += inputs; }
    void OnRejected() override { ++rejected; }
    std::atomic<int> stepped{0}, rejected{0};
  } observer;
  CoreStrand<CountingCore> strand(CountingCore(), {.mailbox_max = 2, .observer = &observer});

  EXPECT_TRUE(strand.TryPost(CountingCore::Add{1}));
  EXPECT_TRUE(strand.TryPost(CountingCore::Add{1}));
  EXPECT_FALSE(strand.TryPost(CountingCore::Add{1}));
  strand.Post(CountingCore::Add{1});  // a collaborator's answer is never refused
  strand.Start([](absl::Time, std::vector<int>) {});
  strand.Stop();

  EXPECT_EQ(observer.rejected, 1);
  EXPECT_EQ(observer.stepped, 3);
  EXPECT_FALSE(strand.TryPost(CountingCore::Add{1}));
}

TEST(CoreStrand, TicksWhenTheDeadlineComes) {
  CoreStrand<CountingCore> strand(CountingCore(), {});
  std::atomic<bool> alarmed{false};
  Mutex mutex;
  CondVar changed;
  strand.Start([&](absl::Time, std::vector<int> effects) {
    MutexLock lock(&mutex);
    if (effects == std::vector<int>{-1}) alarmed = true;
    changed.Signal();
  });

  strand.Post(CountingCore::AlarmAfter{absl::Milliseconds(5)});

  {
    MutexLock lock(&mutex);
    while (!alarmed) changed.Wait(&mutex);
  }
  strand.Stop();
}

TEST(CoreStrand, SleepsThoughTheDeadlineIsCenturiesAway) {
  // Counts how often the strand looks at the time, which it does on every turn.
  struct CountingClock : Clock {
    absl::Time Now() const override {
      ++looks;
      return ProcessClock::Get().Now();
    }
    mutable std::atomic<int> looks{0};
  } clock;
  CoreStrand<CountingCore> strand(CountingCore(), {.clock = &clock});
  strand.Start([](absl::Time, std::vector<int>) {});

  strand.Post(CountingCore::AlarmAfter{absl::Nanoseconds(std::numeric_limits<int64_t>::max())});
  usleep(50'000);  // time for wrong turns; right ones do not depend on it
  strand.Stop();

  EXPECT_LT(clock.looks, 100);
}

// The strand's batches, each with how many inputs it had.
class Batches : public StrandObserver {
 public:
  void OnBatch(size_t inputs, size_t, absl::Duration) override {
    MutexLock lock(&mutex_);
    if (inputs > 0) batches_.push_back(inputs);
    stepped_.SignalAll();
  }
  void OnRejected() override {}
  std::vector<size_t> WaitForFirst() {
    MutexLock lock(&mutex_);
    while (batches_.empty()) stepped_.Wait(&mutex_);
    return batches_;
  }

 private:
  Mutex mutex_;
  CondVar stepped_;
  std::vector<size_t> batches_ MEROS_GUARDED_BY(mutex_);
};

TEST(CoreStrand, WhatMayWaitIsSteppedSoonByItself) {
  // Stands still until it is told to go on, so that nothing is due before all are posted.
  struct StillClock : Clock {
    absl::Time Now() const override {
      return absl::UnixEpoch() + absl::Milliseconds(millis.load());
    }
    std::atomic<int> millis{0};
  } clock;
  Batches batches;
  CoreStrand<CountingCore> strand(CountingCore(), {.clock = &clock, .observer = &batches});
  strand.Start([](absl::Time, std::vector<int>) {});

  for (int i = 0; i < 100; ++i) ASSERT_TRUE(strand.TryPost(CountingCore::Add{1}, Urgency::kSoon));
  clock.millis = 50;

  EXPECT_EQ(batches.WaitForFirst(), std::vector<size_t>{100});
  strand.Stop();
}

TEST(CoreStrand, WhatMayWaitGoesInOrderWithWhatMayNot) {
  struct StillClock : Clock {
    absl::Time Now() const override { return absl::UnixEpoch(); }
  } clock;  // nothing is ever due by itself
  Batches batches;
  CoreStrand<CountingCore> strand(CountingCore(), {.clock = &clock, .observer = &batches});
  std::vector<int> seen;
  strand.Start([&](absl::Time, std::vector<int> effects) {
    seen.insert(seen.end(), effects.begin(), effects.end());
  });

  ASSERT_TRUE(strand.TryPost(CountingCore::Add{1}, Urgency::kSoon));
  ASSERT_TRUE(strand.TryPost(CountingCore::Add{2}));

  EXPECT_EQ(batches.WaitForFirst(), std::vector<size_t>{2});
  strand.Stop();
  EXPECT_EQ(seen, (std::vector<int>{1, 3}));
}

TEST(CoreStrand, SplitsLongQueuesIntoBatches) {
  CoreStrand<CountingCore> strand(CountingCore(), {.batch_max = 10});
  std::vector<size_t> batches;
  for (int i = 0; i < 25; ++i) strand.Post(CountingCore::Add{1});
  strand.Start([&](absl::Time, std::vector<int> effects) { batches.push_back(effects.size()); });
  strand.Stop();

  EXPECT_EQ(batches, (std::vector<size_t>{10, 10, 5}));
}

TEST(CoreStrand, InspectionSeesTheCoreBetweenBatches) {
  CoreStrand<CountingCore> strand(CountingCore(), {});
  strand.Start([](absl::Time, std::vector<int>) {});
  std::atomic<bool> inspected{false};
  Mutex mutex;
  CondVar changed;

  strand.Inspect([&](const CountingCore& core) {
    MutexLock lock(&mutex);
    inspected = core.NextDeadline() == absl::InfiniteFuture();
    changed.Signal();
  });

  {
    MutexLock lock(&mutex);
    while (!inspected) changed.Wait(&mutex);
  }
  strand.Stop();
}

}  // namespace
}  // namespace meros::runtime

// Virtual time: a heap of events ordered by (time, sequence). Nothing in a simulation runs but from
// here, so one seed fixes everything that happens and in which order.
//
// Thread rule: thread-compatible; a simulation is one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/time/time.h"
#include "libs/runtime/clock.h"

namespace meros::simulation {

// Every simulation starts at this time, which means nothing.
inline absl::Time StartOfTime() { return absl::FromUnixSeconds(1'700'000'000); }

class EventQueue {
 public:
  using Action = std::function<void()>;

  absl::Time Now() const { return now_; }
  size_t size() const { return heap_.size(); }
  // The time of the next event; InfiniteFuture when there is none.
  absl::Time NextTime() const;

  // Events of equal time run in the order in which they were added. A past time counts as now.
  void At(absl::Time time, Action action);
  void After(absl::Duration delay, Action action) { At(now_ + delay, std::move(action)); }

  // Moves to the next event and runs it; false when there is none.
  bool RunNext();
  // Moves on to `time`, past which no event has run. REQUIRES: no event before `time` is left.
  void AdvanceTo(absl::Time time);

 private:
  struct Event {
    absl::Time time;
    uint64_t sequence = 0;
    Action action;
  };
  // For a heap with the earliest on top.
  struct IsLater {
    bool operator()(const Event& a, const Event& b) const {
      return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
    }
  };

  absl::Time now_ = StartOfTime();
  uint64_t next_sequence_ = 0;
  std::vector<Event> heap_;
};

// The queue's time for whoever wants a runtime::Clock.
class SimClock : public runtime::Clock {
 public:
  explicit SimClock(const EventQueue* queue) : queue_(*queue) {}
  absl::Time Now() const override { return queue_.Now(); }

 private:
  const EventQueue& queue_;
};

}  // namespace meros::simulation

#include "libs/simulation/event_queue.h"

#include <algorithm>
#include <utility>

#include "libs/base/check.h"

namespace meros::simulation {

absl::Time EventQueue::NextTime() const {
  return heap_.empty() ? absl::InfiniteFuture() : heap_.front().time;
}

void EventQueue::At(absl::Time time, Action action) {
  if (time == absl::InfiniteFuture()) return;
  heap_.push_back({std::max(time, now_), next_sequence_++, std::move(action)});
  std::push_heap(heap_.begin(), heap_.end(), IsLater());
}

bool EventQueue::RunNext() {
  if (heap_.empty()) return false;
  std::pop_heap(heap_.begin(), heap_.end(), IsLater());
  Event event = std::move(heap_.back());
  heap_.pop_back();
  now_ = event.time;
  event.action();
  return true;
}

void EventQueue::AdvanceTo(absl::Time time) {
  MEROS_CHECK(NextTime() >= time) << "an event was skipped";
  now_ = std::max(now_, time);
}

}  // namespace meros::simulation

// CoreStrand runs one core: it owns the core, the core's mailbox and the thread on which every step
// is taken. Whoever has an input posts it; the strand drains the mailbox in batches, steps the core
// once per input with the time of the batch, and hands all effects of the batch to the shell
// together, so that the shell can write one frame per stream and one commit per batch.
//
//        Post() ─▶ mailbox (bounded) ─▶ Step × n ─▶ effects of the batch ─▶ shell's Apply
//                       ▲                    │
//                       └── Tick when the core's NextDeadline() has come
//
// Waking a thread costs more than a small step. Inputs that come often and may wait, such as
// heartbeats, are posted with Urgency::kSoon: they are stepped with the next urgent one, or
// together after kSoon.
//
// What has to come in time however much else is queued, such as the renewal of a lease, is posted
// with PostFirst: it is stepped before anything that waits.
//
// A core is any class with
//   using Input = std::variant<..., runtime::Tick, ...>;   using Effect = ...;
//   void Step(absl::Time now, Input input, std::vector<Effect>* out);
//   absl::Time NextDeadline() const;
//
// Thread rule: Post, PostFirst, TryPost and Stop are thread-safe; everything else, including
// `apply`, happens on the strand's thread. `apply` may Post to its own strand.
#pragma once

#include <pthread.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/check.h"
#include "libs/base/mutex.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/tick.h"

namespace meros::runtime {

// Told what a strand does; libs/telemetry turns it into metrics. Called on the strand's thread,
// save for OnRejected, which comes from the thread that posted.
class StrandObserver {
 public:
  virtual ~StrandObserver() = default;

  // The strand starts, with a mailbox bounded at `mailbox_max`. Called by CoreStrand::Start().
  virtual void OnStart(size_t mailbox_max) { (void)mailbox_max; }

  // A batch of `inputs` was stepped and applied in `step_time`; `queued_after` inputs arrived
  // meanwhile.
  virtual void OnBatch(size_t inputs, size_t queued_after, absl::Duration step_time) = 0;

  // TryPost found the mailbox full.
  virtual void OnRejected() = 0;
};

enum class Urgency { kNow, kSoon };
inline constexpr absl::Duration kSoon = absl::Milliseconds(50);

struct CoreStrandOptions {
  std::string name = "core";     // thread name; the kernel keeps 15 bytes
  size_t mailbox_max = 1 << 16;  // inputs waiting; at this many TryPost refuses and Post waits
  size_t batch_max = 1024;       // inputs stepped before their effects are applied
  const Clock* clock = &ProcessClock::Get();
  StrandObserver* observer = nullptr;  // may be null; must outlive the strand
};

template <typename Core>
class CoreStrand {
 public:
  using Input = typename Core::Input;
  using Effect = typename Core::Effect;
  // Receives the effects of one batch in the order in which the core emitted them.
  using Apply = std::function<void(absl::Time now, std::vector<Effect> effects)>;

  // `core` must not be touched by others any more. Nothing runs before Start().
  CoreStrand(Core core, CoreStrandOptions options)
      : options_(std::move(options)), core_(std::move(core)) {}

  ~CoreStrand() { Stop(); }
  CoreStrand(const CoreStrand&) = delete;
  CoreStrand& operator=(const CoreStrand&) = delete;

  // REQUIRES: called once, before Stop().
  void Start(Apply apply) {
    apply_ = std::move(apply);
    if (options_.observer != nullptr) options_.observer->OnStart(options_.mailbox_max);
    thread_ = std::thread([this] { Run(); });
  }

  // Queues an input. False when the mailbox is full (`input` is then untouched) or stopped: the
  // caller refuses its peer with RESOURCE_EXHAUSTED, or stops reading from it.
  [[nodiscard]] bool TryPost(Input&& input, Urgency urgency = Urgency::kNow) {
    {
      MutexLock lock(&mutex_);
      if (stopping_) return false;
      if (mailbox_.size() < options_.mailbox_max) {
        Enqueue(std::move(input), urgency);
        return true;
      }
    }
    if (options_.observer != nullptr) options_.observer->OnRejected();
    return false;
  }

  // Queues an input that must not be lost: answers of our own collaborators (store, neighbours),
  // whose number the core itself bounds. Takes it above the bound too; dropped only after Stop().
  void Post(Input input) {
    MutexLock lock(&mutex_);
    if (!stopping_) Enqueue(std::move(input), Urgency::kNow);
  }

  // As Post, but stepped next, after the same of before and at most batch_max others.
  void PostFirst(Input input) {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    first_.push_back(std::move(input));
    due_ = absl::InfinitePast();
    if (idle_) wake_.Signal();
  }

  // Runs `read` on the strand between batches with the core: for publishing views and for tests.
  void Inspect(std::function<void(const Core&)> read) {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    inspections_.push_back(std::move(read));
    if (idle_) wake_.Signal();
  }

  size_t queued() const {
    MutexLock lock(&mutex_);
    return mailbox_.size() + first_.size();
  }

  // Steps what is queued, applies it and ends the thread. Idempotent; not from the strand's thread.
  void Stop() {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
      wake_.Signal();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Enqueue(Input&& input, Urgency urgency) MEROS_REQUIRES(mutex_) {
    mailbox_.push_back(std::move(input));
    if (urgency == Urgency::kSoon && due_ != absl::InfiniteFuture())
      return;  // goes with the others
    due_ = urgency == Urgency::kNow ? absl::InfinitePast() : options_.clock->Now() + kSoon;
    if (idle_) wake_.Signal();  // a busy strand looks again by itself
  }

  void Run() {
    pthread_setname_np(pthread_self(), options_.name.substr(0, 15).c_str());
    std::vector<Input> batch;
    std::vector<std::function<void(const Core&)>> inspections;
    while (TakeBatch(&batch, &inspections)) {
      StepBatch(&batch);
      for (const auto& read : inspections) read(core_);
      inspections.clear();
    }
  }

  // Waits for inputs, the core's deadline or the end. False at the end, when nothing is left.
  bool TakeBatch(std::vector<Input>* batch,
                 std::vector<std::function<void(const Core&)>>* inspections) {
    const absl::Time deadline = core_.NextDeadline();
    MutexLock lock(&mutex_);
    while (inspections_.empty() && !stopping_) {
      if (due_ == absl::InfinitePast()) break;
      const absl::Duration left = std::min(deadline, due_) - options_.clock->Now();
      if (left <= absl::ZeroDuration()) break;
      idle_ = true;
      // In parts: the standard library's clock overflows on the longest duration of a message, with
      // which people say "for ever", and a wait that overflows ends at once, again and again.
      wake_.WaitFor(&mutex_, std::min(left, absl::Hours(24)));
      idle_ = false;
    }
    batch->swap(mailbox_);
    due_ = absl::InfiniteFuture();
    inspections->swap(inspections_);
    return !(stopping_ && batch->empty() && first_.empty());
  }

  std::vector<Input> TakeFirst() {
    MutexLock lock(&mutex_);
    return std::exchange(first_, {});
  }

  void StepBatch(std::vector<Input>* batch) {
    size_t done = 0;
    do {
      std::vector<Input> first = TakeFirst();
      const absl::Time now = options_.clock->Now();
      const size_t end = std::min(batch->size(), done + options_.batch_max);
      const size_t inputs = first.size() + end - done;
      std::vector<Effect> effects;
      effects.reserve(effects_of_last_batch_);  // growing would move them all, several times
      for (Input& input : first) core_.Step(now, std::move(input), &effects);
      for (; done < end; ++done) core_.Step(now, std::move((*batch)[done]), &effects);
      if (core_.NextDeadline() <= now) core_.Step(now, Input(Tick{}), &effects);
      effects_of_last_batch_ = effects.size();
      if (!effects.empty()) apply_(now, std::move(effects));
      if (options_.observer != nullptr) {
        options_.observer->OnBatch(inputs, queued() + batch->size() - done,
                                   options_.clock->Now() - now);
      }
    } while (done < batch->size());
    // What a rush has left behind is not kept for the few that come afterwards.
    const size_t capacity = batch->capacity();
    const bool is_sparse = capacity > options_.batch_max && batch->size() < capacity / 8;
    batch->clear();
    if (is_sparse) batch->shrink_to_fit();
  }

  const CoreStrandOptions options_;
  Core core_;                         // strand's thread only, after Start()
  Apply apply_;                       // strand's thread only, after Start()
  size_t effects_of_last_batch_ = 0;  // strand's thread only

  mutable Mutex mutex_;
  CondVar wake_;
  std::vector<Input> mailbox_ MEROS_GUARDED_BY(mutex_);
  std::vector<Input> first_ MEROS_GUARDED_BY(mutex_);
  // When the mailbox is to be emptied: never while it is empty, long ago once something is urgent.
  absl::Time due_ MEROS_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  std::vector<std::function<void(const Core&)>> inspections_ MEROS_GUARDED_BY(mutex_);
  bool idle_ MEROS_GUARDED_BY(mutex_) = false;
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace meros::runtime

// What all reactors that write frames share: the outbox, the one write in flight, orderly end and
// the cutting of peers that stopped reading. Internal to libs/rpc.
//
//              Send                      last write done
//    (1) OPEN ──────▶ OPEN     CLOSING ───────────────────▶ CLOSED ──▶ on_closed, once
//         │  Close(status)        ▲  │ Cancel, broken, stuck: the rest is dropped
//         └───────────────────────┘  └──────────────────────▶
//
// gRPC may run a reaction on the thread that starts an operation, so no operation is started under
// the lock: the decision is taken under it, the act follows outside.
//
// Thread rule: thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/base/mutex.h"
#include "libs/rpc/outbox.h"
#include "libs/rpc/stream_watchdog.h"
#include "libs/runtime/clock.h"

namespace meros::rpc {

template <typename Reactor, typename Out>
class WritingReactor : public Reactor, public WatchedStream {
 public:
  explicit WritingReactor(OutboxOptions options) : options_(options), outbox_(options) {}

  // Queues a frame behind the earlier ones. False when the stream is ending or was cut because its
  // peer reads too slowly; the frame is then lost and on_closed follows.
  bool Send(Out frame) {
    bool overflow = false;
    {
      MutexLock lock(&mutex_);
      if (end_.has_value()) return false;
      overflow = !outbox_.Push(std::move(frame));
    }
    if (overflow) {
      Cut(absl::ResourceExhaustedError(
          absl::StrCat("peer reads too slowly: more than ", options_.bytes_max, " bytes waiting")));
      return false;
    }
    Advance();
    return true;
  }

  // Ends the stream with `status` after the frames queued so far. The first call decides.
  void Close(absl::Status status) {
    {
      MutexLock lock(&mutex_);
      if (!end_.has_value()) end_ = std::move(status);
    }
    Advance();
  }

  // Ends the stream at once; frames not yet written are lost.
  void Abort(absl::Status status) {
    {
      MutexLock lock(&mutex_);
      if (!end_.has_value()) end_ = std::move(status);
      outbox_.Clear();
      if (end_started_) return;  // gRPC's context may be gone already
      ++pins_;                   // and must not go while we cancel through it
    }
    CancelCall();
    Unpin();
  }

  // Whether the stream was ended because its peer reads too slowly. Final in on_closed.
  bool was_cut() const {
    MutexLock lock(&mutex_);
    return cut_;
  }

  // Bytes waiting to be written: what a shell looks at to slow its source down.
  size_t queued_bytes() const {
    MutexLock lock(&mutex_);
    return outbox_.bytes();
  }

  void CutIfStuckSince(absl::Time deadline_start) final {
    {
      MutexLock lock(&mutex_);
      if (!writing_ || write_started_ > deadline_start) return;
    }
    Cut(absl::DeadlineExceededError(
        absl::StrCat("peer did not read for ", absl::FormatDuration(options_.write_deadline))));
  }
  absl::Duration write_deadline() const final { return options_.write_deadline; }

  void OnWriteDone(bool ok) override {
    {
      MutexLock lock(&mutex_);
      writing_ = false;
      if (!ok) {
        outbox_.Clear();
        if (!end_.has_value()) end_ = absl::UnavailableError("peer went away");
      }
    }
    Advance();
  }

 protected:
  // The peer ended or broke the stream.
  void PeerEnded(absl::Status status, bool drop_queued) {
    {
      MutexLock lock(&mutex_);
      if (!end_.has_value()) end_ = std::move(status);
      if (drop_queued) outbox_.Clear();
    }
    Advance();
  }

  // Starts what can be started: the next write, or, when all are done, the end.
  void Advance() {
    std::optional<absl::Status> end;
    bool end_waits = false;
    {
      MutexLock lock(&mutex_);
      if (writing_ || end_started_ || !started_) return;
      if (!outbox_.empty()) {
        in_flight_ = outbox_.Pop();
        writing_ = true;
        write_started_ = runtime::ProcessClock::Get().Now();
      } else if (!end_.has_value()) {
        return;
      } else if (pins_ > 0) {
        end_waits = true;
      } else {
        end_started_ = true;
        end = *end_;
      }
    }
    if (end_waits) {
      HurryUnpin();
    } else if (end.has_value()) {
      EndCall(*end);
    } else {
      this->StartWrite(&in_flight_);
    }
  }

  // Operations may be started from now on.
  void MarkStarted() {
    MutexLock lock(&mutex_);
    started_ = true;
  }

  // The call does not end while it is pinned, frames are still written. False: it has ended.
  // REQUIRES: the stream outlives the Unpin that belongs to it.
  [[nodiscard]] bool Pin() {
    MutexLock lock(&mutex_);
    if (end_started_) return false;
    ++pins_;
    return true;
  }
  void Unpin() {
    {
      MutexLock lock(&mutex_);
      --pins_;
    }
    Advance();
  }

  bool is_ending() const {
    MutexLock lock(&mutex_);
    return end_.has_value();
  }

  // REQUIRES: a write is in flight.
  const Out& in_flight() const { return in_flight_; }

  absl::Status end_status() const {
    MutexLock lock(&mutex_);
    return end_.value_or(absl::UnavailableError("peer went away"));
  }

  // Makes a write in flight fail.
  virtual void CancelCall() = 0;
  // Called once, when nothing is being written and nothing will be.
  virtual void EndCall(const absl::Status& status) = 0;
  // The end waits for an Unpin: whoever pinned may come to it now.
  virtual void HurryUnpin() {}

 private:
  void Cut(absl::Status status) {
    {
      MutexLock lock(&mutex_);
      cut_ = true;
    }
    Abort(std::move(status));
  }

  const OutboxOptions options_;
  mutable Mutex mutex_;
  Outbox<Out> outbox_ MEROS_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ MEROS_GUARDED_BY(mutex_);
  bool cut_ MEROS_GUARDED_BY(mutex_) = false;
  bool started_ MEROS_GUARDED_BY(mutex_) = false;
  bool writing_ MEROS_GUARDED_BY(mutex_) = false;
  bool end_started_ MEROS_GUARDED_BY(mutex_) = false;
  int pins_ MEROS_GUARDED_BY(mutex_) = 0;
  absl::Time write_started_ MEROS_GUARDED_BY(mutex_);
  Out in_flight_;  // untouched while a write is in flight
};

}  // namespace meros::rpc

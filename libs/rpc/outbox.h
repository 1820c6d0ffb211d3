// The frames that wait to be written to one stream: bounded, because a peer that reads slowly must not
// grow our memory. Pure bookkeeping, shared by all reactors that write.
//
// Thread rule: thread-compatible; each reactor guards its outbox with its own mutex.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include "absl/time/time.h"

namespace meros::rpc {

struct OutboxOptions {
  size_t bytes_max = 64 << 20;  // frames waiting; one frame is always taken into an empty outbox
  absl::Duration write_deadline = absl::Seconds(20);  // of a single write; then the peer is cut
};

// Of a message, or of one that is packed already.
template <typename Frame>
size_t BytesOf(const Frame& frame) {
  if constexpr (requires { frame.ByteSizeLong(); }) {
    return frame.ByteSizeLong();
  } else {
    return frame.Length();
  }
}

template <typename Frame>
class Outbox {
 public:
  explicit Outbox(OutboxOptions options) : options_(options) {}

  // False when full: the caller cuts the stream.
  [[nodiscard]] bool Push(Frame frame) {
    const size_t bytes = BytesOf(frame);
    if (!frames_.empty() && bytes_ + bytes > options_.bytes_max) return false;
    bytes_ += bytes;
    frames_.emplace_back(std::move(frame), bytes);
    return true;
  }

  // REQUIRES: !empty().
  Frame Pop() {
    Frame frame = std::move(frames_.front().first);
    bytes_ -= frames_.front().second;
    frames_.pop_front();
    return frame;
  }

  bool empty() const { return frames_.empty(); }
  size_t bytes() const { return bytes_; }
  void Clear() {
    frames_.clear();
    bytes_ = 0;
  }

 private:
  const OutboxOptions options_;
  std::deque<std::pair<Frame, size_t>> frames_;
  size_t bytes_ = 0;
};

}  // namespace meros::rpc

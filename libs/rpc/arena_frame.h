// A received frame on a memory arena of its own: for streams whose frames are large, read once and
// then dropped, such as agents' reports. Parsing one then costs a few large allocations instead of
// thousands of small ones, and dropping it next to nothing.
//
//   using Stream = rpc::BidiServerStream<rpc::ArenaFrame<In>, Out, ...>;
//   .on_frame = [](rpc::ArenaFrame<In> frame) { for (auto& m : *frame->mutable_messages()) ... }
//
// What is kept of a frame must be moved or copied out of it: a message that is move-assigned from
// one inside is a copy, on the heap as usual. What is soon dropped may share the arena instead.
//
// Thread rule: value type, moved only; thread-compatible.
#pragma once

#include <google/protobuf/arena.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

namespace meros::rpc {

template <typename Message>
class ArenaFrame {
 public:
  // Without a message until one is received. REQUIRES for all that follow: one was.
  ArenaFrame() = default;
  ArenaFrame(ArenaFrame&& other) noexcept
      : arena_(std::move(other.arena_)), message_(std::exchange(other.message_, nullptr)) {}
  ArenaFrame& operator=(ArenaFrame&& other) noexcept {
    arena_ = std::move(other.arena_);
    message_ = std::exchange(other.message_, nullptr);
    return *this;
  }

  Message& operator*() const { return *message_; }
  Message* operator->() const { return message_; }

  // What is inside lives as long as a copy of it.
  const std::shared_ptr<google::protobuf::Arena>& arena() const { return arena_; }

  // An empty message, with room for what takes so many bytes on the wire.
  Message* Begin(size_t wire_bytes) {
    google::protobuf::ArenaOptions options;
    options.start_block_size = std::clamp(kBytesPerWireByte * wire_bytes, kBlockMin, kBlockMax);
    options.max_block_size = kBlockMax;
    arena_ = std::make_shared<google::protobuf::Arena>(options);
    message_ = google::protobuf::Arena::CreateMessage<Message>(arena_.get());
    return message_;
  }

 private:
  static constexpr size_t kBytesPerWireByte = 4;
  static constexpr size_t kBlockMin = 512;
  static constexpr size_t kBlockMax = 64 << 10;

  std::shared_ptr<google::protobuf::Arena> arena_;
  Message* message_ = nullptr;  // in the arena
};

}  // namespace meros::rpc

// How gRPC reads one.
template <typename Message>
class grpc::SerializationTraits<meros::rpc::ArenaFrame<Message>> {
 public:
  static Status Deserialize(ByteBuffer* buffer, meros::rpc::ArenaFrame<Message>* frame) {
    if (buffer == nullptr || !buffer->Valid()) return {StatusCode::INTERNAL, "no payload"};
    return SerializationTraits<Message>::Deserialize(buffer, frame->Begin(buffer->Length()));
  }
};

// Messages that are packed already, for gRPC's raw methods: what is large, or goes to many, is
// packed once by its owner instead of by gRPC for each call.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace meros::rpc {

// Shorter ones are cheaper to copy than to own.
inline constexpr size_t kOwnedBytesMin = 512;

// Takes the bytes over; copies of the buffer share them.
inline grpc::ByteBuffer BufferOf(std::string packed) {
  if (packed.size() < kOwnedBytesMin) {
    const grpc::Slice copy(packed);
    return grpc::ByteBuffer(&copy, 1);
  }
  auto* const owned = new std::string(std::move(packed));
  const grpc::Slice slice(
      owned->data(), owned->size(), [](void* bytes) { delete static_cast<std::string*>(bytes); },
      owned);
  return grpc::ByteBuffer(&slice, 1);
}

// The same of bytes that go to many streams.
// REQUIRES: `packed` is neither null nor empty.
inline grpc::ByteBuffer BufferOf(const std::shared_ptr<const std::string>& packed) {
  using Owner = std::shared_ptr<const std::string>;
  auto* const owner = new Owner(packed);
  // gRPC does not write to what it sends.
  const grpc::Slice slice(
      const_cast<char*>(packed->data()), packed->size(),
      [](void* held) { delete static_cast<Owner*>(held); }, owner);
  return grpc::ByteBuffer(&slice, 1);
}

// In place of what `message` held, whose memory is used again: of small ones, one after the other,
// that takes half the time.
// ERRORS: InvalidArgument (not a Message; what it holds then is not specified).
template <typename Message>
absl::Status UnpackInto(const grpc::ByteBuffer& packed, Message* message) {
  grpc::ByteBuffer bytes = packed;  // reading a buffer ends it
  if (grpc::SerializationTraits<Message>::Deserialize(&bytes, message).ok()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("the request is not a message of this method");
}

// ERRORS: InvalidArgument (not a Message).
template <typename Message>
absl::StatusOr<Message> Unpack(const grpc::ByteBuffer& packed) {
  Message message;
  const absl::Status status = UnpackInto(packed, &message);
  if (!status.ok()) return status;
  return message;
}

}  // namespace meros::rpc

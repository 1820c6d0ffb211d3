// A frame in the making that is packed as it grows, for streams of bytes (grpc::ByteBuffer): each
// message goes into the frame's repeated field and is not needed any more, so that its owner can
// use the same message for the next one.
//
//   FrameBytes frame;
//   frame.Add(v1::scheduler::Events::kEventsFieldNumber, event);
//   stream->Send(frame.Take());
//
// Thread rule: value type, thread-compatible.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "libs/base/packed_field.h"
#include "libs/rpc/packed.h"

namespace meros::rpc {

class FrameBytes {
 public:
  // REQUIRES: `field` is the frame's repeated field of messages of this type; the compiler does not
  // check it.
  void Add(int field, const google::protobuf::MessageLite& message) {
    const size_t bytes = message.ByteSizeLong();
    const auto head = PackedField::Length(field, bytes);
    bytes_.append(head.view().data(), head.size());
    const size_t begin = bytes_.size();
    bytes_.resize(begin + bytes);
    message.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(&bytes_[begin]));
  }

  bool empty() const { return bytes_.empty(); }
  size_t size() const { return bytes_.size(); }

  // Leaves an empty frame, which is one, too.
  grpc::ByteBuffer Take() { return BufferOf(std::exchange(bytes_, {})); }

 private:
  std::string bytes_;
};

}  // namespace meros::rpc

// A field in protobuf's wire format (https://protobuf.dev/programming-guides/encoding), for
// messages that are packed part by part because building them first would cost too much: a number
// whole, of bytes what stands before them.
//
//   const auto head = PackedField::Length(Events::kEventsFieldNumber, bytes.size());
//   absl::StrAppend(&frame, head.view(), bytes);
//
// The compiler does not check that field and type belong together: what is written this way has a
// test that parses it.
//
// Thread rule: value type, thread-compatible. Whoever includes this links protobuf.
#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace meros {

class PackedField {
 public:
  // What stands before `bytes` bytes of a string, of bytes or of a packed message.
  static PackedField Length(int field, size_t bytes) {
    return PackedField(field, Wire::WIRETYPE_LENGTH_DELIMITED, bytes);
  }
  // A bool, uint32, uint64, or an enumeration without negative numbers.
  static PackedField Varint(int field, uint64_t value) {
    return PackedField(field, Wire::WIRETYPE_VARINT, value);
  }
  static PackedField Double(int field, double value) {
    PackedField packed;
    uint8_t* end = packed.WriteTag(field, Wire::WIRETYPE_FIXED64);
    packed.EndAt(Coded::WriteLittleEndian64ToArray(Wire::EncodeDouble(value), end));
    return packed;
  }

  size_t size() const { return size_; }
  absl::string_view view() const { return {reinterpret_cast<const char*>(bytes_), size_}; }

 private:
  using Coded = google::protobuf::io::CodedOutputStream;
  using Wire = google::protobuf::internal::WireFormatLite;

  PackedField() = default;
  PackedField(int field, Wire::WireType type, uint64_t value) {
    EndAt(Coded::WriteVarint64ToArray(value, WriteTag(field, type)));
  }
  // Returns where the value begins.
  uint8_t* WriteTag(int field, Wire::WireType type) {
    return Coded::WriteVarint32ToArray(Wire::MakeTag(field, type), bytes_);
  }
  void EndAt(const uint8_t* end) { size_ = end - bytes_; }

  uint8_t bytes_[16];  // a tag has up to 5, what follows it up to 10
  size_t size_ = 0;
};

}  // namespace meros

// Appends fields to a packed message, for listings that are too large to be built as messages
// first: a field costs its bytes, no allocation.
//
// What is written this way has a test that parses it and compares (listing_pages_test.cc), because
// the compiler does not check that field and type belong together.
//
// Thread rule: thread-compatible.
#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "meros/v1/ids.pb.h"

namespace meros::master {

class WireWriter {
 public:
  // `out` outlives the writer.
  explicit WireWriter(std::string* out) : out_(out) {}

  // A field of type string or bytes, or a message that is packed already.
  void Bytes(int field, absl::string_view bytes) {
    Head(field, Wire::WIRETYPE_LENGTH_DELIMITED, bytes.size());
    out_->append(bytes.data(), bytes.size());
  }
  // A field of type bool, uint32, uint64, or of an enumeration without negative numbers.
  void Varint(int field, uint64_t value) { Head(field, Wire::WIRETYPE_VARINT, value); }
  void Double(int field, double value) {
    uint8_t bytes[kHeadMax];
    uint8_t* end = WriteTag(field, Wire::WIRETYPE_FIXED64, bytes);
    end = google::protobuf::io::CodedOutputStream::WriteLittleEndian64ToArray(
        Wire::EncodeDouble(value), end);
    out_->append(reinterpret_cast<const char*>(bytes), end - bytes);
  }
  // A field of type TaskID, AgentID and their like.
  void Id(int field, absl::string_view value) {
    const int number = v1::TaskID::kValueFieldNumber;
    Head(field, Wire::WIRETYPE_LENGTH_DELIMITED,
         1 + google::protobuf::io::CodedOutputStream::VarintSize64(value.size()) + value.size());
    Bytes(number, value);
  }
  // A message whose fields are those of `first`, then those of `second`.
  void Message(int field, absl::string_view first, absl::string_view second) {
    Head(field, Wire::WIRETYPE_LENGTH_DELIMITED, first.size() + second.size());
    out_->append(first.data(), first.size());
    out_->append(second.data(), second.size());
  }

 private:
  using Wire = google::protobuf::internal::WireFormatLite;
  static constexpr int kHeadMax = 16;  // a tag has up to 5 bytes, what follows it up to 10

  static uint8_t* WriteTag(int field, Wire::WireType type, uint8_t* at) {
    return google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(Wire::MakeTag(field, type),
                                                                         at);
  }
  void Head(int field, Wire::WireType type, uint64_t value) {
    uint8_t bytes[kHeadMax];
    uint8_t* end = WriteTag(field, type, bytes);
    end = google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(value, end);
    out_->append(reinterpret_cast<const char*>(bytes), end - bytes);
  }

  std::string* const out_;
};

}  // namespace meros::master

// Appends fields to a packed message, for listings that are too large to be built as messages
// first: a field costs its bytes, no allocation.
//
// What is written this way has a test that parses it and compares (listing_pages_test.cc), because
// the compiler does not check that field and type belong together.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "libs/base/packed_field.h"
#include "meros/v1/ids.pb.h"

namespace meros::master {

class WireWriter {
 public:
  // `out` outlives the writer.
  explicit WireWriter(std::string* out) : out_(out) {}

  // A field of type string or bytes, or a message that is packed already.
  void Bytes(int field, absl::string_view bytes) {
    Append(PackedField::Length(field, bytes.size()));
    Append(bytes);
  }
  // A field of type bool, uint32, uint64, or of an enumeration without negative numbers.
  void Varint(int field, uint64_t value) { Append(PackedField::Varint(field, value)); }
  void Double(int field, double value) { Append(PackedField::Double(field, value)); }
  // A field of type TaskID, AgentID and their like.
  void Id(int field, absl::string_view value) {
    const auto inner = PackedField::Length(v1::TaskID::kValueFieldNumber, value.size());
    Append(PackedField::Length(field, inner.size() + value.size()));
    Append(inner);
    Append(value);
  }
  // A message whose fields are those of `first`, then those of `second`.
  void Message(int field, absl::string_view first, absl::string_view second) {
    Append(PackedField::Length(field, first.size() + second.size()));
    Append(first);
    Append(second);
  }

 private:
  void Append(absl::string_view bytes) { out_->append(bytes.data(), bytes.size()); }
  void Append(const PackedField& field) { Append(field.view()); }

  std::string* const out_;
};

}  // namespace meros::master

// Goal: what is packed by hand is read as what it says, whatever the field's number and value.
#include "libs/base/packed_field.h"

#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace meros {
namespace {

// A message that has fields of all three kinds.
using Message = google::protobuf::UninterpretedOption;

Message Parsed(const PackedField& field, const std::string& rest = "") {
  Message message;
  EXPECT_TRUE(message.ParsePartialFromString(std::string(field.view()) + rest));
  return message;
}

TEST(PackedField, AVarintIsItsNumber) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{127}, uint64_t{128},
                               std::numeric_limits<uint64_t>::max()}) {
    const auto field = PackedField::Varint(Message::kPositiveIntValueFieldNumber, value);
    EXPECT_TRUE(Parsed(field).has_positive_int_value());
    EXPECT_EQ(Parsed(field).positive_int_value(), value);
  }
}

TEST(PackedField, ALengthStandsBeforeItsBytes) {
  for (const size_t length : {size_t{0}, size_t{1}, size_t{128}, size_t{70'000}}) {
    const std::string bytes(length, 'x');
    const auto head = PackedField::Length(Message::kStringValueFieldNumber, length);
    EXPECT_TRUE(Parsed(head, bytes).has_string_value());
    EXPECT_EQ(Parsed(head, bytes).string_value(), bytes);
  }
}

TEST(PackedField, ADoubleIsItsNumber) {
  for (const double value : {0.0, -1.5, 1e300, std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(Parsed(PackedField::Double(Message::kDoubleValueFieldNumber, value)).double_value(),
              value);
  }
}

TEST(PackedField, TheLargestFieldNumberAndValueFit) {
  constexpr int kFieldMax = (1 << 29) - 1;
  const auto field = PackedField::Varint(kFieldMax, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(field.size(), 15u);
}

}  // namespace
}  // namespace meros

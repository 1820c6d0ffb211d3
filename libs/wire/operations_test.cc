// Goal: operations in messages become conversions with the offer's allocation role.
#include "libs/wire/operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <google/protobuf/text_format.h>

namespace meros::wire {
namespace {

using resources::Resources;
using ::testing::HasSubstr;

absl::StatusOr<resources::Operation> Read(const std::string& text, absl::string_view role) {
  v1::Offer::Operation message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return OperationFromProto(message, role, FieldPath("op"));
}

TEST(OperationFromProto, ReadsReserveWithTheRoleOfTheOffer) {
  const auto operation = Read(
      "type: RESERVE reserve { resources { name: 'cpus' type: SCALAR scalar { value: 4 } "
      "role: 'eng' reservation {} } }",
      "eng");

  ASSERT_TRUE(operation.ok()) << operation.status();
  const auto result = Apply(*operation, Resources::Of(6, 0).WithAllocationRole("eng"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->DebugString(),
            "cpus(allocated to eng):2;cpus(eng dynamic; allocated to eng):4");
}

TEST(OperationFromProto, ReadsVolumes) {
  const std::string volume =
      "{ name: 'disk' type: SCALAR scalar { value: 4 } role: 'eng' reservation {} "
      "disk { persistence { id: 'v' } volume { container_path: 'd' mode: RW } } }";
  const std::string disk =
      "{ name: 'disk' type: SCALAR scalar { value: 2 } role: 'eng' reservation {} }";

  EXPECT_TRUE(std::holds_alternative<resources::CreateVolumes>(
      *Read("type: CREATE create { volumes " + volume + " }", "")));
  EXPECT_TRUE(std::holds_alternative<resources::DestroyVolumes>(
      *Read("type: DESTROY destroy { volumes " + volume + " }", "")));
  EXPECT_TRUE(std::holds_alternative<resources::Unreserve>(
      *Read("type: UNRESERVE unreserve { resources " + disk + " }", "")));
  EXPECT_TRUE(std::holds_alternative<resources::GrowVolume>(
      *Read("type: GROW_VOLUME grow_volume { volume " + volume + " addition " + disk + " }", "")));
  EXPECT_TRUE(std::holds_alternative<resources::ShrinkVolume>(*Read(
      "type: SHRINK_VOLUME shrink_volume { volume " + volume + " subtract { value: 1 } }", "")));
}

TEST(OperationFromProto, NamesThePlaceOfAFault) {
  EXPECT_THAT(std::string(Read("type: RESERVE reserve { resources { name: 'cpus' type: SCALAR "
                               "scalar { value: -4 } } }",
                               "")
                              .status()
                              .message()),
              HasSubstr("op.reserve.resources[0].scalar.value: must be finite"));
  EXPECT_THAT(std::string(Read("type: GROW_VOLUME grow_volume { volume { name: 'cpus' type: SCALAR "
                               "scalar { value: 0 } } }",
                               "eng")
                              .status()
                              .message()),
              HasSubstr("op.grow_volume.volume: must not be empty"));
  EXPECT_EQ(Read("type: LAUNCH launch {}", "").status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace meros::wire

// Goal: each rule of validation.h and roles.h accepts what it should and names what it refuses.
// Method: JSON literals for the resources, as they are the shortest way to write metadata.
#include "libs/resources/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/resources/parse.h"
#include "libs/resources/roles.h"

namespace meros::resources {
namespace {

using ::testing::HasSubstr;

// One scalar with further JSON fields.
Resources Of(absl::string_view name, absl::string_view fields) {
  const auto parsed = ParseResourcesJson(absl::StrCat(
      R"([{"name":")", name, R"(","type":"SCALAR","scalar":{"value":4})", fields, "}]"));
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.ok() ? *parsed : Resources();
}

constexpr absl::string_view kReserved = R"(,"role":"eng","reservation":{})";

Resources Volume(absl::string_view id, absl::string_view reservation = kReserved) {
  return Of("disk", absl::StrCat(reservation, R"(,"disk":{"persistence":{"id":")", id,
                                 R"("},"volume":{"container_path":"d","mode":"RW"}})"));
}

void ExpectFault(const absl::Status& status, const std::string& expected) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(expected));
}

TEST(ValidateResource, ChecksNameAndAmount) {
  ExpectFault(ValidateResource(Resource(ResourceName(""), Scalar::FromUnits(1))), "name is empty");
  ExpectFault(ValidateResource(Resource(ResourceName("a\n"), Scalar::FromUnits(1))),
              "control character");
  ExpectFault(ValidateResource(Resource(ResourceName(std::string(300, 'a')), Scalar())),
              "at most 255");
  ExpectFault(ValidateResource(Resource(ResourceName::Cpus(), Scalar::FromMillis(-1))),
              "'cpus' is negative: -0.001");
}

TEST(ValidateResource, Row14GpusAreWhole) {
  ExpectFault(ValidateResource(Resource(ResourceName::Gpus(), Scalar::FromMillis(1500))),
              "'gpus' must be a whole number, got 1.5");
  EXPECT_TRUE(ValidateResource(Resource(ResourceName::Gpus(), Scalar::FromUnits(2))).ok());
  EXPECT_TRUE(ValidateResource(Resource(ResourceName::Cpus(), Scalar::FromMillis(1500))).ok());
}

TEST(ValidateResource, ChecksDiskSources) {
  Metadata metadata;
  metadata.disk = Disk{{}, {}, DiskSource{DiskSource::Kind::kBlock, "/dev/a"}};
  ExpectFault(
      ValidateResource(Resource(ResourceName::Disk(), Scalar::FromUnits(1), MetadataRef(metadata))),
      "must not have a path or mount");
  metadata.disk->source->root.reset();
  metadata.disk->persistence = Persistence{"../x", {}};
  ExpectFault(
      ValidateResource(Resource(ResourceName::Disk(), Scalar::FromUnits(1), MetadataRef(metadata))),
      "persistence id");
}

TEST(ValidateReservations, DepthIsBounded) {
  std::vector<Reservation> stack;
  std::string role = "a";
  for (size_t i = 0; i <= kMaxReservationDepth; ++i, role += "/a") {
    stack.push_back({Reservation::Kind::kDynamic, role, {}, {}});
  }
  ExpectFault(ValidateReservations(stack), "at most 32");
  stack.pop_back();
  EXPECT_TRUE(ValidateReservations(stack).ok());
}

TEST(ValidateReservations, OnlyTheFirstLevelMayBeStatic) {
  const Reservation eng{Reservation::Kind::kStatic, "eng", {}, {}};
  const Reservation web{Reservation::Kind::kStatic, "eng/web", {}, {}};
  EXPECT_TRUE(ValidateReservations({eng}).ok());
  ExpectFault(ValidateReservations({eng, web}), "only the first level");
}

TEST(ValidateDisks, VolumesMustBeWholeAndReserved) {
  EXPECT_TRUE(ValidateDisks(Volume("v1")).ok());
  ExpectFault(ValidateDisks(Volume("v1", "")), "'v1' is not reserved");
  ExpectFault(
      ValidateDisks(Of("disk", absl::StrCat(kReserved, R"(,"disk":{"persistence":{"id":"v"}})"))),
      "'v' has no container path");
  ExpectFault(ValidateDisks(Of("disk", R"(,"disk":{})")), "needs a persistence id or a source");
  ExpectFault(ValidateDisks(Of("disk", R"(,"disk":{"volume":{"container_path":"d","mode":"RW"}})")),
              "needs a persistence id");
  ExpectFault(ValidateDisks(Of("disk", absl::StrCat(kReserved, R"(,"revocable":{},"disk":{
      "persistence":{"id":"v"},"volume":{"container_path":"d","mode":"RW"}})"))),
              "'v' is revocable");
}

TEST(ValidateForTask, RulesAboutTheWholeOfATask) {
  const Resources cpus = Resources::Of(1, 0).WithAllocationRole("eng");
  EXPECT_TRUE(ValidateForTask(cpus).ok());
  ExpectFault(ValidateForTask(Resources::Of(1, 0)), "'cpus' is not allocated to a role");
  ExpectFault(ValidateForTask(cpus + Resources::Of(0, 1).WithAllocationRole("ops")),
              "more than one role: 'eng' and 'ops'");
  ExpectFault(ValidateForTask(cpus + Of("cpus", R"(,"revocable":{},"allocation_info":
                                                   {"role":"eng"})")),
              "'cpus' is given both as revocable and not");
  ExpectFault(ValidateForTask(Of("cpus", absl::StrCat(kReserved, R"(,"revocable":{})"))),
              "revocable 'cpus' is dynamically reserved");
  ExpectFault(ValidateUniquePersistenceIds(Volume("v1") + Volume("v1")),
              "persistence id 'v1' is used twice for role 'eng'");
  EXPECT_TRUE(
      ValidateUniquePersistenceIds(Volume("v1") + Volume("v1", R"(,"role":"ops","reservation":{})"))
          .ok());
}

TEST(ValidateNoOverlap, LooksAcrossReservations) {
  const Resources a = *ParseResources("ports:[1-10]");
  ExpectFault(ValidateNoOverlap(a, *ParseResources("ports(eng):[10-20]")), "'ports' overlaps");
  EXPECT_TRUE(ValidateNoOverlap(a, *ParseResources("ports:[11-20];cpus:1")).ok());
  EXPECT_FALSE(ValidateNoOverlap(*ParseResources("z:{a,b}"), *ParseResources("z:{b}")).ok());
}

TEST(ValidateAgentConfiguration, RefusesWhatOnlyTheSystemMakes) {
  EXPECT_TRUE(ValidateAgentConfiguration(*ParseResources("cpus:4;cpus(eng):1")).ok());
  ExpectFault(ValidateAgentConfiguration(Volume("v1")), "persistent volume");
  ExpectFault(ValidateAgentConfiguration(Of("cpus", kReserved)), "dynamically reserved");
  ExpectFault(ValidateAgentConfiguration(Of("cpus", R"(,"revocable":{})")), "revocable");
  ExpectFault(ValidateAgentConfiguration(*ParseResources("x:4;x:[1-2]")), "two types");
}

TEST(ValidateRole, FollowsTheRule) {
  for (const char* good : {"*", "eng", "eng/web", "a.b", "a-b", "..a", "a/b/c/d", "\xc3\xa9"}) {
    EXPECT_TRUE(ValidateRole(good).ok()) << good;
  }
  for (const char* bad : {"", "/", "/a", "a/", "a//b", ".", "..", "a/./b", "a/..", "-a", "a/-b",
                          "a b", "a\tb", "a/*", "*/a", "a\x7f", "a\n"}) {
    EXPECT_FALSE(ValidateRole(bad).ok()) << bad;
  }
}

TEST(Roles, FormATree) {
  EXPECT_TRUE(IsAncestorRole("eng", "eng/web"));
  EXPECT_FALSE(IsAncestorRole("eng", "eng"));
  EXPECT_FALSE(IsAncestorRole("eng", "engineers/web"));
  EXPECT_EQ(TopLevelRole("eng/web/a"), "eng");
  EXPECT_EQ(ParentRole("eng/web/a"), "eng/web");
  EXPECT_EQ(ParentRole("eng"), "");
  EXPECT_THAT(AncestorRoles("eng/web/a"), ::testing::ElementsAre("eng", "eng/web"));
}

}  // namespace
}  // namespace meros::resources

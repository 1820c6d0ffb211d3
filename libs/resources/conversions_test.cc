// Goal: each operation turns exactly its input into its output, and refuses what it must not touch.
#include "libs/resources/conversions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meros::resources {
namespace {

using ::testing::HasSubstr;

const Reservation kEng{Reservation::Kind::kDynamic, "eng", "p", {}};
const Reservation kWeb{Reservation::Kind::kDynamic, "eng/web", {}, {}};
const Reservation kOps{Reservation::Kind::kDynamic, "ops", {}, {}};
const Reservation kStaticEng{Reservation::Kind::kStatic, "eng", {}, {}};

Resource Disk(int64_t mib, std::optional<DiskSource> source = {}) {
  Metadata metadata;
  metadata.reservations.push_back(kEng);
  if (source) metadata.disk.emplace().source = std::move(source);
  return Resource(ResourceName::Disk(), Scalar::FromUnits(mib), MetadataRef(metadata));
}

Resource Volume(int64_t mib, bool shared = false, std::optional<DiskSource> source = {}) {
  Metadata metadata = *Disk(mib, std::move(source)).metadata();
  if (!metadata.disk) metadata.disk.emplace();
  metadata.disk->persistence = Persistence{"v1", "p"};
  metadata.disk->volume = DiskVolume{"data"};
  metadata.shared = shared;
  return Resource(ResourceName::Disk(), Scalar::FromUnits(mib), MetadataRef(metadata));
}

const DiskSource kMount{DiskSource::Kind::kMount, "/mnt"};
const DiskSource kPath{DiskSource::Kind::kPath, "/srv"};

void ExpectFault(const absl::StatusOr<Resources>& result, const std::string& expected) {
  ASSERT_FALSE(result.ok()) << result->DebugString();
  EXPECT_THAT(std::string(result.status().message()), HasSubstr(expected));
}

TEST(Reserve, PushesOneLevelAndUnreservePopsIt) {
  const Resources all = Resources::Of(4, 100);
  const Resources target = Resources::Of(1, 0).PushReservation(kEng);

  const auto reserved = Apply(Operation(Reserve{target, {}}), all);
  ASSERT_TRUE(reserved.ok()) << reserved.status();
  EXPECT_EQ(*reserved, Resources::Of(3, 100) + target);

  EXPECT_EQ(*Apply(Operation(Unreserve{target}), *reserved), all);
}

TEST(Reserve, RefinesAReservation) {
  const Resources eng = Resources::Of(4, 0).PushReservation(kEng);
  const Resources web = eng.PushReservation(kWeb);

  EXPECT_EQ(*Apply(Operation(Reserve{web, {}}), eng), web);
  ExpectFault(Apply(Operation(Reserve{web, {}}), Resources::Of(4, 0)), "there is only");
}

TEST(Reserve, RefusesWhatCannotBeReserved) {
  Metadata revocable;
  revocable.revocable = true;
  const Resources idle =
      Resource(ResourceName::Cpus(), Scalar::FromUnits(1), MetadataRef(revocable));

  ExpectFault(Apply(Operation(Reserve{{}, {}}), idle), "names no resources");
  ExpectFault(Apply(Operation(Reserve{Resources::Of(1, 0), {}}), Resources::Of(1, 0)),
              "not dynamically reserved");
  ExpectFault(Apply(Operation(Reserve{idle.PushReservation(kEng), {}}), idle), "is revocable");
}

TEST(Reserve, MovesAReservationInOneStep) {
  const Resources web = Resources::Of(2, 0).PushReservation(kEng).PushReservation(kWeb);
  const Resources ops = Resources::Of(2, 0).PushReservation(kOps);

  EXPECT_EQ(*Apply(Operation(Reserve{ops, web}), web), ops);
  ExpectFault(Apply(Operation(Reserve{Resources::Of(3, 0).PushReservation(kOps), web}), web),
              "differ in more than reservations");
  ExpectFault(Apply(Operation(Reserve{ops, Resources::Of(2, 0).PushReservation(kStaticEng)}), web),
              "static reservation for 'eng' cannot be changed");
}

TEST(Unreserve, RefusesVolumesAndStaticReservations) {
  ExpectFault(Apply(Operation(Unreserve{Volume(10)}), Volume(10)), "must be destroyed first");
  const Resources fixed = Resources::Of(2, 0).PushReservation(kStaticEng);
  ExpectFault(Apply(Operation(Unreserve{fixed}), fixed), "not dynamically reserved");
}

TEST(CreateVolumes, TakesTheDiskAndDestroyGivesItBack) {
  const Resources disk = Disk(100);

  const auto created = Apply(Operation(CreateVolumes{Volume(40)}), disk);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(*created, Resources(Disk(60)) + Volume(40));

  EXPECT_EQ(*Apply(Operation(DestroyVolumes{Volume(40)}), *created), disk);
}

TEST(CreateVolumes, KeepsTheSourceAndTakesMountsWhole) {
  EXPECT_EQ(*Apply(Operation(CreateVolumes{Volume(40, false, kPath)}), Disk(100, kPath)),
            Resources(Disk(60, kPath)) + Volume(40, false, kPath));
  EXPECT_EQ(*Apply(Operation(CreateVolumes{Volume(100, false, kMount)}), Disk(100, kMount)),
            Resources(Volume(100, false, kMount)));
  ExpectFault(Apply(Operation(CreateVolumes{Volume(40, false, kMount)}), Disk(100, kMount)),
              "there is only");
}

TEST(CreateVolumes, RefusesWhatIsNoNewVolume) {
  ExpectFault(Apply(Operation(CreateVolumes{Disk(1)}), Disk(1)), "not a persistent volume");
  Metadata read_only = *Volume(1).metadata();
  read_only.disk->volume->read_only = true;
  ExpectFault(
      Apply(Operation(CreateVolumes{Volume(1).WithMetadata(MetadataRef(read_only))}), Disk(1)),
      "cannot be read-only");
}

TEST(DestroyVolumes, ASharedVolumeMustBeTheLastCopy) {
  const Resources one = Volume(40, true);

  ExpectFault(Apply(Operation(DestroyVolumes{one}), one + one), "further copies remain");
  EXPECT_EQ(*Apply(Operation(DestroyVolumes{one}), one), Resources(Disk(40)));
}

TEST(GrowVolume, JoinsDiskOfTheSameKind) {
  const Resources working = Resources(Volume(40)) + Disk(20);

  EXPECT_EQ(*Apply(Operation(GrowVolume{Volume(40), Disk(15)}), working),
            Resources(Volume(55)) + Disk(5));
  ExpectFault(Apply(Operation(GrowVolume{Volume(40), Disk(0)}), working), "must be positive");
  ExpectFault(Apply(Operation(GrowVolume{Volume(40), Disk(5, kPath)}), working),
              "cannot be joined");
  ExpectFault(Apply(Operation(GrowVolume{Volume(40, true), Disk(5)}), working), "is shared");
  ExpectFault(Apply(Operation(GrowVolume{Volume(40, false, kMount), Disk(5, kMount)}), working),
              "cannot be joined");
}

TEST(ShrinkVolume, FreesDisk) {
  EXPECT_EQ(*Apply(Operation(ShrinkVolume{Volume(40), Scalar::FromUnits(15)}), Volume(40)),
            Resources(Volume(25)) + Disk(15));
  ExpectFault(Apply(Operation(ShrinkVolume{Volume(40), Scalar::FromUnits(40)}), Volume(40)),
              "less than the size");
  ExpectFault(Apply(Operation(ShrinkVolume{Volume(40), Scalar()}), Volume(40)), "more than 0");
  ExpectFault(Apply(Operation(ShrinkVolume{Volume(40, false, kMount), Scalar::FromUnits(1)}),
                    Volume(40, false, kMount)),
              "cannot be divided");
}

}  // namespace
}  // namespace meros::resources

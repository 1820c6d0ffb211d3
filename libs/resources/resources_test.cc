// Goal: the arithmetic of Resources follows its rules, object by object.
// Method: small literals, one rule a test. Laws over random values are in
// resources_property_test.cc.
#include "libs/resources/resources.h"

#include <gtest/gtest.h>

#include "libs/resources/shrink.h"

namespace meros::resources {
namespace {

Resource Cpus(int64_t millis, Metadata metadata = {}) {
  return Resource(ResourceName::Cpus(), Scalar::FromMillis(millis), MetadataRef(metadata));
}

Resource Ports(Ranges ranges, Metadata metadata = {}) {
  return Resource(ResourceName::Ports(), std::move(ranges), MetadataRef(metadata));
}

Metadata ReservedFor(std::string role) {
  Metadata metadata;
  metadata.reservations.push_back({Reservation::Kind::kStatic, std::move(role), {}, {}});
  return metadata;
}

Resource DiskPiece(int64_t mib, Disk disk, bool shared = false) {
  Metadata metadata = ReservedFor("eng");
  metadata.disk = std::move(disk);
  metadata.shared = shared;
  return Resource(ResourceName::Disk(), Scalar::FromUnits(mib), MetadataRef(metadata));
}

Resource Volume(int64_t mib, std::string id, bool shared = false) {
  return DiskPiece(mib, Disk{Persistence{std::move(id), {}}, DiskVolume{"data"}, {}}, shared);
}

Resource Mount(int64_t mib) {
  return DiskPiece(mib, Disk{{}, {}, DiskSource{DiskSource::Kind::kMount, "/mnt/a"}});
}

TEST(Resources, AddMergesEqualKinds) {
  const Resources sum = Resources(Cpus(1500)) + Resources(Cpus(2000));

  EXPECT_EQ(sum.size(), 1u);
  EXPECT_EQ(sum.Cpus(), Scalar::FromMillis(3500));
}

TEST(Resources, AddKeepsDifferentReservationsApart) {
  const Resources sum = Resources(Cpus(1000)) + Resources(Cpus(2000, ReservedFor("eng")));

  EXPECT_EQ(sum.size(), 2u);
  EXPECT_EQ(sum.Cpus(), Scalar::FromUnits(3));
  EXPECT_EQ(sum.Unreserved(), Resources(Cpus(1000)));
  EXPECT_EQ(sum.Reserved("eng"), Resources(Cpus(2000, ReservedFor("eng"))));
}

TEST(Resources, OrderOfAdditionDoesNotShow) {
  Resources a = Resources::Of(1, 2, 3);
  a += Ports({{1, 5}});
  Resources b = Ports({{1, 5}});
  b += Resources::Of(0, 2, 3);
  b += Resources::Of(1, 0);

  EXPECT_EQ(a, b);
  EXPECT_EQ(a.DebugString(), "cpus:1;mem:2;disk:3;ports:[1-5]");
}

TEST(Resources, EmptyObjectsVanish) {
  EXPECT_TRUE(Resources(Cpus(0)).empty());
  EXPECT_TRUE((Resources::Of(1, 1) - Resources::Of(1, 1)).empty());
  EXPECT_EQ(Resources(Ports({{1, 5}})) - Resources(Ports({{0, 9}})), Resources());
}

TEST(Resources, SubtractNeverGoesBelowNothing) {
  EXPECT_TRUE((Resources(Cpus(1000)) - Resources(Cpus(5000))).empty());
  EXPECT_EQ(Resources(Cpus(1000)) - Resources(Cpus(500, ReservedFor("eng"))),
            Resources(Cpus(1000)));
}

TEST(Resources, AnOperandMayBeTheValueItself) {
  Resources a = Resources::Of(1, 2, 3);
  a += a;
  EXPECT_EQ(a, Resources::Of(2, 4, 6));
  a -= a;
  EXPECT_TRUE(a.empty());
}

TEST(Resources, IndivisiblePiecesStandSideBySide) {
  Resources two = Mount(100);
  two += Mount(100);
  two += Mount(50);

  EXPECT_EQ(two.size(), 3u);
  EXPECT_TRUE(two.Contains(Mount(50)));
  EXPECT_FALSE(two.Contains(Mount(60)));
  two -= Mount(60);
  EXPECT_EQ(two.Disk(), Scalar::FromUnits(250));
  two -= Mount(100);
  EXPECT_EQ(two.Disk(), Scalar::FromUnits(150));
}

TEST(Resources, ContainsConsumesIndivisiblePieces) {
  const Resources one = Mount(100);
  EXPECT_TRUE(one.Contains(one));
  EXPECT_FALSE(one.Contains(one + one));
  EXPECT_TRUE((one + one).Contains(one + one));
}

TEST(Resources, SharedResourcesCountTheirShares) {
  const Resources volume = Volume(64, "v1", true);
  Resources copies = volume;
  copies += volume;

  EXPECT_EQ(copies.size(), 1u);
  EXPECT_EQ(copies.begin()->shares(), 2u);
  EXPECT_EQ(copies.Disk(), Scalar::FromUnits(64)) << "copies are not more disk";
  EXPECT_TRUE(copies.Contains(volume));
  EXPECT_FALSE(volume.Contains(copies));
  copies -= volume;
  EXPECT_EQ(copies, volume);
  copies -= volume;
  EXPECT_TRUE(copies.empty());
}

TEST(Resources, Row25VolumesAreTheSameWhateverPathATaskMountsThemAt) {
  Metadata metadata = ReservedFor("eng");
  metadata.disk = Disk{Persistence{"v1", "someone"}, DiskVolume{"elsewhere", true}, {}};
  const Resource other(ResourceName::Disk(), Scalar::FromUnits(64), MetadataRef(metadata));

  EXPECT_EQ(Resources(other), Resources(Volume(64, "v1")));
  EXPECT_TRUE(Resources(Volume(64, "v1")).Contains(other));
  EXPECT_FALSE(Resources(Volume(64, "v2")).Contains(other));
}

TEST(Resources, Row24LabelsKeepReservationsApartButTheirOrderDoesNotMatter) {
  const Label a{"a", "1"};
  const Label b{"b", std::nullopt};
  const auto reserved = [](std::vector<Label> labels) {
    Metadata metadata;
    metadata.reservations.push_back({Reservation::Kind::kDynamic, "eng", {}, std::move(labels)});
    return Resources(Cpus(1000, metadata));
  };

  EXPECT_EQ(reserved({a, b}), reserved({b, a}));
  EXPECT_EQ((reserved({a}) + reserved({b})).size(), 2u);
}

TEST(Resources, ReservationsAreUsableByTheRoleAndItsDescendants) {
  const Resources all = Resources(Cpus(1000)) + Resources(Cpus(2000, ReservedFor("eng"))) +
                        Resources(Cpus(4000, ReservedFor("eng/web")));

  EXPECT_EQ(all.AllocatableTo("ops").Cpus(), Scalar::FromUnits(1));
  EXPECT_EQ(all.AllocatableTo("eng").Cpus(), Scalar::FromUnits(3));
  EXPECT_EQ(all.AllocatableTo("eng/web").Cpus(), Scalar::FromUnits(7));
  EXPECT_EQ(all.AllocatableTo("engineers").Cpus(), Scalar::FromUnits(1));
}

TEST(Resources, AllocationRoleComesAndGoes) {
  const Resources plain = Resources::Of(4, 1024) + Resources(Cpus(1000, ReservedFor("eng")));
  const Resources allocated = plain.WithAllocationRole("eng");

  EXPECT_FALSE(plain.Contains(allocated));
  EXPECT_EQ(allocated.WithoutAllocation(), plain);
  EXPECT_EQ(allocated.WithDefaultAllocationRole("ops"), allocated);
  EXPECT_EQ(plain.WithDefaultAllocationRole("eng"), allocated);
  EXPECT_EQ(allocated.AllocationsByRole().at("eng"), allocated);
}

TEST(Resources, ReservationLevelsArePushedAndPopped) {
  const Reservation eng{Reservation::Kind::kDynamic, "eng", "alice", {}};
  const Reservation web{Reservation::Kind::kDynamic, "eng/web", {}, {}};
  const Resources refined = Resources::Of(4, 0).PushReservation(eng).PushReservation(web);

  EXPECT_TRUE(refined.begin()->has_refined_reservation());
  EXPECT_EQ(refined.PopReservation(), Resources::Of(4, 0).PushReservation(eng));
  EXPECT_EQ(refined.WithoutReservations(), Resources::Of(4, 0));
  EXPECT_EQ(refined.NeedingCheckpoint(), refined);
  EXPECT_TRUE(refined.ReservationsByRole().contains("eng/web"));
}

TEST(Resources, QuantitiesCountNumbersOfRanges) {
  const Resources all = Resources::Of(2, 512) + Resources(Ports({{1, 10}, {20, 20}}));

  EXPECT_EQ(all.Quantities().ToString(), "cpus:2;mem:512;ports:11");
  EXPECT_EQ(all.ScalarQuantities().ToString(), "cpus:2;mem:512");
  EXPECT_TRUE(all.Contains(all.Quantities()));
}

TEST(ShrinkTo, CutsScalarsAndDropsNamesWithoutQuantity) {
  ResourceQuantities target;
  target.Add(ResourceName::Cpus(), Scalar::FromUnits(3));

  EXPECT_EQ(ShrinkTo(Resources::Of(4, 512), target, nullptr), Resources::Of(3, 0));
}

TEST(ShrinkTo, KeepsNamesWithoutLimit) {
  ResourceLimits limits;
  limits.Set(ResourceName::Cpus(), Scalar::FromUnits(3));

  EXPECT_EQ(ShrinkTo(Resources::Of(4, 512), limits, nullptr), Resources::Of(3, 512));
}

TEST(ShrinkTo, DropsIndivisiblePiecesThatDoNotFit) {
  ResourceLimits limits;
  limits.Set(ResourceName::Disk(), Scalar::FromUnits(120));
  const Resources disks = Resources(Mount(100)) + Resources(Mount(50));

  const Resources cut = ShrinkTo(disks, limits, nullptr);

  EXPECT_EQ(cut.size(), 1u);
  EXPECT_LE(cut.Disk(), Scalar::FromUnits(120));
}

TEST(ShrinkTo, RandomOrderStaysWithinTheTarget) {
  Rng rng(7);
  ResourceQuantities target;
  target.Add(ResourceName::Cpus(), Scalar::FromUnits(3));
  const Resources all = Resources(Cpus(2000)) + Resources(Cpus(2000, ReservedFor("eng")));

  for (int i = 0; i < 20; ++i) {
    const Resources cut = ShrinkTo(all, target, &rng);
    EXPECT_EQ(cut.Cpus(), Scalar::FromUnits(3));
    EXPECT_TRUE(all.Contains(cut));
  }
}

}  // namespace
}  // namespace meros::resources

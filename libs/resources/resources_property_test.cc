// Goal: the laws that the services' books rest on hold for all resources.
// Method: random collections over few names, roles and disks, so that kinds collide often; seeded,
// so a failure repeats. Each law is checked on kRounds random cases.
#include <gtest/gtest.h>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "libs/base/rng.h"
#include "libs/resources/conversions.h"
#include "libs/resources/parse.h"
#include "libs/resources/resources.h"
#include "libs/resources/shrink.h"
#include "libs/resources/validation.h"

namespace meros::resources {
namespace {

constexpr int kRounds = 3000;

class Generator {
 public:
  explicit Generator(uint64_t seed) : rng_(seed) {}

  Rng& rng() { return rng_; }

  // Objects whose ranges and items come from window `window`, so that values from different windows
  // share no number and no item.
  Resources Any(int window) {
    Resources result;
    const uint64_t count = rng_.Uniform(0, 6);
    for (uint64_t i = 0; i < count; ++i) result.Add(AnyResource(window));
    return result;
  }

  Resource AnyResource(int window) {
    switch (rng_.Uniform(0, 5)) {
      case 0: return Resource(ResourceName::Ports(), AnyRanges(window), MetadataRef(AnyMetadata()));
      case 1: return Resource(ResourceName("zones"), AnySet(window), MetadataRef(AnyMetadata()));
      case 2: return AnyDisk();
      default: {
        static const char* const kNames[] = {"cpus", "mem", "gpus", "licences", "bandwidth"};
        const ResourceName name(kNames[rng_.Uniform(0, 4)]);
        const int64_t unit = name == ResourceName::Gpus() ? Scalar::kScale : 1;
        return Resource(name, Scalar::FromMillis(unit * AnyMillis()), MetadataRef(AnyMetadata()));
      }
    }
  }

 private:
  int64_t AnyMillis() { return static_cast<int64_t>(rng_.Uniform(0, 4000)); }

  Ranges AnyRanges(int window) {
    Ranges ranges;
    const uint64_t base = 10'000 * static_cast<uint64_t>(window);
    const uint64_t count = rng_.Uniform(0, 12);
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t begin = base + rng_.Uniform(0, 300);
      ranges.Add({begin, begin + rng_.Uniform(0, 20)});
    }
    return ranges;
  }

  StringSet AnySet(int window) {
    StringSet set;
    const uint64_t count = rng_.Uniform(0, 4);
    for (uint64_t i = 0; i < count; ++i) {
      set += StringSet{absl::StrCat("w", window, "-", rng_.Uniform(0, 5))};
    }
    return set;
  }

  std::vector<Label> AnyLabels() {
    if (rng_.Chance(0.7)) return {};
    return {{"tag", absl::StrCat(rng_.Uniform(0, 1))}, {"flag", std::nullopt}};
  }

  Metadata AnyMetadata() {
    Metadata metadata;
    if (rng_.Chance(0.3)) metadata.allocation_role = rng_.Chance(0.5) ? "eng" : "*";
    if (rng_.Chance(0.5)) {
      const auto kind = rng_.Chance(0.5) ? Reservation::Kind::kStatic : Reservation::Kind::kDynamic;
      metadata.reservations.push_back({kind, "eng", {}, AnyLabels()});
      if (rng_.Chance(0.3)) {
        metadata.reservations.push_back({Reservation::Kind::kDynamic, "eng/web", "p", {}});
      }
    } else if (rng_.Chance(0.2)) {
      metadata.revocable = true;
    }
    return metadata;
  }

  Resource AnyDisk() {
    Metadata metadata = AnyMetadata();
    metadata.revocable = false;
    Disk disk;
    const uint64_t kind = rng_.Uniform(0, 4);
    if (kind < 4) disk.source = DiskSource{static_cast<DiskSource::Kind>(kind)};
    if (kind == 3 && rng_.Chance(0.5)) disk.source->id = "raw";
    if (kind == 4 || rng_.Chance(0.3)) {
      if (metadata.reservations.empty()) {
        metadata.reservations.push_back({Reservation::Kind::kDynamic, "eng", {}, {}});
      }
      disk.persistence = Persistence{absl::StrCat("v", rng_.Uniform(0, 3)), {}};
      disk.volume = DiskVolume{"data", rng_.Chance(0.5)};
      metadata.shared = rng_.Chance(0.5);
    }
    metadata.disk = disk;
    const auto size = static_cast<int64_t>(rng_.Uniform(1, 3));
    return Resource(ResourceName::Disk(), Scalar::FromUnits(size), MetadataRef(metadata));
  }

  Rng rng_;
};

void ExpectCanonical(const Resources& resources) {
  const Resource* previous = nullptr;
  for (const Resource& item : resources) {
    EXPECT_FALSE(item.empty()) << resources.DebugString();
    EXPECT_GT(item.shares(), 0u);
    if (previous != nullptr) {
      const auto order = Resource::CompareKind(*previous, item);
      EXPECT_TRUE(order < 0 || (order == 0 && item.is_indivisible())) << resources.DebugString();
    }
    previous = &item;
  }
}

TEST(ResourcesLaws, SubtractUndoesAdd) {
  Generator any(1);
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = any.Any(1);
    const Resources b = any.Any(2);
    EXPECT_EQ((a + b) - b, a) << a.DebugString() << " and " << b.DebugString();
    ExpectCanonical(a + b);
  }
}

TEST(ResourcesLaws, AddIsCommutativeAndAssociative) {
  Generator any(2);
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = any.Any(1);
    const Resources b = any.Any(1);
    const Resources c = any.Any(1);
    EXPECT_EQ(a + b, b + a);
    EXPECT_EQ((a + b) + c, a + (b + c));
  }
}

TEST(ResourcesLaws, EqualValuesHaveEqualHashes) {
  Generator any(3);
  const absl::Hash<Resources> hash;
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = any.Any(1);
    const Resources b = any.Any(1);
    EXPECT_EQ(hash(a + b), hash(b + a));
  }
}

TEST(ResourcesLaws, ContainsIsAPartialOrderThatFollowsAddition) {
  Generator any(4);
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = any.Any(1);
    const Resources b = any.Any(1);
    const Resources c = any.Any(1);
    EXPECT_TRUE(a.Contains(a));
    EXPECT_TRUE(a.Contains(Resources()));
    EXPECT_TRUE((a + b).Contains(a)) << a.DebugString() << " and " << b.DebugString();
    EXPECT_EQ(a.Contains(b) && b.Contains(a), a == b);
    EXPECT_TRUE(!a.Contains(b) || !b.Contains(c) || a.Contains(c));
    EXPECT_TRUE(!a.Contains(b) || (a - b) + b == a);
  }
}

TEST(ResourcesLaws, SubtractNeverLeavesAnythingNegative) {
  Generator any(5);
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = any.Any(1);
    const Resources rest = a - any.Any(1);
    ExpectCanonical(rest);
    EXPECT_TRUE(a.Contains(rest));
  }
}

TEST(ResourcesLaws, QuantitiesFollowAddition) {
  Generator any(6);
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = any.Any(1).NonShared();
    const Resources b = any.Any(2).NonShared();
    EXPECT_EQ((a + b).Quantities(), a.Quantities() + b.Quantities());
    EXPECT_TRUE((a + b).Contains(a.Quantities()));
  }
}

TEST(ResourcesLaws, SharesAreCounted) {
  Generator any(7);
  for (int i = 0; i < kRounds; ++i) {
    const Resources shared = any.Any(1).Shared();
    const Resources thrice = shared + shared + shared;
    EXPECT_EQ(thrice - shared, shared + shared);
    EXPECT_EQ(thrice.size(), shared.size());
    EXPECT_FALSE(!shared.empty() && (shared + shared).Contains(thrice));
  }
}

TEST(ResourcesLaws, PartsMakeTheWhole) {
  Generator any(8);
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = any.Any(1);
    EXPECT_EQ(a.Reserved() + a.Unreserved(), a);
    EXPECT_EQ(a.Revocable() + a.NonRevocable(), a);
    EXPECT_EQ(a.Shared() + a.NonShared(), a);
    Resources sum;
    for (const auto& [role, part] : a.AllocationsByRole()) sum += part;
    EXPECT_EQ(sum, a);
  }
}

TEST(ResourcesLaws, JsonRoundTrip) {
  Generator any(9);
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = any.Any(1) + any.Any(1);
    const auto parsed = ParseResourcesJson(PrintResourcesJson(a));
    ASSERT_TRUE(parsed.ok()) << parsed.status() << "\n" << PrintResourcesJson(a);
    EXPECT_EQ(*parsed, a);
  }
}

TEST(ResourcesLaws, TextRoundTripWhereTextCanExpressIt) {
  Generator any(10);
  int expressed = 0;
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = any.Any(1);
    const auto text = PrintResourcesText(a);
    if (!text.ok()) continue;
    const auto parsed = ParseResourcesText(*text);
    ASSERT_TRUE(parsed.ok()) << parsed.status() << "\n" << *text;
    EXPECT_EQ(*parsed, a) << *text;
    ++expressed;
  }
  EXPECT_GT(expressed, kRounds / 20);
}

TEST(ResourcesLaws, ShrinkingGivesAPartWithinTheTarget) {
  Generator any(11);
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = any.Any(1).NonShared();
    const ResourceQuantities target = any.Any(1).Quantities();
    const Resources part = ShrinkTo(a, target, &any.rng());
    EXPECT_TRUE(a.Contains(part));
    EXPECT_TRUE(target.Contains(part.Quantities()));
  }
}

TEST(ResourcesLaws, ConversionsKeepQuantities) {
  Generator any(12);
  const Reservation web{Reservation::Kind::kDynamic, "eng/web/a", {}, {}};
  for (int i = 0; i < kRounds; ++i) {
    const Resources a = any.Any(1).NonShared();
    const Resources target = a.NonRevocable().PushReservation(web);
    const auto reserved = Apply(Operation(Reserve{target, {}}), a);
    if (!reserved.ok()) continue;
    EXPECT_EQ(reserved->Quantities(), a.Quantities());
    const Resources loose =
        target.Filter([](const Resource& r) { return !r.is_persistent_volume(); });
    if (loose.empty()) continue;
    const auto back = Apply(Operation(Unreserve{loose}), *reserved);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->Quantities(), a.Quantities());
  }
}

}  // namespace
}  // namespace meros::resources

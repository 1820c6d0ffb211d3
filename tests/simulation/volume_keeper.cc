#include "tests/simulation/volume_keeper.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/simulation/probes.h"
#include "tests/simulation/job.h"

namespace meros::simulation {
namespace {

using resources::Resource;
using resources::Resources;

constexpr double kVolumeMib = 32;

// The volume that is to be made of reserved disk.
Resources VolumeOf(const Resources& disk, const std::string& id) {
  Resources volumes;
  for (const Resource& part : disk) {
    resources::Metadata metadata = *part.metadata();
    metadata.disk = resources::Disk{.persistence = resources::Persistence{id, std::nullopt},
                                    .volume = resources::DiskVolume{"data", false},
                                    .source = std::nullopt};
    volumes += part.WithMetadata(resources::MetadataRef(std::move(metadata)));
  }
  return volumes;
}

const std::string& IdOfVolume(const Resource& volume) {
  return volume.metadata()->disk->persistence->id;
}

Resources VolumesOf(const OfferAnswer& answer) {
  return answer.left().NonShared().PersistentVolumes();
}

}  // namespace

std::string VolumeKeeper::IdOf(size_t slot) const {
  return absl::StrCat(name_, ".", slot, ".", volumes_.at(slot).attempt);
}

Resources VolumeKeeper::Reserved(double mib) const {
  const Resource disk(resources::ResourceName::Disk(), *resources::Scalar::FromDouble(mib));
  return Resources(disk).PushReservation({.role = role_});
}

void VolumeKeeper::Answer(absl::Time now, Job* job, OfferAnswer* answer) {
  for (const Resource& shown : VolumesOf(*answer)) Use(now, shown, job, answer);
  for (const size_t slot : job->WantingVolume()) {
    if (volumes_[slot].is_placed || rng_.Chance(0.5)) continue;
    Make(now, slot, job, answer);
  }
  if (rng_.Chance(0.5)) Undo(now, answer);
}

// What becomes of a volume that is not in use.
void VolumeKeeper::Use(absl::Time now, const Resource& shown, Job* job, OfferAnswer* answer) {
  for (auto& [slot, volume] : volumes_) {
    if (IdOf(slot) != IdOfVolume(shown)) continue;
    volume.seen = now;
    if (job->IsWanting(slot)) {
      job->LaunchOn(slot, shown, answer);
      return;
    }
    if (!job->IsDone(slot)) return;
    if (volume.resizes_left > 0) {
      --volume.resizes_left;
      return Resize(now, shown, answer);
    }
  }
  Operate(now, resources::DestroyVolumes{shown}, answer);
}

void VolumeKeeper::Resize(absl::Time now, const Resource& shown, OfferAnswer* answer) {
  if (shown.scalar().ToDouble() > kVolumeMib) {
    Operate(now, resources::ShrinkVolume{shown, *resources::Scalar::FromDouble(8)}, answer);
    return;
  }
  const Resources addition = Reserved(8);
  if (!answer->left().Contains(addition)) {
    Operate(now, resources::Reserve{addition, {}}, answer);
  }
  Operate(now, resources::GrowVolume{shown, *addition.begin()}, answer);
}

// One step, or several in one call, towards a volume for the slot.
void VolumeKeeper::Make(absl::Time now, size_t slot, Job* job, OfferAnswer* answer) {
  const Resources disk = Reserved(kVolumeMib);
  if (!answer->left().Contains(disk)) {
    if (!Operate(now, resources::Reserve{disk, {}}, answer)) return;
    if (rng_.Chance(0.3)) return;
  }
  Volume& volume = volumes_[slot];
  ++volume.attempt;
  const Resources made = VolumeOf(disk, IdOf(slot));
  if (!Operate(now, resources::CreateVolumes{made}, answer)) return;
  volume.is_placed = true;
  volume.seen = now;
  volume.resizes_left = static_cast<int>(rng_.Uniform(0, 2));
  if (rng_.Chance(0.5)) job->LaunchOn(slot, *made.begin(), answer);
}

// Reservations that nothing is made of are undone.
void VolumeKeeper::Undo(absl::Time now, OfferAnswer* answer) {
  const Resources spare = answer->left().Filter([this](const Resource& resource) {
    return resource.IsReservedFor(role_) && !resource.is_persistent_volume();
  });
  if (!spare.empty()) Operate(now, resources::Unreserve{spare}, answer);
}

void VolumeKeeper::GiveUp(absl::Time before, const Job& job) {
  for (auto& [slot, volume] : volumes_) {
    if (!volume.is_placed || volume.seen > before || !job.IsWanting(slot)) continue;
    Sometimes<"a framework gives up a volume that it sees no more">(true);
    volume.is_placed = false;
  }
}

}  // namespace meros::simulation

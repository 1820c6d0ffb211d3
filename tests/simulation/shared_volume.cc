#include "tests/simulation/shared_volume.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/simulation/probes.h"
#include "tests/simulation/job.h"

namespace meros::simulation {
namespace {

using resources::Resource;
using resources::Resources;

constexpr double kSharedMib = 16;

Resource SharedVolumeOf(const Resource& disk, const std::string& id) {
  resources::Metadata metadata = *disk.metadata();
  metadata.disk = resources::Disk{.persistence = resources::Persistence{id, std::nullopt},
                                  .volume = resources::DiskVolume{"shared", false},
                                  .source = std::nullopt};
  metadata.shared = true;
  return disk.WithMetadata(resources::MetadataRef(std::move(metadata)));
}

}  // namespace

std::string SharedVolume::Id() const { return absl::StrCat(name_, ".shared.", attempt_); }

void SharedVolume::Answer(absl::Time now, Job* job, OfferAnswer* answer) {
  const Resources shown = answer->left().Shared();
  for (const Resource& volume : shown) Use(now, volume, job, answer);
  if (!is_placed_ && !job->WantingSharedVolume().empty() && rng_.Chance(0.5)) {
    Make(now, job, answer);
  }
}

void SharedVolume::Use(absl::Time now, const Resource& shown, Job* job, OfferAnswer* answer) {
  const bool is_present = is_placed_ && shown.metadata()->disk->persistence->id == Id();
  if (is_present) {
    seen_ = now;
    Launch(shown, job, answer);
    if (!job->AreSharersDone()) return;
    is_placed_ = false;
  }
  Sometimes<"a shared volume that nobody needs is destroyed">(true);
  operations_.Operate(now, resources::DestroyVolumes{shown}, &rng_, answer);
}

void SharedVolume::Make(absl::Time now, Job* job, OfferAnswer* answer) {
  const Resource plain(resources::ResourceName::Disk(), *resources::Scalar::FromDouble(kSharedMib));
  const Resources disk = Resources(plain).PushReservation({.role = role_});
  if (!answer->left().Contains(disk) &&
      !operations_.Operate(now, resources::Reserve{disk, {}}, &rng_, answer)) {
    return;
  }
  ++attempt_;
  const Resource made = SharedVolumeOf(*disk.begin(), Id());
  if (!operations_.Operate(now, resources::CreateVolumes{made}, &rng_, answer)) return;
  is_placed_ = true;
  seen_ = now;
  if (rng_.Chance(0.5)) Launch(made, job, answer);
}

// As many as there is room for, or one.
void SharedVolume::Launch(const Resource& volume, Job* job, OfferAnswer* answer) {
  const bool takes_all = rng_.Chance(0.7);
  for (const size_t slot : job->WantingSharedVolume()) {
    if (job->LaunchOn(slot, volume, answer) && !takes_all) return;
  }
}

void SharedVolume::GiveUp(absl::Time before, const Job& job) {
  if (!is_placed_ || seen_ > before || job.WantingSharedVolume().empty()) return;
  Sometimes<"a framework gives up a shared volume that it sees no more">(true);
  is_placed_ = false;
}

}  // namespace meros::simulation

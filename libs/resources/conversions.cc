#include "libs/resources/conversions.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/resources/validation.h"

namespace meros::resources {
namespace {

template <typename... Args>
absl::Status Invalid(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

absl::Status CheckNotEmpty(const Resources& resources) {
  return resources.empty() ? Invalid("names no resources") : absl::OkStatus();
}

absl::Status CheckReservable(const Resource& resource) {
  if (!resource.is_dynamically_reserved()) {
    return Invalid("is not dynamically reserved: ", resource.DebugString());
  }
  if (resource.is_revocable()) return Invalid("is revocable: ", resource.DebugString());
  return absl::OkStatus();
}

// The one stack of reservations that all of `resources` have.
absl::StatusOr<std::vector<Reservation>> CommonStack(const Resources& resources) {
  const std::vector<Reservation>& stack = resources.begin()->metadata()->reservations;
  for (const Resource& resource : resources) {
    if (resource.metadata()->reservations != stack) {
      return Invalid("resources differ in their reservations: ", resources.DebugString());
    }
  }
  return stack;
}

// Moving from one stack to the other pops and pushes dynamic levels only.
absl::Status CheckMove(const std::vector<Reservation>& from, const std::vector<Reservation>& to) {
  const size_t common = static_cast<size_t>(
      std::mismatch(from.begin(), from.end(), to.begin(), to.end()).first - from.begin());
  for (const std::vector<Reservation>* stack : {&from, &to}) {
    for (size_t i = common; i < stack->size(); ++i) {
      if ((*stack)[i].kind != Reservation::Kind::kDynamic) {
        return Invalid("the static reservation for '", (*stack)[i].role, "' cannot be changed");
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Conversion> Convert(const Reserve& reserve) {
  MEROS_RETURN_IF_ERROR(CheckNotEmpty(reserve.target));
  for (const Resource& resource : reserve.target) {
    MEROS_RETURN_IF_ERROR(CheckReservable(resource));
    MEROS_RETURN_IF_ERROR(ValidateReservations(resource.metadata()->reservations));
    if (!reserve.source.empty() && resource.is_persistent_volume()) {
      return Invalid("is a persistent volume: ", resource.DebugString());
    }
  }
  if (reserve.source.empty()) {
    return Conversion{reserve.target.PopReservation(), reserve.target};
  }
  MEROS_ASSIGN_OR_RETURN(const std::vector<Reservation> from, CommonStack(reserve.source));
  MEROS_ASSIGN_OR_RETURN(const std::vector<Reservation> to, CommonStack(reserve.target));
  MEROS_RETURN_IF_ERROR(CheckMove(from, to));
  if (!(reserve.source.WithoutReservations() == reserve.target.WithoutReservations())) {
    return Invalid("source and target differ in more than reservations: ",
                   reserve.source.DebugString(), " and ", reserve.target.DebugString());
  }
  return Conversion{reserve.source, reserve.target};
}

absl::StatusOr<Conversion> Convert(const Unreserve& unreserve) {
  MEROS_RETURN_IF_ERROR(CheckNotEmpty(unreserve.resources));
  for (const Resource& resource : unreserve.resources) {
    if (!resource.is_dynamically_reserved()) {
      return Invalid("is not dynamically reserved: ", resource.DebugString());
    }
    if (resource.is_persistent_volume()) {
      return Invalid("is a persistent volume, which must be destroyed first: ",
                     resource.DebugString());
    }
  }
  return Conversion{unreserve.resources, unreserve.resources.PopReservation()};
}

absl::Status CheckVolume(const Resource& volume) {
  if (!volume.is_persistent_volume()) {
    return Invalid("is not a persistent volume: ", volume.DebugString());
  }
  if (!volume.is_scalar()) return Invalid("is not a scalar: ", volume.DebugString());
  return absl::OkStatus();
}

absl::StatusOr<Resources> DisksOf(const Resources& volumes) {
  MEROS_RETURN_IF_ERROR(CheckNotEmpty(volumes));
  Resources disks;
  for (const Resource& volume : volumes) {
    MEROS_RETURN_IF_ERROR(CheckVolume(volume));
    if (volume.shares() > 1) return Invalid("is named twice: ", volume.DebugString());
    disks.Add(DiskOfVolume(volume));
  }
  return disks;
}

absl::StatusOr<Conversion> Convert(const CreateVolumes& create) {
  for (const Resource& volume : create.volumes) {
    if (volume.is_persistent_volume() && volume.metadata()->disk->volume &&
        volume.metadata()->disk->volume->read_only) {
      return Invalid("a new volume cannot be read-only: ", volume.DebugString());
    }
  }
  MEROS_ASSIGN_OR_RETURN(Resources disks, DisksOf(create.volumes));
  MEROS_RETURN_IF_ERROR(ValidateDisks(create.volumes));
  MEROS_RETURN_IF_ERROR(ValidateUniquePersistenceIds(create.volumes));
  return Conversion{std::move(disks), create.volumes};
}

absl::StatusOr<Conversion> Convert(const DestroyVolumes& destroy) {
  MEROS_ASSIGN_OR_RETURN(Resources disks, DisksOf(destroy.volumes));
  return Conversion{destroy.volumes, std::move(disks)};
}

// Growing and shrinking work on agents' own divisible disks, and not while several tasks share
// them.
absl::Status CheckResizable(const Resource& volume) {
  MEROS_RETURN_IF_ERROR(CheckVolume(volume));
  if (volume.is_shared()) return Invalid("is shared: ", volume.DebugString());
  if (volume.metadata()->provider_id) {
    return Invalid("belongs to a resource provider: ", volume.DebugString());
  }
  return absl::OkStatus();
}

absl::StatusOr<Conversion> Convert(const GrowVolume& grow) {
  MEROS_RETURN_IF_ERROR(CheckResizable(grow.volume));
  const Resource disk = DiskOfVolume(grow.volume);
  if (!grow.addition.is_scalar() || !grow.addition.scalar().is_positive()) {
    return Invalid("addition must be positive: ", grow.addition.DebugString());
  }
  if (disk.is_indivisible() || !grow.addition.SameKind(disk)) {
    return Invalid("addition ", grow.addition.DebugString(), " cannot be joined to ",
                   grow.volume.DebugString());
  }
  Resources consumed = grow.volume;
  consumed += grow.addition;
  return Conversion{std::move(consumed),
                    grow.volume.WithValue(grow.volume.scalar() + grow.addition.scalar())};
}

absl::StatusOr<Conversion> Convert(const ShrinkVolume& shrink) {
  MEROS_RETURN_IF_ERROR(CheckResizable(shrink.volume));
  const Resource disk = DiskOfVolume(shrink.volume);
  if (disk.is_indivisible()) {
    return Invalid("cannot be divided: ", shrink.volume.DebugString());
  }
  if (!shrink.subtract.is_positive() || shrink.subtract >= shrink.volume.scalar()) {
    return Invalid("subtract must be more than 0 and less than the size of ",
                   shrink.volume.DebugString(), ", got ", shrink.subtract.ToString());
  }
  Resources converted = shrink.volume.WithValue(shrink.volume.scalar() - shrink.subtract);
  converted.Add(disk.WithValue(shrink.subtract));
  return Conversion{shrink.volume, std::move(converted)};
}

}  // namespace

absl::StatusOr<Conversion> ConversionOf(const Operation& operation) {
  return std::visit([](const auto& op) { return Convert(op); }, operation);
}

absl::StatusOr<Resources> Apply(const Conversion& conversion, const Resources& working) {
  if (!working.Contains(conversion.consumed)) {
    return absl::FailedPreconditionError(absl::StrCat("needs ", conversion.consumed.DebugString(),
                                                      ", but there is only ",
                                                      working.DebugString()));
  }
  Resources result = working;
  result -= conversion.consumed;
  result += conversion.converted;
  return result;
}

absl::StatusOr<Resources> Apply(const Operation& operation, const Resources& working) {
  MEROS_ASSIGN_OR_RETURN(const Conversion conversion, ConversionOf(operation));
  MEROS_ASSIGN_OR_RETURN(Resources result, Apply(conversion, working));
  if (const DestroyVolumes* destroy = std::get_if<DestroyVolumes>(&operation)) {
    for (const Resource& volume : destroy->volumes.Shared()) {
      if (result.Contains(volume)) {
        return absl::FailedPreconditionError(
            absl::StrCat("further copies remain of ", volume.DebugString()));
      }
    }
  }
  return result;
}

Resource DiskOfVolume(const Resource& volume) {
  MEROS_CHECK(volume.is_persistent_volume()) << volume.DebugString();
  Metadata metadata = *volume.metadata();
  metadata.shared = false;
  metadata.disk->persistence.reset();
  metadata.disk->volume.reset();
  if (!metadata.disk->source) metadata.disk.reset();
  return Resource(volume.name(), volume.value(), MetadataRef(std::move(metadata)));
}

}  // namespace meros::resources

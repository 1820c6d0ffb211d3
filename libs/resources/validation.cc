#include "libs/resources/validation.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"
#include "libs/resources/roles.h"

namespace meros::resources {
namespace {

template <typename... Args>
absl::Status Invalid(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

// Free text in metadata: bounded, and without NUL, which would cut it short in the kernel.
absl::Status CheckText(absl::string_view what, absl::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return Invalid(what, " has ", text.size(), " bytes, at most ", kMaxTextBytes, " are allowed");
  }
  if (absl::StrContains(text, '\0')) return Invalid(what, " contains a NUL byte");
  return absl::OkStatus();
}

absl::Status CheckText(absl::string_view what, const std::optional<std::string>& text) {
  return text ? CheckText(what, absl::string_view(*text)) : absl::OkStatus();
}

absl::Status CheckLabels(absl::string_view what, const std::vector<Label>& labels) {
  if (labels.size() > kMaxLabels) {
    return Invalid(what, " has ", labels.size(), " labels, at most ", kMaxLabels, " are allowed");
  }
  for (const Label& label : labels) {
    MEROS_RETURN_IF_ERROR(CheckText("label key", absl::string_view(label.key)));
    MEROS_RETURN_IF_ERROR(CheckText("label value", label.value));
  }
  return absl::OkStatus();
}

absl::Status CheckName(absl::string_view name) {
  if (name.empty()) return Invalid("resource name is empty");
  if (name.size() > kMaxNameBytes) {
    return Invalid("resource name has ", name.size(), " bytes, at most ", kMaxNameBytes,
                   " are allowed");
  }
  if (std::any_of(name.begin(), name.end(),
                  [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); })) {
    return Invalid("resource name '", absl::CHexEscape(name), "' holds a control character");
  }
  return absl::OkStatus();
}

absl::Status CheckValue(const Resource& resource) {
  const absl::string_view name = resource.name().text();
  if (const Scalar* scalar = std::get_if<Scalar>(&resource.value())) {
    if (*scalar < Scalar()) return Invalid("'", name, "' is negative: ", scalar->ToString());
    if (resource.name() == ResourceName::Gpus() && !scalar->is_whole()) {
      return Invalid("'gpus' must be a whole number, got ", scalar->ToString());
    }
  } else if (const Ranges* ranges = std::get_if<Ranges>(&resource.value())) {
    if (ranges->size() > kMaxRanges) {
      return Invalid("'", name, "' has ", ranges->size(), " ranges, at most ", kMaxRanges,
                     " are allowed");
    }
  } else if (resource.set().size() > kMaxSetItems) {
    return Invalid("'", name, "' has ", resource.set().size(), " items, at most ", kMaxSetItems,
                   " are allowed");
  }
  return absl::OkStatus();
}

absl::Status CheckSource(const DiskSource& source) {
  const bool has_root_kind =
      source.kind == DiskSource::Kind::kPath || source.kind == DiskSource::Kind::kMount;
  if (source.root && !has_root_kind) {
    return Invalid("a block or raw disk source must not have a path or mount");
  }
  MEROS_RETURN_IF_ERROR(CheckText("disk source root", source.root));
  MEROS_RETURN_IF_ERROR(CheckText("disk source vendor", source.vendor));
  MEROS_RETURN_IF_ERROR(CheckText("disk source id", source.id));
  MEROS_RETURN_IF_ERROR(CheckText("disk source profile", source.profile));
  return CheckLabels("disk source", source.metadata);
}

absl::Status CheckDisk(const Disk& disk) {
  if (disk.source) MEROS_RETURN_IF_ERROR(CheckSource(*disk.source));
  if (disk.volume) {
    MEROS_RETURN_IF_ERROR(
        CheckText("container path", absl::string_view(disk.volume->container_path)));
  }
  if (disk.persistence) {
    const absl::Status id = ValidateId(disk.persistence->id);
    if (!id.ok()) return Invalid("persistence id: ", id.message());
    MEROS_RETURN_IF_ERROR(CheckText("persistence principal", disk.persistence->principal));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateResource(const Resource& resource) {
  MEROS_RETURN_IF_ERROR(ValidateNameAndAmount(resource));
  return ValidateMetadata(*resource.metadata());
}

absl::Status ValidateNameAndAmount(const Resource& resource) {
  const absl::string_view name = resource.name().text();
  MEROS_RETURN_IF_ERROR(CheckName(name));
  MEROS_RETURN_IF_ERROR(CheckValue(resource));
  if (resource.metadata()->disk) {
    if (resource.name() != ResourceName::Disk()) {
      return Invalid("only 'disk' may carry disk information, '", name, "' does");
    }
    if (!resource.is_scalar()) return Invalid("'disk' with disk information must be a scalar");
  }
  if (resource.is_shared() && !resource.is_persistent_volume()) {
    return Invalid("only persistent volumes may be shared, '", name, "' is not one");
  }
  return absl::OkStatus();
}

absl::Status ValidateMetadata(const Metadata& metadata) {
  MEROS_RETURN_IF_ERROR(ValidateReservations(metadata.reservations));
  if (!metadata.allocation_role.empty()) {
    MEROS_RETURN_IF_ERROR(ValidateRole(metadata.allocation_role));
  }
  if (metadata.disk) MEROS_RETURN_IF_ERROR(CheckDisk(*metadata.disk));
  return CheckText("provider id", metadata.provider_id);
}

absl::Status ValidateReservations(absl::Span<const Reservation> reservations) {
  if (reservations.size() > kMaxReservationDepth) {
    return Invalid("reservation stack has ", reservations.size(), " levels, at most ",
                   kMaxReservationDepth, " are allowed");
  }
  for (size_t i = 0; i < reservations.size(); ++i) {
    const Reservation& level = reservations[i];
    MEROS_RETURN_IF_ERROR(ValidateRole(level.role));
    if (level.role == kDefaultRole) return Invalid("role '*' cannot hold a reservation");
    MEROS_RETURN_IF_ERROR(CheckText("reservation principal", level.principal));
    MEROS_RETURN_IF_ERROR(CheckLabels("reservation", level.labels));
    if (i == 0) continue;
    if (level.kind != Reservation::Kind::kDynamic) {
      return Invalid("only the first level of a reservation stack may be static, level ", i, " is");
    }
    if (!IsAncestorRole(reservations[i - 1].role, level.role)) {
      return Invalid("reservation for '", level.role, "' refines one for '",
                     reservations[i - 1].role, "', which is not its ancestor");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateDisks(const Resources& resources) {
  for (const Resource& resource : resources) {
    const std::optional<Disk>& disk = resource.metadata()->disk;
    if (!disk) continue;
    if (!disk->persistence) {
      if (disk->volume) return Invalid("a disk with a volume needs a persistence id");
      if (!disk->source) return Invalid("disk information needs a persistence id or a source");
      continue;
    }
    const std::string& id = disk->persistence->id;
    if (!resource.is_reserved()) return Invalid("persistent volume '", id, "' is not reserved");
    if (resource.is_revocable()) return Invalid("persistent volume '", id, "' is revocable");
    if (!disk->volume) return Invalid("persistent volume '", id, "' has no container path");
  }
  return absl::OkStatus();
}

absl::Status ValidateNoRevocableReservation(const Resources& resources) {
  for (const Resource& resource : resources) {
    if (resource.is_revocable() && resource.is_dynamically_reserved()) {
      return Invalid("revocable '", resource.name().text(), "' is dynamically reserved");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateUniquePersistenceIds(const Resources& resources) {
  std::set<std::pair<absl::string_view, absl::string_view>> seen;
  for (const Resource& resource : resources) {
    if (!resource.is_persistent_volume()) continue;
    const std::string& id = resource.metadata()->disk->persistence->id;
    const absl::string_view role = ReservationRole(*resource.metadata());
    if (!seen.emplace(role, id).second) {
      return Invalid("persistence id '", id, "' is used twice for role '", role, "'");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateSingleAllocationRole(const Resources& resources) {
  for (const Resource& resource : resources) {
    const std::string& role = resource.metadata()->allocation_role;
    const std::string& first = resources.begin()->metadata()->allocation_role;
    if (role.empty()) return Invalid("'", resource.name().text(), "' is not allocated to a role");
    if (role != first) {
      return Invalid("resources are allocated to more than one role: '", first, "' and '", role,
                     "'");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateRevocableNotMixed(const Resources& resources) {
  // Equal names are neighbours in canonical order.
  const Resource* previous = nullptr;
  for (const Resource& resource : resources) {
    if (previous != nullptr && previous->name() == resource.name() &&
        previous->is_revocable() != resource.is_revocable()) {
      return Invalid("'", resource.name().text(), "' is given both as revocable and not");
    }
    previous = &resource;
  }
  return absl::OkStatus();
}

absl::Status ValidateForTask(const Resources& resources) {
  MEROS_RETURN_IF_ERROR(ValidateDisks(resources));
  MEROS_RETURN_IF_ERROR(ValidateNoRevocableReservation(resources));
  MEROS_RETURN_IF_ERROR(ValidateUniquePersistenceIds(resources));
  MEROS_RETURN_IF_ERROR(ValidateSingleAllocationRole(resources));
  return ValidateRevocableNotMixed(resources);
}

absl::Status ValidateNoOverlap(const Resources& a, const Resources& b) {
  for (const Resource& left : a) {
    if (left.is_scalar()) continue;
    for (const Resource& right : b) {
      if (left.name() != right.name() || left.value().index() != right.value().index()) continue;
      const Ranges* ranges = std::get_if<Ranges>(&left.value());
      const bool overlaps = ranges != nullptr ? ranges->Intersects(right.ranges())
                                              : left.set().Intersects(right.set());
      if (overlaps) {
        return Invalid("'", left.name().text(), "' overlaps: ", ValueText(left.value()), " and ",
                       ValueText(right.value()));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateAgentConfiguration(const Resources& resources) {
  const Resource* previous = nullptr;
  for (const Resource& resource : resources) {
    const absl::string_view name = resource.name().text();
    if (resource.is_persistent_volume()) return Invalid("'", name, "' is a persistent volume");
    if (resource.is_revocable()) return Invalid("'", name, "' is revocable");
    if (resource.is_dynamically_reserved()) return Invalid("'", name, "' is dynamically reserved");
    if (!resource.metadata()->allocation_role.empty()) return Invalid("'", name, "' is allocated");
    if (previous != nullptr && previous->name() == resource.name() &&
        previous->value().index() != resource.value().index()) {
      return Invalid("'", name, "' is given with two types of value");
    }
    previous = &resource;
  }
  return ValidateDisks(resources);
}

absl::Status ValidateTotals(const Resources& resources) {
  for (const auto& [name, amount] : resources.ScalarQuantities()) {
    if (amount.millis() > Scalar::kMaxMillis) {
      return Invalid("the sum of '", name.text(), "' exceeds ",
                     Scalar::kMaxMillis / Scalar::kScale);
    }
  }
  return absl::OkStatus();
}

}  // namespace meros::resources

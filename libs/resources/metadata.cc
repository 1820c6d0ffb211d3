#include "libs/resources/metadata.h"

#include <algorithm>

namespace meros::resources {
namespace {

// FNV-1a: the same on every machine and in every process, unlike absl::Hash.
class Fnv {
 public:
  void Bytes(absl::string_view bytes) {
    Number(bytes.size());
    for (const char c : bytes) Byte(static_cast<uint8_t>(c));
  }
  void Number(uint64_t number) {
    // Small numbers dominate; the high bytes are mixed in one step.
    Byte(static_cast<uint8_t>(number));
    Byte(number >> 8);
  }
  void Optional(const std::optional<std::string>& text) {
    Number(text.has_value() ? 1 : 0);
    if (text) Bytes(*text);
  }
  void Labels(const std::vector<Label>& labels) {
    Number(labels.size());
    for (const Label& label : labels) {
      Bytes(label.key);
      Optional(label.value);
    }
  }
  uint64_t value() const { return state_; }

 private:
  void Byte(uint64_t byte) { state_ = (state_ ^ byte) * 0x100000001b3u; }

  uint64_t state_ = 0xcbf29ce484222325u;
};

void HashDisk(const Disk& disk, Fnv* fnv) {
  fnv->Number(disk.persistence.has_value() ? 1 : 0);
  if (disk.persistence) fnv->Bytes(disk.persistence->id);
  fnv->Number(disk.source.has_value() ? 1 : 0);
  if (!disk.source) return;
  fnv->Number(static_cast<uint64_t>(disk.source->kind));
  fnv->Optional(disk.source->root);
  fnv->Optional(disk.source->vendor);
  fnv->Optional(disk.source->id);
  fnv->Labels(disk.source->metadata);
  fnv->Optional(disk.source->profile);
}

uint64_t Hash(const Metadata& metadata) {
  Fnv fnv;
  fnv.Bytes(metadata.allocation_role);
  fnv.Number(metadata.reservations.size());
  for (const Reservation& reservation : metadata.reservations) {
    fnv.Number(static_cast<uint64_t>(reservation.kind));
    fnv.Bytes(reservation.role);
    fnv.Optional(reservation.principal);
    fnv.Labels(reservation.labels);
  }
  fnv.Number(metadata.disk.has_value() ? 1 : 0);
  if (metadata.disk) HashDisk(*metadata.disk, &fnv);
  fnv.Number((metadata.revocable ? 1 : 0) + (metadata.shared ? 2 : 0));
  fnv.Optional(metadata.provider_id);
  return fnv.value();
}

}  // namespace

std::strong_ordering operator<=>(const Disk& a, const Disk& b) {
  if (const auto order = a.persistence.has_value() <=> b.persistence.has_value(); order != 0) {
    return order;
  }
  if (a.persistence) {
    if (const auto order = a.persistence->id <=> b.persistence->id; order != 0) return order;
  }
  return a.source <=> b.source;
}

std::strong_ordering operator<=>(const Metadata& a, const Metadata& b) {
  if (const auto order = a.allocation_role <=> b.allocation_role; order != 0) return order;
  if (const auto order = a.reservations <=> b.reservations; order != 0) return order;
  if (const auto order = a.disk <=> b.disk; order != 0) return order;
  if (const auto order = a.revocable <=> b.revocable; order != 0) return order;
  if (const auto order = a.shared <=> b.shared; order != 0) return order;
  return a.provider_id <=> b.provider_id;
}

bool operator==(const Metadata& a, const Metadata& b) {
  return a.allocation_role == b.allocation_role && a.reservations == b.reservations &&
         a.disk == b.disk && a.revocable == b.revocable && a.shared == b.shared &&
         a.provider_id == b.provider_id;
}

MetadataRef::MetadataRef(Metadata metadata) {
  if (metadata.is_plain()) return;
  for (Reservation& reservation : metadata.reservations) {
    std::sort(reservation.labels.begin(), reservation.labels.end());
  }
  if (metadata.disk && metadata.disk->source) {
    std::sort(metadata.disk->source->metadata.begin(), metadata.disk->source->metadata.end());
  }
  const uint64_t hash = Hash(metadata);
  node_ = std::make_shared<const Node>(Node{std::move(metadata), hash});
}

const Metadata& MetadataRef::Plain() {
  static const Metadata* const plain = new Metadata();
  return *plain;
}

bool IsIndivisible(const Metadata& metadata) {
  if (!metadata.disk) return false;
  if (metadata.disk->persistence) return true;
  if (!metadata.disk->source) return false;
  switch (metadata.disk->source->kind) {
    case DiskSource::Kind::kPath: return false;
    case DiskSource::Kind::kMount:
    case DiskSource::Kind::kBlock: return true;
    case DiskSource::Kind::kRaw: return metadata.disk->source->id.has_value();
  }
  return false;
}

absl::string_view ReservationRole(const Metadata& metadata) {
  return metadata.reservations.empty() ? absl::string_view("*")
                                       : absl::string_view(metadata.reservations.back().role);
}

}  // namespace meros::resources

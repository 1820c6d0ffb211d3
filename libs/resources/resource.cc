#include "libs/resources/resource.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/resources/roles.h"

namespace meros::resources {
namespace {

// A count as a scalar; counts beyond what fixed point holds saturate.
Scalar CountAsScalar(uint64_t count) {
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max() / Scalar::kScale;
  return count > kMost ? Scalar::Max() : Scalar::FromUnits(static_cast<int64_t>(count));
}

std::string LabelsText(const std::vector<Label>& labels) {
  return absl::StrCat("{",
                      absl::StrJoin(labels, ", ",
                                    [](std::string* out, const Label& label) {
                                      absl::StrAppend(out, label.key);
                                      if (label.value) absl::StrAppend(out, "=", *label.value);
                                    }),
                      "}");
}

std::string ReservationText(const Reservation& reservation) {
  std::string text = reservation.role;
  if (reservation.kind == Reservation::Kind::kDynamic) absl::StrAppend(&text, " dynamic");
  if (reservation.principal) absl::StrAppend(&text, " by ", *reservation.principal);
  if (!reservation.labels.empty()) absl::StrAppend(&text, " ", LabelsText(reservation.labels));
  return text;
}

std::string SourceText(const DiskSource& source) {
  static constexpr absl::string_view kKinds[] = {"path", "mount", "block", "raw"};
  std::string text(kKinds[static_cast<size_t>(source.kind)]);
  if (source.root) absl::StrAppend(&text, " ", *source.root);
  if (source.vendor) absl::StrAppend(&text, " vendor=", *source.vendor);
  if (source.id) absl::StrAppend(&text, " id=", *source.id);
  if (source.profile) absl::StrAppend(&text, " profile=", *source.profile);
  if (!source.metadata.empty()) absl::StrAppend(&text, " ", LabelsText(source.metadata));
  return text;
}

}  // namespace

bool Resource::empty() const {
  if (const Scalar* scalar = std::get_if<Scalar>(&value_)) return !scalar->is_positive();
  if (const Ranges* ranges = std::get_if<Ranges>(&value_)) return ranges->empty();
  return set().empty();
}

Scalar Resource::Quantity() const {
  if (const Scalar* scalar = std::get_if<Scalar>(&value_)) return *scalar;
  if (const Ranges* ranges = std::get_if<Ranges>(&value_)) return CountAsScalar(ranges->Count());
  return CountAsScalar(set().size());
}

bool Resource::IsReservedFor(absl::string_view role) const {
  return is_reserved() && ReservationRole(*metadata_) == role;
}

bool Resource::IsAllocatableTo(absl::string_view role) const {
  if (!is_reserved()) return true;
  const absl::string_view owner = ReservationRole(*metadata_);
  return owner == role || IsAncestorRole(owner, role);
}

bool Resource::is_dynamically_reserved() const {
  return is_reserved() && metadata_->reservations.back().kind == Reservation::Kind::kDynamic;
}

Resource Resource::WithValue(Value value) const {
  return Resource(name_, std::move(value), metadata_, shares_);
}

Resource Resource::WithMetadata(MetadataRef metadata) const {
  return Resource(name_, value_, std::move(metadata), shares_);
}

Resource Resource::WithShares(uint32_t shares) const {
  return Resource(name_, value_, metadata_, shares);
}

std::strong_ordering Resource::CompareKind(const Resource& a, const Resource& b) {
  if (const auto order = a.name_ <=> b.name_; order != 0) return order;
  if (const auto order = a.value_.index() <=> b.value_.index(); order != 0) return order;
  return a.metadata_ <=> b.metadata_;
}

std::string Resource::DebugString() const {
  std::vector<std::string> words;
  for (const Reservation& reservation : metadata_->reservations) {
    words.push_back(ReservationText(reservation));
  }
  if (!metadata_->allocation_role.empty()) {
    words.push_back(absl::StrCat("allocated to ", metadata_->allocation_role));
  }
  if (metadata_->disk) {
    const struct Disk& disk = *metadata_->disk;
    if (disk.source) words.push_back(SourceText(*disk.source));
    if (disk.persistence) words.push_back(absl::StrCat("volume ", disk.persistence->id));
    if (disk.volume) words.push_back(absl::StrCat("at ", disk.volume->container_path));
  }
  if (metadata_->provider_id) words.push_back(absl::StrCat("provider ", *metadata_->provider_id));
  if (is_revocable()) words.push_back("revocable");
  if (is_shared()) words.push_back(absl::StrCat("shared x", shares_));
  const std::string details =
      words.empty() ? "" : absl::StrCat("(", absl::StrJoin(words, "; "), ")");
  return absl::StrCat(name_.text(), details, ":", ValueText(value_));
}

std::string ValueText(const Value& value) {
  return std::visit([](const auto& v) { return v.ToString(); }, value);
}

}  // namespace meros::resources

#include "libs/resources/reservation_formats.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/resources/roles.h"

namespace meros::resources {
namespace {

absl::StatusOr<std::vector<Reservation>> FromPreRefinement(ReservationFields fields) {
  const std::string role = fields.role.value_or(std::string(kDefaultRole));
  if (role == kDefaultRole) {
    if (fields.reservation) {
      return absl::InvalidArgumentError("role '*' cannot hold a reservation");
    }
    return std::vector<Reservation>();
  }
  Reservation level;
  level.kind = Reservation::Kind::kStatic;
  if (fields.reservation) {
    level = *std::move(fields.reservation);
    level.kind = Reservation::Kind::kDynamic;
  }
  level.role = role;
  std::vector<Reservation> stack;
  stack.push_back(std::move(level));
  return stack;
}

}  // namespace

absl::StatusOr<std::vector<Reservation>> ToStack(ReservationFields fields) {
  if (fields.reservations.empty()) return FromPreRefinement(std::move(fields));

  const bool uses_both = fields.role.has_value() || fields.reservation.has_value();
  if (!uses_both) return std::move(fields.reservations);
  if (fields.reservations.size() > 1) {
    return absl::InvalidArgumentError(
        "a refined reservation cannot be described by 'role' and 'reservation' as well");
  }
  const Reservation& level = fields.reservations.front();
  const bool is_dynamic = level.kind == Reservation::Kind::kDynamic;
  if ((fields.role && *fields.role != level.role) || fields.reservation.has_value() != is_dynamic) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'reservations' and the older 'role' and 'reservation' contradict each other for role '",
        level.role, "'"));
  }
  return std::move(fields.reservations);
}

std::optional<ReservationFields> ToPreRefinement(const std::vector<Reservation>& stack) {
  if (stack.size() > 1) return std::nullopt;
  ReservationFields fields;
  if (stack.empty()) {
    fields.role = std::string(kDefaultRole);
    return fields;
  }
  fields.role = stack.front().role;
  if (stack.front().kind == Reservation::Kind::kDynamic) fields.reservation = stack.front();
  return fields;
}

}  // namespace meros::resources

// An amount of a resource in fixed point: a whole number of thousandths.
//
// All sums over resources must balance exactly, so no double takes part in them; doubles exist only
// at the edges (the wire carries them, statistics may use them). Mesos does the same:
// round(value * 1000), halves away from zero.
//
// Units are those of the resource's name: cpus are cores, mem and disk are MiB.
// Thread rule: immutable value type; thread-compatible.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace meros::resources {

class Scalar {
 public:
  // Thousandths in one unit.
  static constexpr int64_t kScale = 1000;
  // The largest value accepted from outside, in thousandths: up to here the thousandths of
  // a double survive the way there and back, and two thousand such values fit a sum.
  static constexpr int64_t kMaxMillis = int64_t{1} << 52;

  constexpr Scalar() = default;

  static constexpr Scalar FromMillis(int64_t millis) { return Scalar(millis); }
  // REQUIRES: |units| <= 9.2e15.
  static constexpr Scalar FromUnits(int64_t units) { return Scalar(units * kScale); }
  static constexpr Scalar Max() { return Scalar(std::numeric_limits<int64_t>::max()); }

  // Rounds to thousandths, halves away from zero. 0 and -0 give 0.
  // ERRORS: InvalidArgument for NaN, infinities, negative and subnormal values, values that are not
  // zero but round to it, and values above kMaxMillis thousandths.
  static absl::StatusOr<Scalar> FromDouble(double value);

  constexpr int64_t millis() const { return millis_; }
  constexpr double ToDouble() const { return static_cast<double>(millis_) / kScale; }
  // Shortest decimal form: "4", "0.5", "1.025".
  std::string ToString() const;

  constexpr bool is_zero() const { return millis_ == 0; }
  constexpr bool is_positive() const { return millis_ > 0; }
  // True for a whole number of units, as gpus must be.
  constexpr bool is_whole() const { return millis_ % kScale == 0; }

  // Sums saturate instead of overflowing, so that no input can make arithmetic undefined.
  friend constexpr Scalar operator+(Scalar a, Scalar b) {
    int64_t sum = 0;
    if (__builtin_add_overflow(a.millis_, b.millis_, &sum)) return Saturated(b.millis_ > 0);
    return Scalar(sum);
  }
  friend constexpr Scalar operator-(Scalar a, Scalar b) {
    int64_t difference = 0;
    if (__builtin_sub_overflow(a.millis_, b.millis_, &difference)) return Saturated(b.millis_ < 0);
    return Scalar(difference);
  }
  constexpr Scalar& operator+=(Scalar other) { return *this = *this + other; }
  constexpr Scalar& operator-=(Scalar other) { return *this = *this - other; }

  friend constexpr bool operator==(Scalar a, Scalar b) = default;
  friend constexpr auto operator<=>(Scalar a, Scalar b) = default;

  template <typename H>
  friend H AbslHashValue(H state, Scalar scalar) {
    return H::combine(std::move(state), scalar.millis_);
  }

 private:
  explicit constexpr Scalar(int64_t millis) : millis_(millis) {}
  static constexpr Scalar Saturated(bool up) {
    return Scalar(up ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min());
  }

  int64_t millis_ = 0;
};

}  // namespace meros::resources

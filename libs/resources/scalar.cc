#include "libs/resources/scalar.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace meros::resources {

absl::StatusOr<Scalar> Scalar::FromDouble(double value) {
  if (!std::isfinite(value) || value < 0) {
    return absl::InvalidArgumentError(absl::StrCat("must be finite and >= 0, got ", value));
  }
  if (std::fpclassify(value) == FP_SUBNORMAL) {
    return absl::InvalidArgumentError("must not be a subnormal number");
  }
  const double scaled = std::round(value * kScale);
  if (scaled > static_cast<double>(kMaxMillis)) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be at most ", kMaxMillis / kScale, ", got ", value));
  }
  if (scaled == 0 && value != 0) {
    return absl::InvalidArgumentError(absl::StrCat("must be 0 or at least 0.001, got ", value));
  }
  return Scalar(static_cast<int64_t>(scaled));
}

std::string Scalar::ToString() const {
  const bool negative = millis_ < 0;
  // Negated in unsigned arithmetic, where the most negative value has an opposite.
  const uint64_t magnitude =
      negative ? 0 - static_cast<uint64_t>(millis_) : static_cast<uint64_t>(millis_);
  std::string text = absl::StrCat(negative ? "-" : "", magnitude / kScale);
  const uint64_t fraction = magnitude % kScale;
  if (fraction == 0) return text;
  absl::StrAppend(&text, ".", absl::Dec(fraction, absl::kZeroPad3));
  while (text.back() == '0') text.pop_back();
  return text;
}

}  // namespace meros::resources

#include "libs/runtime/leader_search.h"

#include <utility>

#include "libs/base/leader_hint.h"

namespace meros::runtime {
namespace {

// Following more hints than this in a row means that the masters disagree.
constexpr int kHintsInARowMax = 3;
// A master that names a leader only after this long has waited for it.
constexpr absl::Duration kWaited = absl::Seconds(1);

}  // namespace

absl::Duration LeaderSearch::Delay(Rng* rng) {
  if (!has_dialed_) return absl::ZeroDuration();
  if (hint_.has_value() && ++hints_followed_ <= kHintsInARowMax) return absl::ZeroDuration();
  hints_followed_ = 0;
  return backoff_.Next(rng);
}

std::string LeaderSearch::Dial(absl::Time now) {
  has_dialed_ = true;
  dialed_at_ = now;
  if (hint_.has_value()) {
    dialed_ = *std::exchange(hint_, std::nullopt);
  } else {
    dialed_ = masters_[next_++ % masters_.size()];
  }
  return dialed_;
}

void LeaderSearch::Accepted() {
  is_accepted_ = true;
  backoff_.Reset();
  hints_followed_ = 0;
  lost_master_.clear();
}

void LeaderSearch::Failed(absl::Time now, const absl::Status& why) {
  hint_ = LeaderHint(why);
  if (std::exchange(is_accepted_, false)) return;
  if (absl::IsUnavailable(why) || absl::IsDeadlineExceeded(why)) {
    lost_master_ = dialed_;
  } else if (hint_.has_value() && now - dialed_at_ >= kWaited) {
    backoff_.Reset();
    hints_followed_ = 0;
  }
}

}  // namespace meros::runtime

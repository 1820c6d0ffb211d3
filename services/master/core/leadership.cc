#include "services/master/core/leadership.h"

#include <algorithm>

#include "libs/base/check.h"

namespace meros::master {
namespace {

using State = LeadershipState;

constexpr absl::Duration kUnreadableDelay = absl::Seconds(5);

constexpr LeadershipTransition kTransitions[] = {
    {State::kStandby, State::kAcquiring},    {State::kAcquiring, State::kStandby},
    {State::kAcquiring, State::kRecovering}, {State::kRecovering, State::kLeading},
    {State::kRecovering, State::kStandby},   {State::kLeading, State::kFenced},
    {State::kLeading, State::kStandby},      {State::kFenced, State::kLeading},
    {State::kFenced, State::kStandby},       {State::kStandby, State::kStopping},
    {State::kAcquiring, State::kStopping},   {State::kRecovering, State::kStopping},
    {State::kLeading, State::kStopping},     {State::kFenced, State::kStopping},
};

}  // namespace

absl::Span<const LeadershipTransition> LeadershipTransitions() { return kTransitions; }

absl::string_view LeadershipStateName(LeadershipState state) {
  switch (state) {
    case State::kStandby: return "STANDBY";
    case State::kAcquiring: return "ACQUIRING";
    case State::kRecovering: return "RECOVERING";
    case State::kLeading: return "LEADING";
    case State::kFenced: return "FENCED";
    case State::kStopping: return "STOPPING";
  }
  return "?";
}

void Leadership::Enter(State state) {
  MEROS_CHECK(
      std::any_of(std::begin(kTransitions), std::end(kTransitions),
                  [&](const LeadershipTransition& t) { return t.from == state_ && t.to == state; }))
      << LeadershipStateName(state_) << " -> " << LeadershipStateName(state);
  state_ = state;
}

absl::Duration Leadership::RetryDelay() {
  const absl::Duration bound = std::min(ttl_ / 8, absl::Seconds(1));
  return bound * (0.5 + 0.5 * rng_->UniformDouble());
}

Leadership::Verdict Leadership::OnTime(absl::Time now, EffectList* out) {
  if (state_ == State::kStopping) return Verdict::kNone;
  if (state_ == State::kRecovering && now >= valid_until_) return Lost(now);
  // The lease is not given back: the registry does not answer, so it could hear that much later.
  if (state_ == State::kFenced && now >= fenced_until_) return Lost(now);
  const bool fence = state_ == State::kLeading && now >= valid_until_;
  if (fence) {
    Enter(State::kFenced);
    fenced_until_ = now + fenced_max_;
  }
  if (now >= ask_next_) Ask(now, out);
  if (fence) return Verdict::kFence;
  if (state_ == State::kRecovering && now >= read_next_) {
    read_next_ = absl::InfiniteFuture();
    return Verdict::kRecover;
  }
  return Verdict::kNone;
}

void Leadership::Ask(absl::Time now, EffectList* out) {
  if (state_ == State::kStandby) Enter(State::kAcquiring);
  asked_at_ = now;
  answered_ = false;
  ask_next_ = now + ttl_;  // an answer that never comes counts as none
  ++attempt_;
  if (holds_lease()) {
    out->push_back(RenewLease{attempt_, epoch_, ttl_});
  } else {
    out->push_back(AcquireLease{attempt_, ttl_});
  }
}

Leadership::Verdict Leadership::OnAnswer(absl::Time now, const LeaseAnswer& answer) {
  if (answer.attempt != attempt_ || answered_ || state_ == State::kStopping) return Verdict::kNone;
  answered_ = true;
  ask_next_ = now + RetryDelay();
  switch (answer.kind) {
    case LeaseAnswer::Kind::kGranted: return OnGranted(now, answer);
    case LeaseAnswer::Kind::kHeldByOther: {
      const bool was_leader = holds_lease();
      leader_address_ = answer.leader_address;
      if (was_leader) return Lost(now);
      if (state_ == State::kAcquiring) Enter(State::kStandby);
      return Verdict::kNone;
    }
    case LeaseAnswer::Kind::kUnknown:
      if (state_ == State::kAcquiring) Enter(State::kStandby);
      return Verdict::kNone;
  }
  return Verdict::kNone;
}

Leadership::Verdict Leadership::OnGranted(absl::Time now, const LeaseAnswer& answer) {
  const absl::Time end = asked_at_ + answer.ttl;
  if (holds_lease() && answer.epoch != epoch_) return Lost(now);
  valid_until_ = end;
  ask_next_ = std::min(asked_at_ + answer.ttl / 3, end);
  if (now >= end) {  // the answer took longer than the lease lasts
    if (state_ == State::kAcquiring) Enter(State::kStandby);
    ask_next_ = now + RetryDelay();
    return Verdict::kNone;
  }
  if (state_ == State::kAcquiring) {
    epoch_ = answer.epoch;
    leader_address_.clear();
    Enter(State::kRecovering);
    return Verdict::kRecover;
  }
  if (state_ == State::kFenced) {
    Enter(State::kLeading);
    return Verdict::kResume;
  }
  return Verdict::kNone;
}

void Leadership::Lead() { Enter(State::kLeading); }

void Leadership::RecoverLater(absl::Time now, const absl::Status& why) {
  read_next_ = now + (absl::IsDataLoss(why) ? kUnreadableDelay : RetryDelay());
}

Leadership::Verdict Leadership::Lost(absl::Time now) {
  if (!holds_lease()) return Verdict::kNone;
  Enter(State::kStandby);
  answered_ = true;
  ask_next_ = now + RetryDelay();
  valid_until_ = absl::InfinitePast();
  read_next_ = absl::InfiniteFuture();
  return Verdict::kStepDown;
}

void Leadership::Stop(EffectList* out) {
  if (state_ == State::kStopping) return;
  if (holds_lease()) out->push_back(ReleaseLease{epoch_});
  Enter(State::kStopping);
}

absl::Time Leadership::NextDeadline() const {
  if (state_ == State::kStopping) return absl::InfiniteFuture();
  absl::Time next = std::min(ask_next_, read_next_);
  if (state_ == State::kLeading || state_ == State::kRecovering)
    next = std::min(next, valid_until_);
  if (state_ == State::kFenced) next = std::min(next, fenced_until_);
  return next;
}

}  // namespace meros::master

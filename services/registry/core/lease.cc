#include "services/registry/core/lease.h"

namespace meros::registry {

void Lease::Recover(const v1::LeaseRecord& record, absl::Time now) {
  record_ = record;
  expiry_ = now + absl::Milliseconds(record.ttl_ms());
}

bool Lease::IsFree(absl::Time now) const {
  return record_.epoch() == 0 || record_.released() || now >= expiry_;
}

bool Lease::IsHeldBy(const std::string& candidate_id, const v1::ElectionWin& won) const {
  return record_.epoch() > 0 && !record_.released() && record_.candidate_id() == candidate_id &&
         record_.won().number() == won.number() && record_.won().election() == won.election();
}

bool Lease::IsHeldByEarlier(const v1::ElectionWin& won) const {
  return record_.epoch() > 0 && !record_.released() && record_.won().number() > 0 &&
         record_.won().number() < won.number() && record_.won().election() == won.election();
}

v1::LeaseRecord Lease::NextGrant(const LeaseWaiter& to) const {
  v1::LeaseRecord record;
  record.set_epoch(record_.epoch() + 1);
  record.set_candidate_id(to.candidate_id);
  record.set_address(to.address);
  record.set_ttl_ms(to.ttl_ms);
  if (to.won.number() > 0) *record.mutable_won() = to.won;
  return record;
}

void Lease::Granted(const v1::LeaseRecord& record, absl::Time now) {
  record_ = record;
  Renew(now);
}

void Lease::Renew(absl::Time now) { expiry_ = now + absl::Milliseconds(record_.ttl_ms()); }

v1::LeaseRecord Lease::NextRelease() const {
  v1::LeaseRecord record = record_;
  record.set_released(true);
  return record;
}

absl::Time Lease::expiry() const {
  return record_.epoch() == 0 || record_.released() ? absl::InfiniteFuture() : expiry_;
}

v1::LeaseResult Lease::AsResult() const {
  v1::LeaseResult result;
  result.set_epoch(record_.epoch());
  result.set_ttl_ms(record_.ttl_ms());
  result.set_candidate_id(record_.candidate_id());
  result.set_address(record_.address());
  return result;
}

v1::GetLeaderResponse Lease::AsLeader(absl::Time now) const {
  v1::GetLeaderResponse leader;
  leader.set_held(record_.epoch() > 0 && !record_.released() && now < expiry_);
  leader.set_epoch(record_.epoch());
  leader.set_candidate_id(record_.candidate_id());
  leader.set_address(record_.address());
  return leader;
}

}  // namespace meros::registry

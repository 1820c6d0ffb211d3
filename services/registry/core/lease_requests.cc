// The requests about the lease: who gets it, who waits for it, who hears of it. How a grant or a
// release becomes durable is in registry_core.cc, like every write.
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/registry/core/registry_core.h"
#include "services/registry/core/responses.h"
#include "services/registry/core/validation.h"

namespace meros::registry {

void RegistryCore::Acquire(absl::Time now, StreamId stream, const v1::Request& request,
                           std::vector<Effect>* out) {
  const v1::AcquireLease& acquire = request.acquire_lease();
  const absl::Status valid = ValidateAcquire(acquire, options_);
  if (!valid.ok()) return ReplyError(stream, request.id(), valid, out);
  if (lease_.IsHeldBy(acquire.candidate_id(), acquire.won()) && !IsHolderBeingReplaced()) {
    lease_.Renew(now);
    return ReplyLease(stream, request.id(), absl::OkStatus(), out);
  }
  const bool is_next = lease_.IsHeldByEarlier(acquire.won());
  const bool free = !grant_in_queue_ && (is_next || (lease_.IsFree(now) && waiters_.empty()));
  if (!free && acquire.wait_ms() == 0) {
    return ReplyLease(stream, request.id(),
                      absl::FailedPreconditionError("the lease is held by another"), out);
  }
  if (waiting() >= options_.waiters_max) {
    return ReplyError(stream, request.id(),
                      absl::ResourceExhaustedError("too many requests wait for the lease"), out);
  }
  ForgetEarlier(acquire.candidate_id(), out);
  // Asking once means waiting only for the store.
  const absl::Duration wait = acquire.wait_ms() == 0 ? options_.store_retry_interval * 2
                                                     : absl::Milliseconds(acquire.wait_ms());
  waiters_.insert(is_next ? waiters_.begin() : waiters_.end(),
                  LeaseWaiter{stream, request.id(), acquire.candidate_id(), acquire.address(),
                              acquire.ttl_ms(), acquire.won(), now + wait});
  GrantIfFree(now, out);
}

void RegistryCore::ForgetEarlier(const std::string& candidate_id, std::vector<Effect>* out) {
  const auto is_earlier = [&](const LeaseWaiter& w) { return w.candidate_id == candidate_id; };
  for (const LeaseWaiter& waiter : waiters_) {
    if (!is_earlier(waiter)) continue;
    ReplyLease(waiter.stream, waiter.request_id,
               absl::FailedPreconditionError("the candidate has asked again"), out);
  }
  std::erase_if(waiters_, is_earlier);
}

void RegistryCore::GrantIfFree(absl::Time now, std::vector<Effect>* out) {
  if (grant_in_queue_ || waiters_.empty() || !lease_.MayGoTo(waiters_.front().won, now) ||
      !TakesWrites(write_state_)) {
    return;
  }
  grant_in_queue_ = true;
  LeaseWaiter next = std::move(waiters_.front());
  waiters_.pop_front();
  Enqueue({.kind = QueuedWrite::Kind::kGrant,
           .stream = next.stream,
           .request_id = next.request_id,
           .candidate = std::move(next)},
          out);
}

bool RegistryCore::IsHolderBeingReplaced() const {
  return write_state_ == WriteState::kWriting && batch_.lease.has_value();
}

void RegistryCore::Renew(absl::Time now, StreamId stream, const v1::Request& request,
                         std::vector<Effect>* out) {
  const uint64_t epoch = request.renew_lease().epoch();
  const bool held =
      epoch > 0 && epoch == lease_.epoch() && lease_.expiry() != absl::InfiniteFuture();
  if (!held || IsHolderBeingReplaced()) {
    return ReplyLease(stream, request.id(),
                      absl::FailedPreconditionError(
                          absl::StrCat("renew_lease.epoch: ", epoch, " does not hold the lease")),
                      out);
  }
  lease_.Renew(now);
  ReplyLease(stream, request.id(), absl::OkStatus(), out);
}

void RegistryCore::GetLeader(absl::Time now, StreamId stream, const v1::Request& request,
                             std::vector<Effect>* out) {
  const v1::GetLeaderRequest& ask = request.get_leader();
  const absl::Status valid = ValidateWait(ask.wait_ms());
  if (!valid.ok()) return ReplyError(stream, request.id(), valid, out);
  if (ask.wait_ms() > 0 && ask.known_epoch() == lease_.epoch()) {
    const absl::Status added = watchers_.Add(
        {stream, request.id(), ask.known_epoch(), now + absl::Milliseconds(ask.wait_ms())});
    if (!added.ok()) ReplyError(stream, request.id(), added, out);
    return;
  }
  v1::Response response = ResponseFor(request.id(), absl::OkStatus());
  *response.mutable_leader() = lease_.AsLeader(now);
  out->push_back(Reply{stream, std::move(response)});
}

void RegistryCore::ExpireWaiters(absl::Time now, std::vector<Effect>* out) {
  for (const LeaseWaiter& waiter : waiters_) {
    if (now < waiter.deadline) continue;
    ReplyLease(waiter.stream, waiter.request_id,
               absl::DeadlineExceededError("the lease is held by another"), out);
  }
  std::erase_if(waiters_, [&](const LeaseWaiter& waiter) { return now >= waiter.deadline; });
  AnswerWatchers(now, out);
}

void RegistryCore::AnswerWatchers(absl::Time now, std::vector<Effect>* out) {
  for (const LeaderWatcher& watcher : watchers_.TakeDue(now, lease_.epoch())) {
    v1::Response response = ResponseFor(watcher.request_id, absl::OkStatus());
    *response.mutable_leader() = lease_.AsLeader(now);
    out->push_back(Reply{watcher.stream, std::move(response)});
  }
}

}  // namespace meros::registry

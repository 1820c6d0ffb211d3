#include "services/registry/core/registry_core.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "services/registry/core/responses.h"
#include "services/registry/core/validation.h"

namespace meros::registry {
namespace {

const Key& LeaseKey() {
  static const Key* const key = new Key(v1::RECORD_KIND_LEASE, "leader");
  return *key;
}

const char kNotOwned[] = "the store does not answer; another registry may serve it now";

void Emit(std::vector<WatchEffect> effects, std::vector<RegistryCore::Effect>* out) {
  for (WatchEffect& effect : effects) {
    std::visit(
        [&](auto& one) {
          out->emplace_back(std::in_place_type<std::decay_t<decltype(one)>>, std::move(one));
        },
        effect);
  }
}

// Of a store that failed, whatever it said: that its file is damaged or may not be written says
// nothing about the request. Masters take other codes than these two for an answer to what they
// asked, and would go on as if there were nothing left to write.
absl::Status AsClientsHear(const absl::Status& failure) {
  if (absl::IsResourceExhausted(failure)) return failure;
  return absl::UnavailableError(failure.message());
}

}  // namespace

RegistryCore::RegistryCore(CoreOptions options, StoredState stored, absl::Time now)
    : options_(options),
      revision_(stored.revision),
      watchers_(options.watchers_max),
      record_watchers_(options, stored.revision) {
  records_.Apply(stored.records);
  const Value* lease = records_.Find(LeaseKey());
  v1::LeaseRecord record;
  // A value that does not parse cannot come from us: the store's checksums guard what we wrote.
  if (lease != nullptr && record.ParseFromString(lease->bytes())) lease_.Recover(record, now);
}

void RegistryCore::Step(absl::Time now, Input input, std::vector<Effect>* out) {
  std::visit([&](auto& in) { On(now, in, out); }, input);
}

void RegistryCore::Move(WriteEvent event) {
  for (const WriteTransition& transition : WriteTransitions()) {
    if (transition.from != write_state_ || transition.event != event) continue;
    write_state_ = transition.to;
    return;
  }
  MEROS_CHECK(false) << WriteEventName(event) << " in " << WriteStateName(write_state_);
}

absl::Time RegistryCore::NextDeadline() const {
  // Due at once, so that the strand ticks when it has stepped all inputs of its batch.
  if (write_state_ == WriteState::kGathering) return absl::InfinitePast();
  absl::Time next = std::min(retry_at_, watchers_.NextDeadline());
  // While a grant is on its way, or writes are refused, the expiry of the lease changes nothing.
  if (!waiters_.empty() && !grant_in_queue_ && MayQueue()) {
    next = std::min(next, lease_.expiry());
  }
  for (const LeaseWaiter& waiter : waiters_) next = std::min(next, waiter.deadline);
  if (record_watchers_.size() > 0) next = std::min(next, owned_until_);
  return next;
}

void RegistryCore::CheckInvariants() const {
  MEROS_CHECK((write_state_ == WriteState::kReadOnly) == (retry_at_ != absl::InfiniteFuture()));
  MEROS_CHECK(write_state_ == WriteState::kWriting || write_state_ == WriteState::kGathering ||
              queue_.empty())
      << queue_.size() << " writes wait for nothing";
  MEROS_CHECK(queue_.size() <= options_.queued_writes_max + 1);
  MEROS_CHECK(waiting() <= options_.waiters_max);
  MEROS_CHECK(watchers_.size() <= options_.watchers_max);
  MEROS_CHECK(record_watchers_.size() <= options_.record_watchers_max);
}

void RegistryCore::On(absl::Time now, const runtime::Tick&, std::vector<Effect>* out) {
  if (write_state_ == WriteState::kReadOnly && now >= retry_at_) Probe(out);
  ExpireWaiters(now, out);
  GrantIfFree(now, out);
  if (write_state_ == WriteState::kGathering) StartBatch(now, out);
  if (now >= owned_until_) {
    std::vector<WatchEffect> ended;
    record_watchers_.EndAll(absl::UnavailableError(kNotOwned), &ended);
    Emit(std::move(ended), out);
  }
}

void RegistryCore::On(absl::Time now, Requested& requested, std::vector<Effect>* out) {
  const StreamId stream = requested.stream;
  v1::Request& request = requested.request;
  const auto refuse = [&](const absl::Status& status) {
    ReplyError(stream, request.id(), status, out);
  };
  if (now >= owned_until_) return refuse(absl::UnavailableError(kNotOwned));
  switch (request.body_case()) {
    case v1::Request::kCommit: {
      const absl::Status valid = ValidateCommit(request.commit());
      if (!valid.ok()) return refuse(valid);
      return Enqueue({.kind = QueuedWrite::Kind::kCommit,
                      .stream = stream,
                      .request_id = request.id(),
                      .commit = std::move(*request.mutable_commit())},
                     out);
    }
    case v1::Request::kList:
      for (auto& part : records_.List(request.list(), revision_, options_.list_part_bytes)) {
        v1::Response response = ResponseFor(request.id(), absl::OkStatus());
        *response.mutable_list() = std::move(part);
        out->push_back(Reply{stream, std::move(response)});
      }
      return;
    case v1::Request::kGet: {
      const absl::Status valid = ValidateKey(request.get().key());
      if (!valid.ok()) return refuse(valid);
      const Value* value = records_.Find({request.get().key().kind(), request.get().key().name()});
      if (value == nullptr) {
        return refuse(
            absl::NotFoundError(absl::StrCat("no record '", request.get().key().name(), "'")));
      }
      v1::Response response = ResponseFor(request.id(), absl::OkStatus());
      *response.mutable_record()->mutable_key() = request.get().key();
      response.mutable_record()->set_value(value->bytes());
      response.mutable_record()->set_revision(value->revision());
      out->push_back(Reply{stream, std::move(response)});
      return;
    }
    case v1::Request::kAcquireLease:
      return Acquire(now, stream, request, out);
    case v1::Request::kRenewLease:
      return Renew(now, stream, request, out);
    case v1::Request::kReleaseLease: {
      v1::Commit epoch;
      epoch.set_epoch(request.release_lease().epoch());
      return Enqueue({.kind = QueuedWrite::Kind::kRelease,
                      .stream = stream,
                      .request_id = request.id(),
                      .commit = std::move(epoch)},
                     out);
    }
    case v1::Request::kGetLeader:
      return GetLeader(now, stream, request, out);
    case v1::Request::BODY_NOT_SET:
      return refuse(absl::InvalidArgumentError("body: none is set"));
  }
}

void RegistryCore::On(absl::Time, const StoreOwned& owned, std::vector<Effect>*) {
  if (owned_until_ == absl::InfiniteFuture()) owned_until_ = owned.until;
  owned_until_ = std::max(owned_until_, owned.until);
}

void RegistryCore::On(absl::Time, const StreamClosed& closed, std::vector<Effect>*) {
  std::erase_if(waiters_, [&](const LeaseWaiter& w) { return w.stream == closed.stream; });
  watchers_.Forget(closed.stream);
  // Queued commits stay: what was sent is taken in order, answered or not.
}

void RegistryCore::On(absl::Time now, const StatusAsked& asked, std::vector<Effect>* out) {
  v1::GetStatusResponse response;
  const bool owned = now < owned_until_;
  response.set_writable(owned && TakesWrites(write_state_));
  response.set_reason(owned ? std::string(store_status_.message()) : kNotOwned);
  response.set_revision(revision_);
  response.set_epoch(lease_.epoch());
  response.set_records(records_.size());
  response.set_value_bytes(records_.value_bytes());
  out->push_back(ReplyStatus{asked.call, std::move(response)});
}

// ---- watches of records ----

void RegistryCore::On(absl::Time now, const WatchAsked& asked, std::vector<Effect>* out) {
  if (now >= owned_until_) {
    out->push_back(EndWatch{asked.watch, absl::UnavailableError(kNotOwned)});
    return;
  }
  std::vector<WatchEffect> told;
  record_watchers_.Add(asked.watch, asked.request, records_, revision_, &told);
  Emit(std::move(told), out);
}

void RegistryCore::On(absl::Time, const WatchRead& read, std::vector<Effect>* out) {
  std::vector<WatchEffect> told;
  record_watchers_.Read(read.watch, read.bytes, &told);
  Emit(std::move(told), out);
}

void RegistryCore::On(absl::Time, const WatchClosed& closed, std::vector<Effect>*) {
  record_watchers_.Forget(closed.watch);
}

// ---- writes ----

void RegistryCore::Enqueue(QueuedWrite write, std::vector<Effect>* out) {
  absl::Status refusal;
  if (!TakesWrites(write_state_)) {
    refusal = store_status_;
  } else if (queue_.size() >= options_.queued_writes_max) {
    refusal = absl::ResourceExhaustedError(
        absl::StrCat("too many writes wait for the store: ", queue_.size()));
  }
  if (!refusal.ok()) {
    if (write.kind != QueuedWrite::Kind::kGrant) {
      return ReplyError(write.stream, write.request_id, refusal, out);
    }
    // The candidate goes on waiting; it is tried again when writes are.
    grant_in_queue_ = false;
    waiters_.push_front(std::move(write.candidate));
    return;
  }
  queue_.push_back(std::move(write));
  if (write_state_ == WriteState::kIdle) Move(WriteEvent::kWrite);
}

void RegistryCore::StartBatch(absl::Time now, std::vector<Effect>* out) {
  batch_ = Batch{.token = ++last_token_, .revision = revision_};
  while (!queue_.empty() && batch_.bytes < options_.batch_bytes_max) {
    QueuedWrite write = std::move(queue_.front());
    queue_.pop_front();
    switch (write.kind) {
      case QueuedWrite::Kind::kCommit:
        AddCommit(write, out);
        break;
      case QueuedWrite::Kind::kGrant:
        AddGrant(now, write);
        break;
      case QueuedWrite::Kind::kRelease:
        AddRelease(write, out);
        break;
    }
  }
  if (batch_.overlay.empty()) {
    // Nothing to write: commits that changed nothing are durable already.
    Move(WriteEvent::kNothing);
    for (HeldReply& held : batch_.replies)
      out->push_back(Reply{held.stream, std::move(held.response)});
    return;
  }
  Move(WriteEvent::kClose);
  Persist persist{batch_.token, batch_.revision, {}};
  for (const auto& [key, value] : batch_.overlay) persist.changes.push_back({key, value});
  out->push_back(std::move(persist));
}

void RegistryCore::Probe(std::vector<Effect>* out) {
  Move(WriteEvent::kRetry);
  retry_at_ = absl::InfiniteFuture();
  // A new revision: for the one that is there already a store need not write anything.
  batch_ = Batch{.token = ++last_token_, .revision = revision_ + 1};
  out->push_back(Persist{batch_.token, batch_.revision, {}});
}

bool RegistryCore::IsInStore(uint64_t token) const {
  return (write_state_ == WriteState::kWriting || write_state_ == WriteState::kProbing) &&
         token == batch_.token;
}

const Value* RegistryCore::FindInBatch(const Key& key) const {
  const auto it = batch_.overlay.find(key);
  if (it == batch_.overlay.end()) return records_.Find(key);
  return it->second.has_value() ? &*it->second : nullptr;
}

absl::Status RegistryCore::CheckRevisions(const v1::Commit& commit) const {
  for (int i = 0; i < commit.mutations_size(); ++i) {
    const v1::Mutation& mutation = commit.mutations(i);
    if (!mutation.has_expected_revision()) continue;
    const Value* present = FindInBatch({mutation.key().kind(), mutation.key().name()});
    // What is already as wanted succeeds, so that a repeated commit is harmless.
    if (mutation.has_remove() ? present == nullptr
                              : present != nullptr && present->bytes() == mutation.put()) {
      continue;
    }
    const uint64_t revision = present == nullptr ? 0 : present->revision();
    if (revision != mutation.expected_revision()) {
      return absl::AbortedError(absl::StrCat("commit.mutations[", i, "]: record '",
                                             mutation.key().name(), "' is at revision ", revision,
                                             ", expected ", mutation.expected_revision()));
    }
  }
  return absl::OkStatus();
}

void RegistryCore::AddCommit(QueuedWrite& write, std::vector<Effect>* out) {
  const uint64_t epoch = batch_.lease.has_value() ? batch_.lease->epoch() : lease_.epoch();
  if (write.commit.epoch() != epoch) {
    return ReplyError(
        write.stream, write.request_id,
        absl::FailedPreconditionError(absl::StrCat("commit.epoch: ", write.commit.epoch(),
                                                   " is not the present one, ", epoch)),
        out);
  }
  const absl::Status revisions = CheckRevisions(write.commit);
  if (!revisions.ok()) {
    // Held back like an answer: what it found may be in this batch, and not durable in the end.
    batch_.replies.push_back({write.stream, ResponseFor(write.request_id, revisions)});
    return;
  }
  // Each commit has a revision of its own, also within one transaction: an expected revision names
  // exactly one value.
  const uint64_t revision = batch_.revision + 1;
  std::vector<StoreChange> changes;
  for (v1::Mutation& mutation : *write.commit.mutable_mutations()) {
    Key key(mutation.key().kind(), std::move(*mutation.mutable_key()->mutable_name()));
    const Value* present = FindInBatch(key);
    if (mutation.has_remove()) {
      if (present == nullptr) continue;
      changes.push_back({std::move(key), std::nullopt});
    } else {
      if (present != nullptr && present->bytes() == mutation.put()) continue;
      batch_.bytes += mutation.put().size();
      changes.push_back({std::move(key), Value(std::move(*mutation.mutable_put()), revision)});
    }
  }
  if (!changes.empty()) AddRevision(std::move(changes));
  v1::Response response = ResponseFor(write.request_id, absl::OkStatus());
  // A commit that changed nothing still waits for the batch: what it found may be in it.
  response.mutable_commit()->set_revision(batch_.revision);
  batch_.replies.push_back({write.stream, std::move(response)});
}

void RegistryCore::AddRevision(std::vector<StoreChange> changes) {
  std::sort(changes.begin(), changes.end(),
            [](const StoreChange& a, const StoreChange& b) { return a.key < b.key; });
  for (const StoreChange& change : changes) batch_.overlay[change.key] = change.value;
  batch_.commits.push_back(std::make_shared<const RevisionChanges>(
      RevisionChanges{++batch_.revision, std::move(changes)}));
}

void RegistryCore::AddLease(v1::LeaseRecord record) {
  AddRevision({{LeaseKey(), Value(record.SerializeAsString(), batch_.revision + 1)}});
  batch_.lease = std::move(record);
}

void RegistryCore::AddGrant(absl::Time now, QueuedWrite& write) {
  // The holder may have renewed since the grant was queued.
  if (!lease_.MayGoTo(write.candidate.won, now) || batch_.lease.has_value()) {
    grant_in_queue_ = false;
    waiters_.push_front(std::move(write.candidate));
    return;
  }
  AddLease(lease_.NextGrant(write.candidate));
  batch_.granted_to = std::move(write.candidate);
}

void RegistryCore::AddRelease(QueuedWrite& write, std::vector<Effect>* out) {
  const uint64_t epoch = write.commit.epoch();
  if (epoch != lease_.epoch() || epoch == 0 || batch_.lease.has_value()) {
    // Giving back what one no longer has is done already.
    return ReplyLease(write.stream, write.request_id,
                      epoch <= lease_.epoch()
                          ? absl::OkStatus()
                          : absl::FailedPreconditionError(
                                absl::StrCat("release_lease.epoch: ", epoch, " was never granted")),
                      out);
  }
  AddLease(lease_.NextRelease());
  v1::Response response = ResponseFor(write.request_id, absl::OkStatus());
  *response.mutable_lease() = lease_.AsResult();
  batch_.replies.push_back({write.stream, std::move(response)});
}

void RegistryCore::On(absl::Time now, const StoreCommitted& committed, std::vector<Effect>* out) {
  if (!IsInStore(committed.token)) return;
  std::vector<StoreChange> changes;
  for (auto& [key, value] : batch_.overlay) changes.push_back({key, std::move(value)});
  records_.Apply(changes);
  revision_ = batch_.revision;
  std::vector<WatchEffect> told;
  record_watchers_.Committed(std::move(batch_.commits), &told);
  Emit(std::move(told), out);
  store_status_ = absl::OkStatus();
  for (HeldReply& held : batch_.replies)
    out->push_back(Reply{held.stream, std::move(held.response)});
  const bool lease_changed = batch_.lease.has_value();
  if (batch_.granted_to.has_value()) {
    lease_.Granted(*batch_.lease, now);
    grant_in_queue_ = false;
    ReplyLease(batch_.granted_to->stream, batch_.granted_to->request_id, absl::OkStatus(), out);
  } else if (lease_changed) {
    lease_.Released(*batch_.lease);
  }
  Move(WriteEvent::kCommitted);
  if (!queue_.empty()) {
    Move(WriteEvent::kWrite);
    StartBatch(now, out);
  }
  if (lease_changed) AnswerWatchers(now, out);
  GrantIfFree(now, out);
}

void RegistryCore::On(absl::Time now, const StoreFailed& failed, std::vector<Effect>* out) {
  if (!IsInStore(failed.token)) return;
  Move(WriteEvent::kFailed);
  store_status_ = AsClientsHear(failed.status);
  retry_at_ = now + options_.store_retry_interval;
  for (const HeldReply& held : batch_.replies)
    ReplyError(held.stream, held.response.id(), store_status_, out);
  if (batch_.granted_to.has_value()) {
    grant_in_queue_ = false;
    waiters_.push_front(std::move(*batch_.granted_to));
  }
  batch_ = Batch();
  // What waited would fail as well; its senders decide whether to repeat it.
  std::deque<QueuedWrite> waiting = std::exchange(queue_, {});
  for (QueuedWrite& write : waiting) Enqueue(std::move(write), out);
}

// ---- answers ----

void RegistryCore::ReplyError(StreamId stream, uint64_t request_id, const absl::Status& status,
                              std::vector<Effect>* out) const {
  out->push_back(Reply{stream, ResponseFor(request_id, status)});
}

void RegistryCore::ReplyLease(StreamId stream, uint64_t request_id, const absl::Status& status,
                              std::vector<Effect>* out) const {
  v1::Response response = ResponseFor(request_id, status);
  *response.mutable_lease() = lease_.AsResult();
  out->push_back(Reply{stream, std::move(response)});
}

}  // namespace meros::registry

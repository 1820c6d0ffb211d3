// The leader's lease: who holds it, until when nobody else may, and who waits for it.
//
//                (1) grant, durable            (2) expired, or given back
//      FREE ───────────────────────▶ HELD ───────────────────────────────▶ FREE
//                                     │ ▲
//                                     └─┘ (3) renewed: expiry moves on
//
//  (1) epoch grows by one; told to the holder only when it is durable.
//  (2) an expired holder that nobody has replaced may still renew: it is the only one of its epoch.
//  (3) renewals are not durable. After a restart the registry cannot know the last one, so it takes
//  the
//      moment of its start for it: nobody else is granted for one whole ttl.
//
// A master that won an election elsewhere need not wait for (2) if the holder is an earlier winner
// of that election: its end is the business of the election. Epochs are counted here in any case,
// so that they grow whatever elections there were.
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "meros/registry/v1/record.pb.h"
#include "meros/registry/v1/registry_service.pb.h"

namespace meros::registry {

// A request that waits for the lease.
struct LeaseWaiter {
  StreamId stream = 0;
  uint64_t request_id = 0;
  std::string candidate_id;
  std::string address;
  int64_t ttl_ms = 0;
  v1::ElectionWin won;  // number 0: none
  absl::Time deadline;
};

class Lease {
 public:
  // What a start finds in the store; `now` begins the wait of (3).
  void Recover(const v1::LeaseRecord& record, absl::Time now);

  // Whether a grant to somebody else is allowed.
  bool IsFree(absl::Time now) const;
  // Whether it is held since that candidate came by it in that way.
  bool IsHeldBy(const std::string& candidate_id, const v1::ElectionWin& won) const;
  // Whether it is held by an earlier winner of the same election.
  bool IsHeldByEarlier(const v1::ElectionWin& won) const;
  // Whether it is free for all, or for that winner.
  bool MayGoTo(const v1::ElectionWin& won, absl::Time now) const {
    return IsFree(now) || IsHeldByEarlier(won);
  }
  uint64_t epoch() const { return record_.epoch(); }

  // The record of the next grant; becomes the state by Granted() once it is durable.
  v1::LeaseRecord NextGrant(const LeaseWaiter& to) const;
  void Granted(const v1::LeaseRecord& record, absl::Time now);
  void Renew(absl::Time now);
  v1::LeaseRecord NextRelease() const;
  void Released(const v1::LeaseRecord& record) { record_ = record; }

  // When it expires; InfiniteFuture while nobody holds it.
  absl::Time expiry() const;

  v1::LeaseResult AsResult() const;
  v1::GetLeaderResponse AsLeader(absl::Time now) const;

 private:
  v1::LeaseRecord record_;  // epoch 0: never granted
  absl::Time expiry_ = absl::InfinitePast();
};

}  // namespace meros::registry

// The Store on a ZooKeeper ensemble: replicated, fenced, for one serving process at a time and any
// number that stand by for it. The layout is in zookeeper_layout.h.
//
// Who opens the store claims it: it creates the ephemeral node ROOT/owner and writes its name into
// ROOT/fence, in one transaction. Every later transaction also writes ROOT/fence at the version
// that it left there. So a process that was replaced cannot write any more; and after a lost
// connection the fence's version tells which transactions were done, so that each is done exactly
// once.
//
// A batch is one transaction; larger ones (some 640 KiB) go through a journal: first the parts,
// then the decision, then the rows. Opening finishes what was decided.
//
//   (1) serving   connection lost      serving    calls wait up to `call_timeout`, then are
//   Unavailable (2) serving   session expired      serving    unless another has claimed the store:
//   then (3) (3) serving   another claimed it   over       FailedPrecondition from every call (4)
//   serving   a batch that was reported as failed turns out to have been done: over
//
// Over means: open it anew, and read it. `on_over` tells, also when nothing is asked.
//
// Thread rule: as Store. Beside it runs a thread that proves every sixth of the session timeout
// that the session lives.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/coordination/zookeeper_url.h"
#include "libs/storage/store.h"

namespace meros::storage {

struct ZooKeeperStoreOptions {
  coordination::ZooKeeperUrl url;  // its path is the root of the store
  std::string name;                // of this process, told to those who find the store claimed
  absl::Duration session_timeout = absl::Seconds(10);
  // How long a call goes on trying without a quorum. What it was about is open then, until the next
  // call finds out.
  absl::Duration call_timeout = absl::Seconds(5);
  // How long opening waits for the store to become free.
  absl::Duration claim_timeout = absl::Seconds(5);
  // Until when nobody else can serve the store, for sure; grows as long as all is well. Called on
  // any thread; may be empty.
  std::function<void(absl::Time until)> on_owned;
  // The store is over; at most once, on any thread. May be empty. It must not destroy the store.
  std::function<void(absl::Status why)> on_over;
};

// Claims the store, finishes what its former owner has decided, and learns which rows there are.
// ERRORS: Unavailable (no quorum; or claimed by another, who is named), PermissionDenied
// (credentials, access lists), FailedPrecondition (a newer format), DataLoss (nodes that are not
// ours). Cost: O(rows).
absl::StatusOr<std::unique_ptr<Store>> OpenZooKeeperStore(const ZooKeeperStoreOptions& options);

}  // namespace meros::storage

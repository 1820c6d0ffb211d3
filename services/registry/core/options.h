// Bounds of the registry's core.
//
// Thread rule: immutable.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace meros::registry {

struct CoreOptions {
  absl::Duration lease_ttl_min = absl::Milliseconds(500);  // shorter ones are refused
  absl::Duration lease_ttl_max = absl::Minutes(5);         // longer ones too
  // Writes waiting for the store; above it they are refused with RESOURCE_EXHAUSTED.
  size_t queued_writes_max = 100000;
  // Bytes of values in one store transaction; the rest waits for the next one.
  size_t batch_bytes_max = 16 << 20;
  // Requests that wait for the lease; above it they are refused with RESOURCE_EXHAUSTED.
  size_t waiters_max = 10000;
  // Requests that wait for another leader, likewise. They take no room from those for the lease.
  size_t watchers_max = 10000;
  // After the store has failed, writes are refused for this long before one is tried again.
  absl::Duration store_retry_interval = absl::Seconds(1);
  // Bytes of records in one part of a listing, or of what is told to a watcher.
  size_t list_part_bytes = 512 << 10;
  // Watches of records; further ones are refused with RESOURCE_EXHAUSTED.
  size_t record_watchers_max = 1000;
  // Of what it was told a watcher may have so much to read, in bytes, before it is told more.
  size_t watch_unread_bytes_max = 512 << 10;
  // The last changes, number and bytes, that are remembered for watchers who come back or are
  // behind. More than one store transaction holds; a reader that is behind by more is ended.
  size_t watch_ring_changes_max = 100000;
  size_t watch_ring_bytes_max = 64 << 20;

  // A watcher to whom so many commits meant nothing is told the revision alone, so that it can go
  // on after one that is still remembered; as long as so many fit into the ring (at most 100
  // changes and 64 KiB a commit, on average, as the values are).
  size_t watch_silent_commits_max = 1000;

  // ERRORS: InvalidArgument naming the first option that makes no sense.
  absl::Status Validate() const;
};

}  // namespace meros::registry

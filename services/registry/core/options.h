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
  // Bytes of records in one part of a listing.
  size_t list_part_bytes = 512 << 10;

  // ERRORS: InvalidArgument naming the first option that makes no sense.
  absl::Status Validate() const;
};

}  // namespace meros::registry

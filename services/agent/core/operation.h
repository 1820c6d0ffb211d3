// One operation on the agent's resources, from its order until its result is acknowledged.
//
//        1               2             3
//   ───────▶ PENDING ───────▶ result ───────▶ (forgotten)
//      └────────── 4 ───────────┘
//
//   1  recorded together with what the resources become; directories of volumes are being made or
//      deleted, or that of the volume which it resizes is still being made for an earlier one
//   2  they are, or that failed and the resources are again what they were: OPERATION_FINISHED or
//      OPERATION_FAILED, sent until it is acknowledged
//   3  acknowledged
//   4  nothing is to be done on disk, or it is refused: OPERATION_ERROR, OPERATION_DROPPED
//
// Owner: AgentCore. Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "libs/resources/conversions.h"
#include "meros/v1/offer.pb.h"
#include "meros/v1/operation.pb.h"

namespace meros::agent {

struct OpenOperation {
  std::string uuid;          // 16 bytes
  std::string framework_id;  // empty: an operator's
  uint64_t sequence = 0;     // counts up in the order of arrival
  v1::Offer::Operation info;
  v1::OperationStatus status;  // OPERATION_PENDING has no uuid, results have one
  // Without allocation; empty unless PENDING.
  resources::Conversion conversion;
  bool is_recorded = true;  // false: of one that the agent was asked about and never had

  // Of the sending.
  bool in_flight = false;  // sent in this session, and since its framework subscribed last
  absl::Duration delay;
  absl::Time due = absl::InfinitePast();

  bool is_pending() const { return status.state() == v1::OPERATION_PENDING; }
  void MarkUnsent() {
    in_flight = false;
    due = absl::InfinitePast();
  }
};

// By uuid.
using OpenOperations = absl::btree_map<std::string, OpenOperation>;

}  // namespace meros::agent

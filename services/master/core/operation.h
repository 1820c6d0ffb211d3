// An operation on an agent's resources, from when it is sent to the agent until its result is
// acknowledged. The books count with its result at once; should it fail, the agent says what it
// has.
//
//        1               2             3
//   ───────▶ PENDING ───────▶ result ───────▶ (out of the books)
//
//   1  of an ACCEPT or an operator, or reported by an agent that came back
//   2  the agent's word; one with a framework's id is told the framework, until
//   3  the framework acknowledges it. Others are acknowledged by the master. It also leaves the
//      books when its agent is lost
//
// Owned by OperationBook; changed only by transaction.h. Thread rule: strand-confined; published
// copies are immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "libs/base/ids.h"
#include "meros/v1/offer.pb.h"
#include "meros/v1/operation.pb.h"

namespace meros::master {

struct Operation {
  // Order of entry into the books; unique per master process and what iteration goes by.
  uint64_t sequence = 0;
  std::string uuid;          // 16 bytes
  std::string id;            // the framework's name for it; empty: it wants no answer
  FrameworkId framework_id;  // empty: an operator's
  AgentId agent_id;
  std::shared_ptr<const v1::Offer::Operation> info;   // never null
  std::shared_ptr<const v1::OperationStatus> status;  // never null
};

// Whether no other state follows.
bool IsTerminal(v1::OperationState state);

}  // namespace meros::master

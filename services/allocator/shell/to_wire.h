// Effects of the core to messages for a master.
//
// Owner: services/allocator/shell. Thread rule: pure functions; thread-safe.
#pragma once

#include <string>

#include "services/allocator/core/messages.h"

namespace meros::allocator::v1 {
class AllocatorMessage;
}

namespace meros::allocator {

// Who this process is.
struct Identity {
  std::string instance_id;     // new at every start
  std::string implementation;  // name and version, for people
};

void ToWire(const Identity& identity, v1::AllocatorMessage* message);  // Welcome
void ToWire(const Proposal& proposal, v1::AllocatorMessage* message);
void ToWire(const GangProposal& proposal, v1::AllocatorMessage* message);
void ToWire(const InverseOffer& offer, v1::AllocatorMessage* message);
void ToWire(const PreemptionProposal& preemption, v1::AllocatorMessage* message);
void ToWire(const SendNeedSnapshot& effect, v1::AllocatorMessage* message);

}  // namespace meros::allocator

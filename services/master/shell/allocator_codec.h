// Messages to and from the allocator.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "meros/allocator/v1/allocator_service.pb.h"
#include "services/master/core/effects.h"
#include "services/master/core/inputs.h"

namespace meros::master {

allocator::v1::MasterMessage EncodeForAllocator(const ToAllocator& message,
                                                const std::string& master_id);

// A malformed proposal is not lost: its fault says what is wrong, and the core rejects it.
Proposal DecodeProposal(const allocator::v1::Proposal& message);
PreemptionProposal DecodePreemption(const allocator::v1::Preemption& message);

// The same of its parts.
GangProposal DecodeGangProposal(const allocator::v1::GangProposal& message);

// What a frame on that stream says to the core, in its order as far as that matters: what was
// proposed before a snapshot is asked for comes before that.
std::vector<Input> DecodeFrame(const allocator::v1::AllocatorFrame& frame, StreamId stream);

}  // namespace meros::master

// A master's life as bytes, for fuzzing: calls of schedulers, operators, agents and allocators, one
// after another, through the same reading and rules as over gRPC and then the core, whose books are
// checked after every step.
//
// A script is a list of entries: a byte that says who speaks, two for the length of what follows
// (little endian), and the message in protobuf's encoding. What cannot be parsed is skipped. The
// master leads, framework m-0000 of role eng is on stream 1, agents m-S0 and m-S1 are on streams 2
// and 3, and m-S0 is offered to it. Offers cannot be guessed, so offer id "#N" stands for the N-th.
//
// Thread rule: pure function; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace meros::master {

// Who speaks; other bytes mean one of these, too.
enum class Speaker : uint8_t {
  kScheduler,     // scheduler.Call on stream 1
  kOtherStream,   // scheduler.Call on stream 4, whose first call may be SUBSCRIBE
  kUnary,         // scheduler.Call without a stream
  kAgent,         // agent_link.AgentMessage on stream 2
  kOtherAgent,    // the same on stream 3
  kNewAgent,      // the same on stream 5
  kProposal,      // allocator.Proposal
  kGangProposal,  // allocator.GangProposal
  kPreemption,    // allocator.Preemption
  kReserve,       // master.ReserveResourcesRequest, and so on
  kUnreserve,
  kCreateVolumes,
  kDestroyVolumes,
  kGrowVolume,
  kShrinkVolume,
  kUpdateQuota,
  kUpdateWeights,
  kUpdateRoles,
  kSchedule,  // master.UpdateMaintenanceScheduleRequest
  kStartMaintenance,
  kStopMaintenance,
  kKillTask,
  kTeardown,
  kTime,        // no message: as many seconds pass as the length says, modulo 600
  kRegistry,    // no message: what was to be written is; at odd lengths it is refused
  kStreamEnds,  // no message: stream 1 to 5 by the length
  kCount,
};

// One entry of a script.
std::string Entry(Speaker speaker, absl::string_view message);
// One of those without a message.
std::string Entry(Speaker speaker, uint16_t length);

// Bounds what one script costs.
inline constexpr int kEntriesMax = 200;

// Fails a MEROS_CHECK where the master would not keep its books. Returns how many entries were
// parsed and passed the rules for messages.
int RunCallScript(const uint8_t* data, size_t size);

}  // namespace meros::master

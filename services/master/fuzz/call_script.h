// A master's life as bytes, for fuzzing: calls of schedulers, operators, agents, allocators and
// readers, one after another, through the same reading and rules as over gRPC and then the core.
// After every step the books are checked, and that readers see what is in them; and what the master
// has had written can be read by the next one, which may take over at any time.
//
// The bytes are a script as in libs/testing/script.h. What cannot be parsed is skipped. The master
// leads, framework m-0000 of role eng is on stream 1, agents m-S0 and m-S1 are on streams 2 and 3,
// and m-S0 is offered to it. Offers cannot be guessed, so offer id "#N" stands for the N-th.
//
// Thread rule: pure function; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace meros::master {

// Who speaks; other bytes mean one of these, too. New ones come last, because scripts that are kept
// (tests/fuzz/corpus) go by the numbers.
enum class Speaker : uint8_t {
  kScheduler,    // scheduler.Call on stream 1
  kOtherStream,  // scheduler.Call on stream 4, whose first call may be SUBSCRIBE
  kUnary,        // scheduler.Call without a stream
  kAgent,        // agent_link.AgentMessage on stream 2
  kOtherAgent,   // the same on stream 3
  kNewAgent,     // the same on stream 5
  kAllocator,    // allocator.AllocatorFrame
  kReserve,      // master.ReserveResourcesRequest, and so on
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
  kDrain,
  kDeactivate,
  kReactivate,
  kMarkGone,
  kKillTask,
  kTeardown,
  kExplain,     // master.ExplainRequest
  kExplained,   // allocator.ExplainResponse
  kListAgents,  // from here to kWatch: readers
  kListFrameworks,
  kListTasks,
  kListRoles,
  kListQuotas,
  kListWeights,
  kListOperations,
  kListExecutors,
  kGetAgent,
  kGetFramework,
  kGetTask,
  kGetSchedule,     // master.GetMaintenanceScheduleRequest
  kGetMaintenance,  // master.GetMaintenanceStatusRequest
  kListOffers,
  kWatch,
  kTime,        // no message, as all below: so many seconds pass, modulo 600
  kRegistry,    // what was to be written is; at odd lengths it is refused
  kStreamEnds,  // stream 1 to 5 by the length; 0 modulo 6: the allocator's
  kWhitelist,   // all agents may be offered; at odd lengths some only
  kFailOver,    // another master leads; at odd lengths with what was to be written
  kCalls,       // from here on with messages again: scheduler.Calls on stream 1
  kOtherCalls,  // the same on stream 4
  kCallRequest,
  kAgentFrame,     // agent_link.AgentFrame on stream 2
  kNewAgentFrame,  // the same on stream 5
  kGetMaster,      // master.GetMasterRequest, and so on; from here on readers
  kGetVersion,
  kGetFlags,
  kGetLogLevel,
  kSetLogLevel,
  kGetSnapshot,  // allocator.GetSnapshotRequest
  kCount,
};

// Fails a MEROS_CHECK where the master would not keep its books. Returns how many entries were
// parsed and passed the rules for messages.
int RunCallScript(const uint8_t* data, size_t size);

}  // namespace meros::master

// A master and a registry that may say anything, as bytes, for fuzzing: leases, records as a new
// leader finds them, answers to writes, sessions that end, and what agents and schedulers say
// meanwhile, through the same reading as over gRPC and then the core. After every step the books
// are checked, and that the core does not ask for the time again and again without it passing.
//
// The bytes are a script as in libs/testing/script.h. What cannot be parsed is skipped. The master
// has just started.
//
// Thread rule: pure function; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace meros::master {

// Who speaks.
enum class RegistryVoice : uint8_t {
  kResponse,   // registry.v1.Response; with id 0 to the oldest open request
  kLease,      // registry.v1.LeaseResult: OK to the oldest open request
  kRecords,    // registry.v1.ListResult: OK to the oldest open request, and the last of it
  kAgent,      // registry.v1.AgentRecord: there is one more, m-S0 and so on
  kFramework,  // registry.v1.FrameworkRecord: one more, m-0000 and so on
  kRole,       // registry.v1.RoleRecord: one more, eng, eng/1 and so on
  kMachine,    // registry.v1.MachineRecord: one more
  kSchedule,   // meros.v1.maintenance.Schedule
  kMessage,    // agent_link.AgentMessage on stream 2
  kCall,       // scheduler.Call on stream 1
  kRead,       // no message, as all below: OK to the oldest open request, with the records above
  kAnswer,     // OK to the oldest open request; at odd lengths a code by the length
  kTime,       // a tenth of a second passes for each of the length
  kLost,       // the session with the registry ends
  kEnds,       // stream 1 ends, at odd lengths stream 2
  kCount,
};

struct RegistryOutcome {
  int answers = 0;  // that the master waited for
  int led = 0;      // how often it began to lead
};
// Fails a MEROS_CHECK where the master would not keep its books.
RegistryOutcome RunRegistryScript(const uint8_t* data, size_t size);

}  // namespace meros::master

// Sessions of masters with an allocator as bytes, for fuzzing: frames of masters that may lie,
// changes of the books by one that numbers them well, answers to what was proposed, questions, time
// and ends of streams, through the same reading as over gRPC and then the core. Checked after every
// step are the core's invariants, and that
//
//   - proposals have growing ids, and something to offer, and can be written;
//   - a question has one answer, at once;
//   - the core does not ask for the time again and again without it passing.
//
// The bytes are a script as in libs/testing/script.h. What cannot be parsed is skipped. The first
// master has sent a snapshot: agents a-1, a-2 (its disk is reserved for eng) and a-3 (which goes
// away); frameworks f-1 of role eng, f-2 of roles eng/dev and ops, f-3 of ops; a quota, a gang.
//
// Thread rule: pure function; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace meros::allocator {

// Who speaks.
enum class Voice : uint8_t {
  kFrame,     // allocator.v1.MasterFrame on the session of the present master
  kOther,     // the same on a stream of somebody else
  kDelta,     // allocator.v1.Delta of the present master; its version is set to the right one
  kExplain,   // allocator.v1.ExplainRequest
  kGrant,     // no message, as all below: a proposal is accepted; at odd lengths as an offer
  kReject,    // a proposal is rejected, for a reason by the length
  kGiveBack,  // what was granted is free again, refused for so many tenths of a second
  kSession,   // a new master begins a session, with the length as its epoch
  kSnapshot,  // the present master begins anew, with the length as the version
  kEnds,      // the stream of the present master, or at odd lengths of the other, ends
  kTime,      // so many milliseconds pass, modulo 3000
  kCount,
};

// Fails a MEROS_CHECK where the allocator breaks a promise.
struct SessionOutcome {
  int proposals = 0;
  int answers = 0;    // explanations of what is not offered
  int snapshots = 0;  // that were loaded to their end
  int resets = 0;     // mirrors lost
};
SessionOutcome RunSessionScript(const uint8_t* data, size_t size);

}  // namespace meros::allocator

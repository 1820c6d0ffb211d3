// A registry's life as bytes, for fuzzing: what masters ask on their sessions, what becomes of its
// transactions, time, and restarts on what is durable. The core's invariants are checked after
// every step, and what a registry promises:
//
//   - a request is answered at most once, and in the end for sure while its session lives;
//   - epochs and revisions never go back, not by a restart either;
//   - what it serves is what its store holds;
//   - who watches is told only what is durable, forwards, and in the end all of it;
//   - it does not ask for the time again and again without it passing.
//
// The bytes are a script as in libs/testing/script.h. What cannot be parsed is skipped.
//
// Thread rule: pure function; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace meros::registry {

// Who speaks.
enum class Voice : uint8_t {
  kFirst,        // registry.v1.SessionRequest on one session
  kSecond,       // on another
  kThird,        // on a third
  kLeader,       // registry.v1.GetLeaderRequest, outside of sessions
  kWatch,        // registry.v1.WatchRequest; the watcher reads when time passes
  kStatus,       // no message, as all below: somebody asks for the registry's state
  kTime,         // a tenth of a second passes for each of the length
  kStore,        // the transaction that is on its way is durable, or at odd lengths has failed
  kSessionEnds,  // of the first three, by the length; the next request is on a new one
  kOwned,        // the store is owned for so many seconds more
  kWatchEnds,    // the caller of one watch has gone, by the length
  kRestart,      // the process ends; at odd lengths what was on its way is durable
  kCount,
};

// Fails a MEROS_CHECK where the registry breaks a promise. Returns how many requests were answered
// with OK.
int RunRequestScript(const uint8_t* data, size_t size);

}  // namespace meros::registry

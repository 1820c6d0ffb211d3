// Debian builds Abseil so that every absl::Mutex looks for deadlocks: each lock and unlock takes
// one spin lock of the whole process and looks the mutex up in a graph. gRPC locks several of them
// per message. We turn it off, as a build of Abseil for production (NDEBUG) would be.
//
// Thread rule: thread-safe.
#pragma once

namespace meros::rpc {

// Cheap, and may be called any number of times; mutexes that are locked are not disturbed.
void StopLockOrderChecks();

}  // namespace meros::rpc

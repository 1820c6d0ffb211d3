// Graceful stop: SIGTERM and SIGINT become an ordinary wait in main.
//
// Thread rule: BlockStopSignals() on the main thread before any other thread exists.
#pragma once

namespace meros::runtime {

// Blocks SIGTERM and SIGINT in this thread and every thread it starts, and ignores SIGPIPE.
void BlockStopSignals();

// Waits for SIGTERM or SIGINT and returns its number. REQUIRES: BlockStopSignals() was called.
int WaitForStopSignal();

// Ends that wait, from any thread: the process stops as if it had been told to.
void RequestStop();

}  // namespace meros::runtime

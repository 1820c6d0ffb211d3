// Whatever schedulers, operators, agents and allocators send, the master refuses it or carries it
// out, and its books balance. Format of the bytes: call_script.h.
#include "services/master/fuzz/call_script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  meros::master::RunCallScript(data, size);
  return 0;
}

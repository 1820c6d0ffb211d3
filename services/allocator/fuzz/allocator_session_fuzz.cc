// Whatever masters say, the allocator refuses it, asks for a snapshot or follows it, and its books
// balance. Format of the bytes: session_script.h.
#include "services/allocator/fuzz/session_script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  meros::allocator::RunSessionScript(data, size);
  return 0;
}

// Whatever masters ask and whatever becomes of its store, the registry refuses it or carries it
// out, and keeps its promises. Format of the bytes: request_script.h.
#include "services/registry/fuzz/request_script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  meros::registry::RunRequestScript(data, size);
  return 0;
}

// Whatever a registry answers and whatever records a leader finds in it, the master refuses it or
// leads with it, and its books balance. Format of the bytes: registry_script.h.
#include "services/master/fuzz/registry_script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  meros::master::RunRegistryScript(data, size);
  return 0;
}

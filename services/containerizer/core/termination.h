// Why a container ended, in words and numbers.
//
// Thread rule: thread-safe, pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "meros/containerizer/v1/containerizer.pb.h"
#include "services/containerizer/core/messages.h"

namespace meros::containerizer {

// What made a container leave RUNNING (or not get there).
enum class EndCause {
  kNone,         // it has not
  kByItself,     // the process ended
  kRequested,    // Stop, Destroy or a killing signal
  kMemoryLimit,  // the kernel said that memory ran out
  kStartFailed,  // it never ran
};

struct EndReport {
  EndCause cause = EndCause::kNone;
  std::string start_failure;  // with kStartFailed
  EndFacts facts;
  v1::ContainerResources limits;
  int64_t started_at_ns = 0;
  int64_t finished_at_ns = 0;
};

v1::Termination MakeTermination(const EndReport& report);

}  // namespace meros::containerizer

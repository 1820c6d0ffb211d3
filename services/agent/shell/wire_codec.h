// The resource codec of real agents: libs/wire's.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include "services/agent/core/resource_codec.h"

namespace meros::agent {

ResourceCodec WireCodec();

}  // namespace meros::agent

// Messages of a master to inputs of the core. Everything is validated here, once; what cannot be
// read becomes UnknownMessage (the session makes no sense) or UnreadableDelta (the mirror can be
// mended by a snapshot), with the path of the offending field.
//
// Owner: services/allocator/shell. Thread rule: pure functions; thread-safe.
#pragma once

#include <vector>

#include "services/allocator/core/messages.h"

namespace meros::allocator::v1 {
class MasterFrame;
}

namespace meros::allocator {

std::vector<MasterMessage> FromWire(const v1::MasterFrame& frame);

}  // namespace meros::allocator

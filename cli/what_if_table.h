// The report of a simulation as people read it.
//
// Thread rule: pure function; thread-safe.
#pragma once

#include <string>

#include "meros/allocator/v1/what_if.pb.h"

namespace meros::cli {

std::string WhatIfText(const allocator::v1::WhatIfReport& report);

}  // namespace meros::cli

// The verb `maintenance`.
//
// Thread rule: thread-compatible.
#pragma once

#include "cli/verbs.h"

namespace meros::cli {

void AddMaintenance(CLI::App* app, Common* common);

}  // namespace meros::cli

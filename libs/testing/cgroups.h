// Takes away the cgroups that a test or benchmark named, with all that runs in them: what the
// containers of a killed containerizer leave behind.
//
// Thread rule: thread-compatible.
#pragma once

#include <string>

namespace meros::testing {

// Kills every process in the cgroups below `root`, a name below the hierarchies' tops, and removes
// them, in all v1 hierarchies and in a unified one. Gives up after a second.
void RemoveCgroups(const std::string& root);

}  // namespace meros::testing

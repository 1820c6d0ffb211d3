// Which build this program is. Linked into programs alone, which hand it on: a new commit then
// links the programs anew, and no library or test.
//
// Owner: main. Thread rule: thread-safe.
#pragma once

#include <string>

#include "absl/time/time.h"

namespace meros {

// What was not known at build time is empty.
struct BuildFacts {
  std::string version;                      // such as "0.1.0"
  absl::Time built = absl::InfinitePast();  // when its commit was first built in this folder
  std::string user;                         // who built it
  std::string git_sha;                      // 40 hexadecimal digits
  std::string git_branch;                   // empty for a detached head
  std::string git_tag;                      // of that very commit
};

const BuildFacts& ThisBuild();

}  // namespace meros

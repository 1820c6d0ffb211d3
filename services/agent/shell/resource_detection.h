// What a node has to offer when its operator does not say. Rules and amounts are those of Mesos:
//
//   cpus    online cpus
//   mem     all but 1 GiB; of less than 2 GiB, half
//   disk    of the work directory's file system all but 5 GiB; of less than 10 GiB, half
//   ports   [31000-32000]
//
// Only names that the operator does not mention are detected; "cpus:0" mentions cpus.
//
// Thread rule: pure functions, save for reading the node; thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "libs/resources/resources.h"

namespace meros::agent {

// What was found on the node.
struct NodeFacts {
  int64_t cpus = 0;
  int64_t memory_bytes = 0;
  int64_t disk_bytes = 0;
};

// Facts that cannot be found get the smallest sensible value: 1 cpu, 1 GiB, 10 GiB.
NodeFacts ReadNode(const std::string& work_dir);

// `flag` is text or JSON (libs/resources/parse.h).
// ERRORS: InvalidArgument naming --resources and the offending part.
absl::StatusOr<resources::Resources> ResourcesOf(const std::string& flag,
                                                 const std::string& default_role,
                                                 const NodeFacts& facts);

absl::StatusOr<resources::Resources> DetectResources(const std::string& flag,
                                                     const std::string& default_role,
                                                     const std::string& work_dir);

}  // namespace meros::agent

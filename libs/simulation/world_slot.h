// What World keeps of a node through all its incarnations. Private to the library.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "libs/simulation/world.h"

namespace meros::simulation {

struct World::Slot {
  std::string name;
  NodeOptions options;
  std::unique_ptr<SimDisk> disk;
  uint64_t incarnation = 0;  // changes at start and at crash
  absl::Time paused_until = absl::InfinitePast();
  std::vector<std::unique_ptr<NodeContext>> contexts;  // of all incarnations: old events hold them
  std::unique_ptr<Endpoint> gate;
  std::unique_ptr<Node> node;  // null while down
};

}  // namespace meros::simulation

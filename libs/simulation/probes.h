// Probes: places of which someone claims "this happens sometimes". Over a night's seeds each must
// be met, else the simulation is tamer than we believe.
//
//   Sometimes(retries > 0, "an update was sent again");
//
// Probes sit in bindings, workloads and invariants, not in cores. A probe is known once its place
// has run; Expect() names those that must be met even if their place never runs.
//
// Thread rule: thread-compatible; the counts are of the process.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace meros::simulation {

class Probes {
 public:
  void Hit(bool condition, absl::string_view name);
  void Expect(const std::vector<std::string>& names);

  // Names never met, in order.
  std::vector<std::string> Missing() const;
  // One line a probe: "<times met>  <name>".
  std::string Report() const;

  static Probes& OfProcess();

 private:
  std::map<std::string, uint64_t, std::less<>> hits_;
};

inline void Sometimes(bool condition, absl::string_view name) {
  Probes::OfProcess().Hit(condition, name);
}

}  // namespace meros::simulation

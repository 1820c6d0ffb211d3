// What if: a saved snapshot, changed, and the real allocator core run on it until everybody who
// wants offers has what the allocator would give them.
//
//   absl::StatusOr<WhatIf> what_if = WhatIf::Load(snapshot, seed);
//   what_if->AddAgents(10, {});
//   v1::WhatIfReport report = what_if->Run({});
//
// What is assumed: frameworks take and keep all that they are offered; those that are disconnected
// or have suppressed offers get nothing more; offers that were open in the snapshot are dealt
// anew; refusals, which no snapshot has, are over; the allocator's flags have their defaults.
//
// The command line links this, and nothing else of a service (docs/adr/0007).
//
// Thread rule: thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/resources/quantities.h"
#include "meros/allocator/v1/what_if.pb.h"
#include "services/allocator/whatif/snapshot_file.h"

namespace meros::allocator {

class WhatIf {
 public:
  static constexpr size_t kAgentsMax = 1'000'000;  // added in one call

  // Equal seeds, snapshots and changes give equal reports.
  // ERRORS: InvalidArgument naming the line that contradicts the others, or the field.
  static absl::StatusOr<WhatIf> Load(const SavedSnapshot& snapshot, uint64_t seed);
  WhatIf(WhatIf&& other) noexcept;
  WhatIf& operator=(WhatIf&& other) noexcept;
  ~WhatIf();

  // Changes, before Run. All return InvalidArgument or NotFound saying what is allowed; nothing is
  // changed then.
  //
  // `each` empty: as those that are there, in turn in the order of their ids, with their attributes
  // and fault domains, without reservations and volumes.
  absl::Status AddAgents(size_t count, const resources::ResourceQuantities& each);
  // With everything that is held of it.
  absl::Status RemoveAgent(const std::string& id);
  // What is nullopt stays as it is.
  absl::Status SetQuota(const std::string& role,
                        std::optional<resources::ResourceQuantities> guarantees,
                        std::optional<resources::ResourceLimits> limits);
  absl::Status SetWeight(const std::string& role, double weight);

  struct RunOptions {
    size_t cycles_max = 1000;  // allocation intervals, at most
    bool with_agents = false;  // in the report
  };
  // REQUIRES: called once.
  v1::WhatIfReport Run(const RunOptions& options);

 private:
  struct State;
  explicit WhatIf(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace meros::allocator

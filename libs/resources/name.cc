#include "libs/resources/name.h"

#include <array>

namespace meros::resources {
namespace {

// In the order of ResourceName::Known.
constexpr std::array<absl::string_view, 6> kKnownNames = {"cpus", "mem",   "disk",
                                                          "gpus", "ports", "ephemeral_ports"};

}  // namespace

ResourceName::ResourceName(absl::string_view name) : known_(Known::kOther) {
  for (size_t i = 0; i < kKnownNames.size(); ++i) {
    if (name == kKnownNames[i]) {
      known_ = static_cast<Known>(i);
      return;
    }
  }
  other_ = std::make_shared<const std::string>(name);
}

absl::string_view ResourceName::text() const {
  return known_ == Known::kOther ? absl::string_view(*other_)
                                 : kKnownNames[static_cast<size_t>(known_)];
}

}  // namespace meros::resources

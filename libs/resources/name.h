// The name of a kind of resource. The well-known names are one byte, so that comparing and copying
// the names of a typical agent's resources costs nothing; any other name is a shared string.
//
// Order: cpus, mem, disk, gpus, ports, ephemeral_ports, then all others alphabetically. It is the
// order in which resources are printed.
//
// Thread rule: immutable value type; thread-compatible.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace meros::resources {

class ResourceName {
 public:
  explicit ResourceName(absl::string_view name);
  explicit ResourceName(const char* name) : ResourceName(absl::string_view(name)) {}

  static ResourceName Cpus() { return ResourceName(Known::kCpus); }
  static ResourceName Mem() { return ResourceName(Known::kMem); }
  static ResourceName Disk() { return ResourceName(Known::kDisk); }
  static ResourceName Gpus() { return ResourceName(Known::kGpus); }
  static ResourceName Ports() { return ResourceName(Known::kPorts); }
  // Used by network isolators only; frameworks are never shown it.
  static ResourceName EphemeralPorts() { return ResourceName(Known::kEphemeralPorts); }

  absl::string_view text() const;

  friend bool operator==(const ResourceName& a, const ResourceName& b) {
    return a.known_ == b.known_ && (a.known_ != Known::kOther || *a.other_ == *b.other_);
  }
  friend std::strong_ordering operator<=>(const ResourceName& a, const ResourceName& b) {
    if (a.known_ != b.known_ || a.known_ != Known::kOther) return a.known_ <=> b.known_;
    return a.other_->compare(*b.other_) <=> 0;
  }
  template <typename H>
  friend H AbslHashValue(H state, const ResourceName& name) {
    return H::combine(std::move(state), name.text());
  }

 private:
  enum class Known : uint8_t { kCpus, kMem, kDisk, kGpus, kPorts, kEphemeralPorts, kOther };

  explicit ResourceName(Known known) : known_(known) {}

  std::shared_ptr<const std::string> other_;  // Set exactly for kOther.
  Known known_;
};

}  // namespace meros::resources

// Everything about a resource that is not its name and amount: to which role it is allocated, who
// reserved it, which disk it is, and whether it may be revoked or shared.
//
// Most resources of a cluster have the same few metadata, and comparing metadata decides whether
// two resources may be added. So metadata is immutable, shared by reference, and carries a hash;
// resources of no role, reservation or disk have no metadata object at all.
//
// Two metadata are equal when all fields are, except that of a persistent volume only the id
// counts: each task may mount the same volume at another path or read-only, and the principal that
// made it does not make it another volume (Mesos has the same rule).
//
// Thread rule: immutable; thread-safe to share.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace meros::resources {

struct Label {
  std::string key;
  std::optional<std::string> value;

  friend bool operator==(const Label&, const Label&) = default;
  friend auto operator<=>(const Label&, const Label&) = default;
};

// One level of a reservation stack.
struct Reservation {
  enum class Kind : uint8_t {
    kStatic,   // Made by the agent's configuration; lives as long as the agent.
    kDynamic,  // Made and undone by frameworks and operators; checkpointed by the agent.
  };

  Kind kind = Kind::kDynamic;
  std::string role;
  std::optional<std::string> principal;
  // Labels keep reservations apart: frameworks use them as tags. Order does not matter.
  std::vector<Label> labels;

  friend bool operator==(const Reservation&, const Reservation&) = default;
  friend auto operator<=>(const Reservation&, const Reservation&) = default;
};

// Where the bytes of a disk resource are. Absent means the agent's root disk.
struct DiskSource {
  enum class Kind : uint8_t {
    kPath,   // A directory; divisible.
    kMount,  // A whole file system; exclusive.
    kBlock,  // A whole block device; exclusive.
    kRaw,    // With an id: one volume, exclusive. Without: capacity of a pool, divisible.
  };

  Kind kind = Kind::kPath;
  std::optional<std::string> root;  // Path and mount only.
  std::optional<std::string> vendor;
  std::optional<std::string> id;
  std::vector<Label> metadata;
  std::optional<std::string> profile;

  friend bool operator==(const DiskSource&, const DiskSource&) = default;
  friend auto operator<=>(const DiskSource&, const DiskSource&) = default;
};

struct Persistence {
  std::string id;
  std::optional<std::string> principal;  // Not part of equality.
};

// How a task mounts a persistent volume. Not part of equality.
struct DiskVolume {
  std::string container_path;
  bool read_only = false;
};

struct Disk {
  std::optional<Persistence> persistence;
  std::optional<DiskVolume> volume;
  std::optional<DiskSource> source;

  friend std::strong_ordering operator<=>(const Disk& a, const Disk& b);
  friend bool operator==(const Disk& a, const Disk& b) { return (a <=> b) == 0; }
};

struct Metadata {
  // The role the resource is allocated to; empty for a resource that is not allocated.
  std::string allocation_role;
  // Bottom to top: each further level refines the one before it for a descendant role.
  std::vector<Reservation> reservations;
  std::optional<Disk> disk;
  // Estimated by the agent from what others leave idle; may be taken back at any time.
  bool revocable = false;
  // May be used by several tasks at once; persistent volumes only.
  bool shared = false;
  std::optional<std::string> provider_id;

  bool is_plain() const {
    return allocation_role.empty() && reservations.empty() && !disk && !revocable && !shared &&
           !provider_id;
  }
  friend std::strong_ordering operator<=>(const Metadata& a, const Metadata& b);
  friend bool operator==(const Metadata& a, const Metadata& b);
};

// A shared reference to metadata. Default-constructed, it refers to plain metadata and owns
// nothing.
class MetadataRef {
 public:
  MetadataRef() = default;
  // Sorts labels, so that their order does not matter.
  explicit MetadataRef(Metadata metadata);

  const Metadata& operator*() const { return node_ == nullptr ? Plain() : node_->metadata; }
  const Metadata* operator->() const { return &**this; }
  bool is_plain() const { return node_ == nullptr; }
  // True if both refer to one object; equal metadata need not.
  bool SameObject(const MetadataRef& other) const { return node_ == other.node_; }

  // Equal for equal metadata, on every machine.
  uint64_t hash() const { return node_ == nullptr ? 0 : node_->hash; }

  friend bool operator==(const MetadataRef& a, const MetadataRef& b) {
    if (a.node_ == b.node_) return true;
    return a.hash() == b.hash() && *a == *b;
  }
  // By content; plain metadata comes first.
  friend std::strong_ordering operator<=>(const MetadataRef& a, const MetadataRef& b) {
    return a == b ? std::strong_ordering::equal : *a <=> *b;
  }
  template <typename H>
  friend H AbslHashValue(H state, const MetadataRef& ref) {
    return H::combine(std::move(state), ref.hash());
  }

 private:
  struct Node {
    Metadata metadata;
    uint64_t hash;
  };

  static const Metadata& Plain();

  std::shared_ptr<const Node> node_;  // Null for plain metadata.
};

// True if disk pieces of this kind cannot be split or joined: persistent volumes, mounts, block
// devices, and raw volumes with an id.
bool IsIndivisible(const Metadata& metadata);

// The role the top of the reservation stack is for; "*" if unreserved.
absl::string_view ReservationRole(const Metadata& metadata);

}  // namespace meros::resources

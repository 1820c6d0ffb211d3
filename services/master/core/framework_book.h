// Owns the frameworks that live and the history of those that ended.
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "services/master/core/framework.h"

namespace meros::master {

class FrameworkBook {
 public:
  using Map = absl::btree_map<uint64_t, std::unique_ptr<Framework>>;

  // Takes a framework and numbers it. REQUIRES: its id is new.
  Framework* Insert(FrameworkRecord record, size_t max_request_ids);
  // Takes it out of the living; its id stays known as removed.
  // REQUIRES: it holds nothing and has no stream.
  std::unique_ptr<Framework> Complete(const FrameworkId& id);

  // Null if unknown or completed.
  Framework* Find(const FrameworkId& id) const;
  Framework* FindByStream(StreamId stream) const;
  void SetStream(Framework* framework, StreamId stream);
  // REQUIRES: MayFollow(present state, `state`).
  void SetState(Framework* framework, FrameworkState state);

  // Whether it ended for good. Remembered until ForgetOldestRemoved(), in memory as in the
  // registry, which keeps a tombstone.
  bool IsRemoved(const FrameworkId& id) const { return removed_.contains(id); }
  void AddRemoved(const FrameworkId& id);
  size_t removed() const { return removed_order_.size(); }
  // Forgets the one removed first. REQUIRES: removed() > 0.
  FrameworkId ForgetOldestRemoved();

  // In order of entry.
  const Map& all() const { return frameworks_; }
  size_t size() const { return frameworks_.size(); }

  void CheckInvariants() const;

 private:
  Map frameworks_;
  absl::flat_hash_map<FrameworkId, Framework*> by_id_;
  absl::flat_hash_map<StreamId, Framework*> by_stream_;
  absl::flat_hash_set<FrameworkId> removed_;  // lookup only
  std::deque<FrameworkId> removed_order_;     // oldest first
  uint64_t next_sequence_ = 1;
};

}  // namespace meros::master

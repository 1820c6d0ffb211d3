// How far a watcher has been shown what there is when it began: agents, then frameworks, tasks and
// roles, each by id, a frame at a time. The cluster changes meanwhile: a change of what was shown
// is told at once, between two frames; one of what was not is seen when its turn comes. So nothing
// is copied beforehand, and revisions in the stream never go back.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "meros/v1/master/operator/watch.pb.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

using WatchKinds = std::set<v1::master::WatchKind>;  // empty: all

inline bool Wants(const WatchKinds& kinds, v1::master::WatchKind kind) {
  return kinds.empty() || kinds.contains(kind);
}

class WatchSnapshot {
 public:
  explicit WatchSnapshot(const WatchKinds& kinds) : kinds_(kinds) {}

  // Appends the next events, `events_max` at most, to a packed v1::master::WatchResponse.
  void AppendNext(const ClusterView& view, size_t events_max, std::string* frame);
  bool is_done() const { return part_ == Part::kDone; }

  // Whether the object of the change has been shown, if it was there.
  // REQUIRES: watchers are told of the change.
  bool HasShown(const Publish::Change& change) const;

 private:
  enum class Part { kAgents, kFrameworks, kTasks, kRoles, kDone };

  // Shows up to `room` of a part from `it` on and remembers the last; returns how many.
  template <typename Iterator, typename Show>
  static size_t ShowSome(Iterator it, Iterator end, size_t room, Show show);
  size_t AppendPart(const ClusterView& view, size_t room, std::string* frame);
  v1::master::WatchKind kind() const;
  static Part PartOf(const Publish::Change& change);

  WatchKinds kinds_;
  Part part_ = Part::kAgents;
  bool has_begun_ = false;  // with part_; then the last one shown is this:
  AgentId agent_;
  FrameworkId framework_;
  TaskKey task_;
  std::string role_;
};

}  // namespace meros::master

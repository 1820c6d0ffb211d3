// How far a watcher has been shown what there is when it began, as far as he wants it: agents, then
// frameworks, tasks and roles, each by id, a frame at a time. The cluster changes meanwhile: a
// change of what was shown is told at once, between two frames; one of what was not is seen when
// its turn comes. So nothing is copied beforehand, and revisions in the stream never go back.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "meros/v1/master/operator/watch.pb.h"
#include "services/master/shell/watch_filter.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

class WatchSnapshot {
 public:
  explicit WatchSnapshot(WatchFilter filter) : filter_(std::move(filter)) {}

  // How much may be done in one go.
  struct Room {
    size_t events;
    size_t examined;  // objects looked at, wanted or not

    bool is_left() const { return events > 0 && examined > 0; }
  };

  // Appends the next events to a packed v1::master::WatchResponse, perhaps none.
  void AppendNext(const ClusterView& view, Room room, std::string* frame);
  bool is_done() const { return part_ == Part::kDone; }

  // Whether the object of the change has been shown, if it was there.
  // REQUIRES: watchers are told of the change.
  bool HasShown(const Publish::Change& change) const;

 private:
  enum class Part { kAgents, kFrameworks, kTasks, kRoles, kDone };

  // Shows what there is room for of a part, from `it` on; `show` says whether there was an event.
  // True when that was the end of it.
  template <typename Iterator, typename Show>
  bool ShowSome(Iterator it, Iterator end, Room* room, Show show);
  bool AppendPart(const ClusterView& view, Room* room, std::string* frame);
  bool AppendAgents(const ClusterView& view, Room* room, std::string* frame);
  bool AppendFrameworks(const ClusterView& view, Room* room, std::string* frame);
  bool AppendTasks(const ClusterView& view, Room* room, std::string* frame);
  bool AppendRoles(const ClusterView& view, Room* room, std::string* frame);
  v1::master::WatchKind kind() const;
  static Part PartOf(const Publish::Change& change);

  WatchFilter filter_;
  Part part_ = Part::kAgents;
  bool has_begun_ = false;  // with part_; then the last one looked at is this:
  AgentId agent_;
  FrameworkId framework_;
  TaskKey task_;
  std::string role_;
};

}  // namespace meros::master

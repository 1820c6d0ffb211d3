// How far a watcher has been shown what there is when it began, as far as he wants it: kind after
// kind (kWatchKinds), those of a kind in the order of the view, a frame at a time. The cluster
// changes meanwhile: a change of what was shown is told at once, between two frames; one of what
// was not is seen when its turn comes. So nothing is copied beforehand, and revisions in the stream
// never go back.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "meros/v1/master/operator/watch.pb.h"
#include "services/master/shell/watch_events.h"
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
  bool is_done() const { return kind_ == kWatchKinds.size(); }

  // Whether the object of the change has been shown, if it was there.
  // REQUIRES: watchers are told of the change.
  bool HasShown(const Publish::Change& change) const;

 private:
  // There is one maintenance plan.
  struct ThePlan {
    friend bool operator<(const ThePlan&, const ThePlan&) { return false; }
  };
  // What objects are ordered by: for each of kWatchKinds, in this order, the key of that kind.
  using Place =
      std::variant<AgentId, FrameworkId, TaskKey, std::string, uint64_t, ExecutorKey, ThePlan>;
  static_assert(std::variant_size_v<Place> == kWatchKinds.size());
  struct PlaceOfChange;

  // Keys from the first to before the end.
  template <typename Key>
  struct Range {
    Key first = {};
    std::optional<Key> end = {};  // unset: all after the first
  };
  template <typename Id>
  static Range<Id> Only(const std::optional<Id>& id);
  static Range<TaskKey> TasksOf(const std::optional<FrameworkId>& framework);
  static Range<ExecutorKey> ExecutorsOn(const std::optional<AgentId>& agent);

  // Shows what there is room for of a map's range, after what was looked at last; `show` says
  // whether there was an event. True when that was the end of it.
  template <typename Map, typename Key, typename Show>
  bool ShowSome(const Map& map, const Range<Key>& range, Room* room, Show show);
  // The same of the kind whose turn it is.
  bool AppendKind(const ClusterView& view, Room* room, std::string* frame);
  bool AppendAgents(const ClusterView& view, Room* room, std::string* frame);
  bool AppendFrameworks(const ClusterView& view, Room* room, std::string* frame);
  bool AppendTasks(const ClusterView& view, Room* room, std::string* frame);
  bool AppendRoles(const ClusterView& view, Room* room, std::string* frame);
  bool AppendOperations(const ClusterView& view, Room* room, std::string* frame);
  bool AppendExecutors(const ClusterView& view, Room* room, std::string* frame);
  bool AppendMaintenance(const ClusterView& view, Room* room, std::string* frame);

  WatchFilter filter_;
  size_t kind_ = 0;            // of kWatchKinds; those before it have been shown
  std::optional<Place> last_;  // that was looked at; unset: nothing yet
};

}  // namespace meros::master

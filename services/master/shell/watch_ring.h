// The last changes that watchers are told of, for those who resume with a token. A token is worth
// the revision it names for as long as the ring has not lost a change after it.
//
// Nothing is kept once nobody has watched for so many changes that every token has expired.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "services/master/shell/watch_filter.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

class WatchRing {
 public:
  explicit WatchRing(size_t changes_max) : changes_max_(changes_max) {}

  // REQUIRES: watchers are told of the change; changes come in the order of their revisions.
  // False when it is not kept, because nobody can want it.
  enum class Watched { kNo, kYes };  // whether there are watchers now
  bool Add(const Publish& change, const Replaced& replaced, Watched watched);
  // Loses all; changes up to the revision have been missed by whoever has not been told them.
  void Forget(uint64_t revision);
  // Revision of the newest change that was lost.
  uint64_t forgotten() const { return forgotten_; }

  // How much may be done in one go. What is appended last may exceed the bytes.
  struct Room {
    size_t events;
    size_t examined;  // changes looked at, wanted or not
    size_t bytes;
  };
  struct Part {
    std::string events;    // of a packed v1::master::WatchResponse, perhaps none
    uint64_t revision;     // of the last change looked at
    bool is_last = false;  // there are no changes after it
  };
  // The next that a watcher is told of the changes after the revision `after`.
  // REQUIRES: none of those was lost. Cost: O(log changes) and what there is room for.
  Part Next(const ClusterView& view, const WatchFilter& filter, uint64_t after, Room room) const;

 private:
  struct Kept {
    Publish publish;
    Replaced replaced;
  };

  const size_t changes_max_;
  std::deque<Kept> changes_;
  size_t unwatched_ = SIZE_MAX;  // changes since somebody watched
  uint64_t forgotten_ = 0;
};

}  // namespace meros::master

// Those who read what a master publishes, for fuzzing: listings, single objects and watches, as
// MasterService answers them. What they see is compared with the books.
//
// Thread rule: thread-compatible.
#pragma once

#include <memory>

#include "absl/strings/string_view.h"
#include "services/master/core/books.h"
#include "services/master/core/effects.h"
#include "services/master/fuzz/call_script.h"
#include "services/master/shell/watch_hub.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

class Readers {
 public:
  // Applies what was published, in this order, and tells the watchers.
  void Follow(const EffectList& effects);
  // Fails a MEROS_CHECK where readers see anything else than what is in the books.
  void Compare(const Books& books) const;

  // Whether the request was parsed and answered with OK. REQUIRES: the speaker is a reader.
  bool Ask(Speaker speaker, absl::string_view message);

 private:
  template <typename Request, typename Response, typename Read>
  bool Get(absl::string_view message, Read read) const;
  template <typename Request, typename Response>
  bool List(absl::string_view message) const;
  bool Watch(absl::string_view message);

  ClusterView view_;
  WatchHub hub_{{.max_watchers = 3,
                 .ring_max = 20,
                 .events_per_frame = 3,
                 .examined_per_frame = 5,
                 .showing_bytes_max = 1 << 20},
                "m"};
};

}  // namespace meros::master

// Those who read what a master publishes, for fuzzing and simulation: listings, single objects and
// watches, as MasterService answers them. What they see is compared with the books.
//
// Thread rule: thread-compatible.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/master/core/books.h"
#include "services/master/core/effects.h"
#include "services/master/fuzz/call_script.h"
#include "services/master/shell/watch_hub.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

class Readers {
 public:
  // Bounds that a script can reach.
  static constexpr WatchOptions kFewWatchers = {.max_watchers = 3,
                                                .ring_max = 20,
                                                .events_per_frame = 3,
                                                .examined_per_frame = 5,
                                                .showing_bytes_max = 1 << 20};

  explicit Readers(const WatchOptions& watches = kFewWatchers, std::string master_id = "m")
      : hub_(watches, std::move(master_id)) {}

  // Applies what was published, in this order, and tells the watchers.
  void Follow(const EffectList& effects);
  // Fails a MEROS_CHECK where readers see anything else than what is in the books.
  void Compare(const Books& books) const;

  // Whether the request was parsed and answered with OK. REQUIRES: the speaker is a reader.
  bool Ask(Speaker speaker, absl::string_view message);
  // Begins a watch, as WatchHub::Start.
  absl::Status Watch(const v1::master::WatchRequest& request, std::shared_ptr<WatchSink> sink) {
    return hub_.Start(view_, request, std::move(sink));
  }
  const ClusterView& view() const { return view_; }

 private:
  void CompareAgent(const Agent& agent, const Books& books) const;
  void CompareTasks(const Books& books) const;
  void CompareOffers(const Books& books) const;
  template <typename Request, typename Response, typename Read>
  bool Get(absl::string_view message, Read read) const;
  template <typename Request, typename Response>
  bool List(absl::string_view message) const;
  bool Watch(absl::string_view message);

  ClusterView view_;
  WatchHub hub_;
};

}  // namespace meros::master

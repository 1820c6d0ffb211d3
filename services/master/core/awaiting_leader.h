// Agents and frameworks that wait, at a master that does not lead, for the next leader.
//
// Who could not reach the leader says which one it lost. A master that still takes that one for the
// leader could only send the caller back to it, again and again until the election is over; so it
// keeps what the caller said, and answers when it knows of another leader or leads itself.
//
// Elections leave time: agents that wait are asked for their reports, a few at a time
// (agent_reports.h), and the next leader begins with what it has. Until it leads or is sent away an
// agent can only go on with what it reported, and tells the rest when it is in session.
//
// Bounded in time (leader_wait: the fault may be the caller's way to a leader that lives, so that
// it must try again), in number (max_deferred_inputs), and in how many tasks were reported
// (max_early_tasks).
//
// Owner: MasterCore. Thread rule: strand-confined.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/master/core/agent_reports.h"
#include "services/master/core/inputs.h"
#include "services/master/core/options.h"

namespace meros::master {

class AwaitingLeader {
 public:
  // `options` outlives this.
  explicit AwaitingLeader(const MasterOptions* options) : options_(*options) {}

  // Takes an input that opens the session of a caller who lost `leader`, or any if `leader` is
  // empty. Returns false, and leaves the input, when that is not so or too much waits already.
  bool Keep(absl::Time now, absl::string_view leader, Input* input);
  // Takes the report of an agent that waits and was asked. Returns false, and leaves the input,
  // when it is none, or longer than the digest promised and than there is room for.
  bool KeepReport(Input* input);
  // The stream has ended, or says more to a master that leads. Cost: O(what it reported).
  void Forget(StreamId stream);

  // Who is to be asked for its report now.
  std::optional<StreamId> NextToAsk();

  struct Waiting {
    Input input;
    bool is_asked = false;  // its report, which says more than the input, is still to come
  };
  // What is to be answered, in the order it came: the first of them, until they are `max` or have
  // reported `max_tasks`; all whose time is over; all of callers that lost another one than
  // `leader`; all.
  std::vector<Waiting> Take(size_t max, size_t max_tasks);
  std::vector<Waiting> TakeDue(absl::Time now);
  std::vector<Waiting> TakeOthersThan(absl::string_view leader);
  std::vector<Waiting> TakeAll();

  bool empty() const { return kept_.empty(); }
  size_t size() const { return kept_.size(); }
  void CheckInvariants() const;
  // When the first one's time is over.
  absl::Time NextDeadline() const {
    return kept_.empty() ? absl::InfiniteFuture() : kept_.front().until;
  }

 private:
  struct Kept {
    absl::Time until;
    std::string lost;
    Input input;
    size_t tasks = 0;  // that it has reported, or is about to
  };
  using Place = std::list<Kept>::iterator;

  bool HasRoomFor(size_t tasks) const { return tasks_ + tasks <= options_.max_early_tasks; }
  // Returns the place after it.
  Place Take(Place place, std::vector<Waiting>* taken);

  const MasterOptions& options_;
  std::list<Kept> kept_;  // in the order of `until`
  absl::flat_hash_map<StreamId, Place> places_;
  ReportQueue reports_;  // of those who wait with a digest
  size_t tasks_ = 0;     // of all
};

}  // namespace meros::master

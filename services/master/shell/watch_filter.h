// What a watcher wants to be told: kinds of objects, and of those only what belongs to a framework,
// an agent or a role. Watchers whose filters are equal are told the same.
//
// Thread rule: immutable values; thread-compatible.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "absl/status/statusor.h"
#include "meros/v1/master/operator/watch.pb.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

class WatchFilter {
 public:
  // ERRORS: InvalidArgument naming the field: a value that can match nothing, or a kind that the
  // other filters rule out.
  static absl::StatusOr<WatchFilter> Of(const v1::master::WatchRequest& request);

  bool Wants(v1::master::WatchKind kind) const { return kinds_.contains(kind); }
  // The only one that is wanted; unset: any.
  const std::optional<AgentId>& agent() const { return agent_; }
  const std::optional<FrameworkId>& framework() const { return framework_; }
  const std::optional<std::string>& role() const { return role_; }

  // Of objects whose kind is wanted.
  bool Matches(const AgentId& agent) const { return !agent_ || *agent_ == agent; }
  bool Matches(const FrameworkRecord& framework) const;
  bool Matches(const TaskFacts& task) const;
  bool Matches(const RoleConfig& role) const { return !role_ || *role_ == role.role; }
  // An operator's belongs to no framework.
  bool Matches(const Operation& operation) const;
  bool Matches(const ExecutorKey& executor) const;

  // What the watcher is told of a change.
  enum class Told { kNothing, kChange, kRemoval };  // kRemoval: that it is his no more
  Told TellingOf(const Publish::Change& change, const Replaced& replaced) const;

  friend bool operator<(const WatchFilter& a, const WatchFilter& b) {
    return std::tie(a.kinds_, a.framework_, a.agent_, a.role_) <
           std::tie(b.kinds_, b.framework_, b.agent_, b.role_);
  }

 private:
  WatchFilter() = default;
  // Whether an object of the kind can match the other filters.
  bool Allows(v1::master::WatchKind kind) const;
  bool MatchesIds(const FrameworkId& framework, const AgentId& agent) const {
    return (!framework_ || *framework_ == framework) && Matches(agent);
  }

  std::set<v1::master::WatchKind> kinds_;  // not empty
  std::optional<FrameworkId> framework_;
  std::optional<AgentId> agent_;
  std::optional<std::string> role_;
};

// Appends what is told of a change, in place of what was, to a packed v1::master::WatchResponse.
// REQUIRES: something is.
void AppendTold(const ClusterView& view, const Publish& change, const Replaced& replaced,
                WatchFilter::Told told, std::string* frame);

}  // namespace meros::master

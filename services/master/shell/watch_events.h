// What watchers are told of a change, packed.
//
// Thread rule: pure functions; as the view.
#pragma once

#include <cstdint>
#include <string>

#include "meros/v1/master/operator/watch.pb.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

// The kind of object that a change is about; WATCH_KIND_UNSPECIFIED for what watchers are not told.
v1::master::WatchKind KindOf(const Publish::Change& change);

// All that follows appends an event to a packed v1::master::WatchResponse.

// REQUIRES: KindOf(publish.change) is a kind.
void AppendEvent(const ClusterView& view, const Publish& publish, std::string* frame);
// Of objects as they are now.
void AppendEvent(uint64_t revision, const AgentEntry& entry, std::string* frame);
void AppendEvent(uint64_t revision, const FrameworkEntry& entry, std::string* frame);
void AppendEvent(uint64_t revision, const ClusterView& view, const TaskEntry& entry,
                 std::string* frame);
void AppendEvent(uint64_t revision, const RoleConfig& config, std::string* frame);

}  // namespace meros::master

// What watchers are told of a change, packed.
//
// Thread rule: pure functions; as the view.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "meros/v1/master/operator/watch.pb.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

// All kinds, in the order in which watchers are shown what there is.
inline constexpr std::array kWatchKinds = {
    v1::master::WATCH_AGENTS,     v1::master::WATCH_FRAMEWORKS, v1::master::WATCH_TASKS,
    v1::master::WATCH_ROLES,      v1::master::WATCH_OPERATIONS, v1::master::WATCH_EXECUTORS,
    v1::master::WATCH_MAINTENANCE};

// The kind of object that a change is about; WATCH_KIND_UNSPECIFIED for what watchers are not told.
v1::master::WatchKind KindOf(const Publish::Change& change);

// All that follows appends an event to a packed v1::master::WatchResponse.

// REQUIRES: KindOf(publish.change) is a kind; `replaced` is what was there before, not nothing if
// an operation is removed.
void AppendEvent(const ClusterView& view, const Publish& publish, const Replaced& replaced,
                 std::string* frame);
// Of objects as they are now.
void AppendEvent(uint64_t revision, const AgentEntry& entry, std::string* frame);
void AppendEvent(uint64_t revision, const FrameworkEntry& entry, std::string* frame);
void AppendEvent(uint64_t revision, const ClusterView& view, const TaskEntry& entry,
                 std::string* frame);
void AppendEvent(uint64_t revision, const RoleConfig& config, std::string* frame);
void AppendEvent(uint64_t revision, const Operation& operation, std::string* frame);
void AppendEvent(uint64_t revision, const ClusterView& view, const ExecutorKey& key,
                 const v1::ExecutorInfo& info, std::string* frame);
void AppendEvent(uint64_t revision, const MaintenancePlan& plan, std::string* frame);

}  // namespace meros::master

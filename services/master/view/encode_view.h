// Entries of the view as the messages of MasterService.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include "absl/time/time.h"
#include "meros/v1/allocator/allocator.pb.h"
#include "meros/v1/master/operator/agents.pb.h"
#include "meros/v1/master/operator/frameworks.pb.h"
#include "meros/v1/master/operator/tasks.pb.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

void Encode(const AgentEntry& entry, v1::master::AgentView* out);
void EncodeAllButInfo(const AgentEntry& entry, v1::master::AgentView* out);
void Encode(const FrameworkEntry& entry, v1::master::FrameworkView* out);
void Encode(const ClusterView& view, const TaskEntry& entry, v1::master::TaskView* out);

// What a framework says to inverse offers.
void Encode(const FrameworkId& framework_id, const InverseAnswer& answer,
            v1::allocator::InverseOfferStatus* out);

void EncodeQuantities(const resources::ResourceQuantities& quantities,
                      google::protobuf::RepeatedPtrField<v1::Resource>* out);

// Unix time in seconds, as messages have it; 0 for never.
double SecondsOf(absl::Time time);

v1::master::AgentView::State StateOf(AgentState state);
v1::master::FrameworkView::State StateOf(FrameworkState state);

}  // namespace meros::master

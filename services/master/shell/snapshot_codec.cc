#include "services/master/shell/snapshot_codec.h"

#include <algorithm>
#include <utility>

#include "libs/base/check.h"
#include "libs/wire/resources_proto.h"
#include "services/master/shell/allocator_codec.h"

namespace meros::master {
namespace {

namespace allocator_pb = ::meros::allocator::v1;

constexpr uint32_t kFormatVersion = 1;

void Encode(ToAllocator::Message message, allocator_pb::SnapshotLine* out) {
  allocator_pb::MasterMessage encoded = EncodeForAllocator({0, 0, std::move(message)}, "");
  *out->mutable_delta() = std::move(*encoded.mutable_delta());
}

}  // namespace

SnapshotFrames::SnapshotFrames(const v1::MasterInfo& info, absl::Time taken, AllocationView books,
                               size_t objects_per_frame)
    : books_(std::move(books)), objects_per_frame_(std::max<size_t>(1, objects_per_frame)) {
  AddHeader(info, taken);
  AddRoles();
}

allocator_pb::GetSnapshotResponse SnapshotFrames::Next() {
  MEROS_CHECK(!is_done_);
  const size_t frameworks =
      std::min(objects_per_frame_, books_.frameworks.size() - next_framework_);
  for (size_t i = 0; i < frameworks; ++i) AddFramework(*books_.frameworks[next_framework_++]);
  const size_t agents =
      std::min(objects_per_frame_ - frameworks, books_.agents.size() - next_agent_);
  for (size_t i = 0; i < agents; ++i) AddAgent(books_.agents[next_agent_++]);
  is_done_ = next_framework_ == books_.frameworks.size() && next_agent_ == books_.agents.size();
  if (is_done_) AddEnd();
  return std::exchange(frame_, {});
}

allocator_pb::SnapshotLine* SnapshotFrames::AddLine() {
  ++lines_;
  return frame_.add_lines();
}

void SnapshotFrames::AddHeader(const v1::MasterInfo& info, absl::Time taken) {
  allocator_pb::SnapshotHeader* header = AddLine()->mutable_header();
  header->set_format("meros-allocation-snapshot");
  header->set_format_version(kFormatVersion);
  header->set_taken_ms(absl::ToUnixMillis(taken));
  header->set_master_id(info.id());
  header->set_master_address(info.pid());
  header->set_master_version(info.version());
  header->set_epoch(books_.epoch);
  header->set_revision(books_.revision);
}

void SnapshotFrames::AddRoles() {
  const RoleConfig none;
  for (const RoleConfigRef& config : books_.roles) {
    const std::string& role = config->role;
    if (config->weight != none.weight) Encode(WeightDelta{role, config->weight}, AddLine());
    if (config->quota != none.quota) Encode(QuotaDelta{role, config->quota}, AddLine());
    if (config->policy != none.policy) Encode(RolePolicyDelta{role, config->policy}, AddLine());
  }
}

void SnapshotFrames::AddFramework(const FrameworkRecord& record) {
  Encode(UpsertFrameworkDelta{record.id, record.state == FrameworkState::kConnected,
                              record.subscription},
         AddLine());
}

void SnapshotFrames::AddAgent(const AllocationView::AgentPart& agent) {
  const AgentRecord& record = *agent.record;
  Encode(UpsertAgentDelta{record.id, record.info, record.total,
                          record.state == AgentState::kRegistered},
         AddLine());
  for (const auto& [holder, resources] : agent.used) {
    Encode(AllocateDelta{holder.first, holder.second, record.id, resources, 0}, AddLine());
  }
}

void SnapshotFrames::AddEnd() {
  for (const AllocationView::OpenOffersPart& part : books_.open_offers) {
    allocator_pb::OpenOffers* offers = AddLine()->mutable_open_offers();
    offers->set_framework_id(part.holder.first.value());
    offers->set_role(part.holder.second);
    resources::Resources scalars;
    for (const auto& [name, amount] : part.amount) {
      scalars.Add(resources::Resource(name, amount));
    }
    wire::ResourcesToProto(scalars, offers->mutable_resources());
  }
  const uint64_t lines = lines_;
  AddLine()->mutable_end()->set_lines(lines);
}

}  // namespace meros::master

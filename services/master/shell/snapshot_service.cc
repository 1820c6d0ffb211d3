#include "services/master/shell/snapshot_service.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "libs/rpc/server_writer.h"
#include "libs/runtime/clock.h"
#include "libs/wire/resources_proto.h"
#include "services/master/shell/allocator_codec.h"
#include "services/master/shell/check_leading.h"
#include "services/master/view/allocation_view.h"

namespace meros::master {
namespace {

namespace allocator_pb = ::meros::allocator::v1;

using Writer = rpc::ServerWriter<allocator_pb::GetSnapshotResponse>;

constexpr uint32_t kFormatVersion = 1;

// One snapshot on its way: where it is in the books that it took.
class Sending {
 public:
  Sending(const ShellContext& context, AllocationView books, size_t objects_per_frame,
          std::shared_ptr<Writer> writer)
      : books_(std::move(books)),
        objects_per_frame_(objects_per_frame),
        writer_(std::move(writer)) {
    AddHeader(context.info);
    AddRoles();
  }

  // Encodes and sends the next frame; false when that was the last, or nobody reads any more.
  bool SendNext() {
    const size_t frameworks =
        std::min(objects_per_frame_, books_.frameworks.size() - next_framework_);
    for (size_t i = 0; i < frameworks; ++i) AddFramework(*books_.frameworks[next_framework_++]);
    const size_t agents =
        std::min(objects_per_frame_ - frameworks, books_.agents.size() - next_agent_);
    for (size_t i = 0; i < agents; ++i) AddAgent(books_.agents[next_agent_++]);
    const bool is_last =
        next_framework_ == books_.frameworks.size() && next_agent_ == books_.agents.size();
    if (is_last) AddEnd();
    if (!writer_->Send(std::exchange(frame_, {}))) return false;
    if (is_last) writer_->Close(absl::OkStatus());
    return !is_last;
  }

  const std::shared_ptr<Writer>& writer() const { return writer_; }

 private:
  allocator_pb::SnapshotLine* AddLine() {
    ++lines_;
    return frame_.add_lines();
  }
  void AddDelta(ToAllocator::Message message) {
    allocator_pb::MasterMessage encoded = EncodeForAllocator({0, 0, std::move(message)}, "");
    *AddLine()->mutable_delta() = std::move(*encoded.mutable_delta());
  }

  void AddHeader(const v1::MasterInfo& info) {
    allocator_pb::SnapshotHeader* header = AddLine()->mutable_header();
    header->set_format("meros-allocation-snapshot");
    header->set_format_version(kFormatVersion);
    header->set_taken_ms(absl::ToUnixMillis(runtime::ProcessClock::Get().Now()));
    header->set_master_id(info.id());
    header->set_master_address(info.pid());
    header->set_master_version(info.version());
    header->set_epoch(books_.epoch);
    header->set_revision(books_.revision);
  }
  void AddRoles() {
    const RoleConfig none;
    for (const RoleConfigRef& config : books_.roles) {
      if (config->weight != none.weight) AddDelta(WeightDelta{config->role, config->weight});
      if (config->quota != none.quota) AddDelta(QuotaDelta{config->role, config->quota});
      if (config->policy != none.policy) AddDelta(RolePolicyDelta{config->role, config->policy});
    }
  }
  void AddFramework(const FrameworkRecord& record) {
    AddDelta(UpsertFrameworkDelta{record.id, record.state == FrameworkState::kConnected,
                                  record.subscription});
  }
  void AddAgent(const AllocationView::AgentPart& agent) {
    const AgentRecord& record = *agent.record;
    AddDelta(UpsertAgentDelta{record.id, record.info, record.total,
                              record.state == AgentState::kRegistered});
    for (const auto& [holder, resources] : agent.used) {
      AddDelta(AllocateDelta{holder.first, holder.second, record.id, resources, 0});
    }
  }
  void AddEnd() {
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

  const AllocationView books_;
  const size_t objects_per_frame_;
  const std::shared_ptr<Writer> writer_;
  size_t next_framework_ = 0;
  size_t next_agent_ = 0;
  uint64_t lines_ = 0;
  allocator_pb::GetSnapshotResponse frame_;
};

// Frame after frame, each behind the questions that came meanwhile.
void SendOn(ReadReplica* replica, const std::shared_ptr<Sending>& sending) {
  if (!sending->SendNext()) return;
  const bool taken = replica->Query(
      [replica, sending](const ClusterView&, WatchHub*) { SendOn(replica, sending); });
  if (!taken) sending->writer()->Close(ShellContext::Overloaded());
}

}  // namespace

grpc::ServerWriteReactor<allocator_pb::GetSnapshotResponse>* SnapshotService::GetSnapshot(
    grpc::CallbackServerContext* grpc_context, const allocator_pb::GetSnapshotRequest*) {
  auto writer = Writer::Create(grpc_context);
  const bool has_room = open_.fetch_add(1) < kOpenMax;
  auto* reactor = writer->Start([this](const absl::Status&) { open_.fetch_sub(1); });
  if (!has_room) {
    writer->Close(absl::ResourceExhaustedError("too many snapshots are being taken, try again"));
    return reactor;
  }
  const bool taken = context_->replica->Query(
      [context = context_, size = objects_per_frame_, writer](const ClusterView& view, WatchHub*) {
        const absl::Status status = CheckLeading(view.leadership());
        if (!status.ok()) return writer->Close(status);
        SendOn(context->replica,
               std::make_shared<Sending>(*context, AllocationsOf(view), size, writer));
      });
  if (!taken) writer->Close(ShellContext::Overloaded());
  return reactor;
}

}  // namespace meros::master

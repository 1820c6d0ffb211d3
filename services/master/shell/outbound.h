// Applies the effects of one batch: one frame per stream, one frame for the registry, changes to
// the readers before the answers that they belong to.
//
// Thread rule: strand-confined.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/rpc/frame_bytes.h"
#include "services/master/core/effects.h"
#include "services/master/shell/agent_link_service.h"
#include "services/master/shell/allocator_link.h"
#include "services/master/shell/context.h"
#include "services/master/shell/registry_link.h"
#include "services/master/shell/scheduler_service.h"
#include "services/master/shell/zookeeper_election.h"

namespace meros::master {

// Where effects go. All outlive the Outbound.
struct OutboundTargets {
  ShellContext* context = nullptr;
  const StreamTable<SchedulerService::Stream>* schedulers = nullptr;
  const StreamTable<AgentLinkService::Stream>* agents = nullptr;
  AllocatorLink* allocator = nullptr;
  RegistryLink* registry = nullptr;
  ZooKeeperElection* election = nullptr;  // null: the registry's
};

class Outbound {
 public:
  explicit Outbound(OutboundTargets targets) : targets_(targets), info_(targets.context->info) {}

  void Apply(absl::Time now, std::vector<Effect> effects);

 private:
  // The frames of a batch, one for each stream.
  struct Frames {
    std::vector<std::pair<StreamId, rpc::FrameBytes>> list;  // in the order of first use
    absl::flat_hash_map<StreamId, size_t> index;

    rpc::FrameBytes* Of(StreamId stream);
    void Clear() {
      list.clear();
      index.clear();
    }
  };

  void Take(const ToScheduler& effect);
  void Take(const ToAgent& effect);
  void Take(const ToAllocator& effect);
  void Take(Publish effect);
  void Take(Counted effect) { targets_.context->metrics->Count(effect); }
  void Take(const std::shared_ptr<const Preempted>& effect);
  void Take(const PreemptionRefused& effect);
  void Take(Quit effect) { targets_.context->quit(std::move(effect.why)); }
  void Take(Reply effect) { replies_.push_back(std::move(effect)); }
  void Take(CloseStream effect) { closings_.push_back(std::move(effect)); }
  template <typename ForRegistry>
  void Take(ForRegistry effect) {
    registry_.push_back(std::move(effect));
  }
  // What is for the registry, of which another election takes its part.
  void SendToRegistry(absl::Time now);

  void SendFrames();
  void SendDeltas();
  void Close(const CloseStream& closing);
  void OnLeadership(const LeadershipRecord& leadership);

  const OutboundTargets targets_;
  const v1::MasterInfo& info_;
  // As last logged.
  LeadershipState leadership_ = LeadershipState::kStandby;
  bool is_holding_back_ = false;
  std::string leader_address_;

  // Of the batch under way.
  Frames events_;
  Frames messages_;
  StreamId allocator_ = 0;
  allocator::v1::MasterFrame deltas_;
  size_t delta_bytes_ = 0;
  std::vector<Publish> changes_;
  std::vector<Reply> replies_;
  std::vector<CloseStream> closings_;
  std::vector<Effect> registry_;

  // Made, packed and made anew, in the same memory.
  v1::scheduler::Event event_;
  agent_link::v1::MasterMessage message_;
};

}  // namespace meros::master

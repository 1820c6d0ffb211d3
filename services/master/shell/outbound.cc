#include "services/master/shell/outbound.h"

#include <algorithm>

#include "libs/telemetry/log.h"
#include "services/master/shell/allocator_codec.h"
#include "services/master/shell/encode_agent.h"
#include "services/master/shell/encode_scheduler.h"

namespace meros::master {

namespace {

// What a large event leaves behind is not kept for the small ones that follow.
constexpr size_t kKeptBytesMax = 64 << 10;

// Empty again, for the next one.
template <typename Message>
void Reset(Message* message, size_t packed_bytes) {
  if (packed_bytes > kKeptBytesMax) {
    *message = Message();
  } else {
    message->Clear();
  }
}

// Adds the message to the frame, and sends the frame if it is large enough.
template <typename Message, typename Stream>
void Pack(int field, StreamId id, const StreamTable<Stream>& streams, rpc::FrameBytes* frame,
          Message* message) {
  const size_t before = frame->size();
  frame->Add(field, *message);
  Reset(message, frame->size() - before);
  if (frame->size() < rpc::kFrameBytesTarget) return;
  grpc::ByteBuffer packed = frame->Take();
  if (auto stream = streams.Find(id)) stream->Send(std::move(packed));
}

}  // namespace

rpc::FrameBytes* Outbound::Frames::Of(StreamId stream) {
  auto [it, is_new] = index.emplace(stream, list.size());
  if (is_new) list.emplace_back(stream, rpc::FrameBytes());
  return &list[it->second].second;
}

void Outbound::Apply(absl::Time now, std::vector<Effect> effects) {
  for (Effect& effect : effects) {
    std::visit([this](auto&& e) { Take(std::forward<decltype(e)>(e)); }, std::move(effect));
  }
  targets_.context->replica->Push(std::exchange(changes_, {}));
  SendFrames();
  for (const CloseStream& closing : std::exchange(closings_, {})) Close(closing);
  for (const Reply& reply : std::exchange(replies_, {})) {
    targets_.context->replies.Finish(reply.call, reply.status);
  }
  SendToRegistry(now);
}

void Outbound::SendToRegistry(absl::Time now) {
  std::vector<Effect> requests = std::exchange(registry_, {});
  if (targets_.election != nullptr) {
    const auto questions = std::stable_partition(
        requests.begin(), requests.end(),
        [](const Effect& effect) { return !ZooKeeperElection::IsQuestion(effect); });
    for (auto it = questions; it != requests.end(); ++it) targets_.election->Ask(std::move(*it));
    requests.erase(questions, requests.end());
  }
  if (!requests.empty()) targets_.registry->Send(now, std::move(requests));
}

void Outbound::Take(const ToScheduler& effect) {
  targets_.context->metrics->Count(effect);
  EncodeEvent(effect.event, info_, &event_);
  Pack(v1::scheduler::Events::kEventsFieldNumber, effect.stream, *targets_.schedulers,
       events_.Of(effect.stream), &event_);
}

void Outbound::Take(const ToAgent& effect) {
  targets_.context->metrics->Count(effect);
  EncodeForAgent(effect.message, info_.id(), &message_);
  Pack(agent_link::v1::MasterFrame::kMessagesFieldNumber, effect.stream, *targets_.agents,
       messages_.Of(effect.stream), &message_);
}

void Outbound::Take(const ToAllocator& effect) {
  // A new session within the batch: what was said before belonged to the old one.
  if (allocator_ != effect.stream && deltas_.messages_size() > 0) SendDeltas();
  allocator_ = effect.stream;
  allocator::v1::MasterMessage* message = deltas_.add_messages();
  *message = EncodeForAllocator(effect, info_.id());
  delta_bytes_ += message->ByteSizeLong();
  if (delta_bytes_ >= rpc::kFrameBytesTarget) SendDeltas();
}

void Outbound::SendDeltas() {
  targets_.allocator->Send(allocator_, std::exchange(deltas_, {}));
  delta_bytes_ = 0;
}

void Outbound::Take(Publish effect) {
  if (const auto* leadership = std::get_if<LeadershipRecord>(&effect.change)) {
    OnLeadership(*leadership);
  }
  changes_.push_back(std::move(effect));
}

void Outbound::Take(const std::shared_ptr<const Preempted>& effect) {
  targets_.context->metrics->Count(*effect);
  MEROS_LOG(INFO) << "preempted" << telemetry::Field("framework", effect->framework_id.value())
                  << telemetry::Field("role", effect->role)
                  << telemetry::Field("task",
                                      effect->task_id.empty() ? "(offer)" : effect->task_id.value())
                  << telemetry::Field("agent", effect->agent_id.value())
                  << telemetry::Field("amount", effect->amount.ToString())
                  << telemetry::Field("for_role", effect->for_role);
}

void Outbound::Take(const PreemptionRefused& effect) {
  targets_.context->metrics->Count(effect);
  MEROS_LOG(INFO) << "not preempted" << telemetry::Field("framework", effect.framework_id.value())
                  << telemetry::Field("role", effect.role)
                  << telemetry::Field("agent", effect.agent_id.value())
                  << telemetry::Field("for_role", effect.for_role)
                  << telemetry::Field("why", effect.why.message());
}

void Outbound::SendFrames() {
  for (auto& [id, frame] : events_.list) {
    if (frame.empty()) continue;
    if (auto stream = targets_.schedulers->Find(id)) stream->Send(frame.Take());
  }
  for (auto& [id, frame] : messages_.list) {
    // An empty frame is a sign of life.
    if (auto stream = targets_.agents->Find(id)) stream->Send(frame.Take());
  }
  if (deltas_.messages_size() > 0) SendDeltas();
  events_.Clear();
  messages_.Clear();
}

void Outbound::Close(const CloseStream& closing) {
  if (auto scheduler = targets_.schedulers->Find(closing.stream)) {
    scheduler->Close(closing.status);
  } else if (auto agent = targets_.agents->Find(closing.stream)) {
    agent->Close(closing.status);
  } else {
    targets_.allocator->Close(closing.stream, closing.status);
  }
}

void Outbound::OnLeadership(const LeadershipRecord& leadership) {
  // A standby asks every second or so; that is no news.
  const LeadershipState state = leadership.state == LeadershipState::kAcquiring
                                    ? LeadershipState::kStandby
                                    : leadership.state;
  if (state != leadership_ || leadership.leader_address != leader_address_) {
    MEROS_LOG(INFO) << "leadership" << telemetry::Field("state", LeadershipStateName(state))
                    << telemetry::Field("epoch", leadership.epoch)
                    << telemetry::Field("leader", leadership.leader_address)
                    << telemetry::Field("agents_recovering", leadership.agents_recovering);
  }
  if ((leadership.agents_held_back > 0) != is_holding_back_) {
    is_holding_back_ = leadership.agents_held_back > 0;
    if (is_holding_back_) {
      MEROS_LOG(WARNING) << "too many agents are silent at once: most are not declared unreachable";
    } else {
      MEROS_LOG(INFO) << "few agents are silent again";
    }
  }
  leadership_ = state;
  leader_address_ = leadership.leader_address;
  targets_.context->leadership.store(leadership.state);
  targets_.context->is_leader_known.store(!leadership.leader_address.empty());
  targets_.allocator->SetWanted(leadership.state == LeadershipState::kLeading ||
                                leadership.state == LeadershipState::kFenced);
}

}  // namespace meros::master

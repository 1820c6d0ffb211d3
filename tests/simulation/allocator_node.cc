#include "tests/simulation/allocator_node.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/allocator/shell/from_wire.h"

namespace meros::simulation {
namespace {

allocator::Options OptionsOf(const Cluster& cluster) {
  allocator::Options options;
  options.allocation_interval = cluster.Scaled(options.allocation_interval);
  options.proposal_timeout = cluster.Scaled(options.proposal_timeout);
  options.snapshot_backoff_max = cluster.Scaled(options.snapshot_backoff_max);
  options.proposals_waiting_max = cluster.shape().proposals_waiting_max;
  return options;
}

}  // namespace

AllocatorNode::AllocatorNode(NodeContext* context, Cluster* cluster)
    : CoreNode(context, allocator::Core(OptionsOf(*cluster), context->MakeRng("core"))),
      cluster_(*cluster),
      identity_{context->MakeRng("id").Uuid(), "simulated"} {}

void AllocatorNode::OnStreamMessage(ConnectionId id, const std::string& bytes) {
  allocator::v1::MasterFrame frame;
  if (!frame.ParseFromString(bytes)) return cluster_.ledger().Fail("a frame cannot be read");
  std::vector<allocator::MasterMessage> messages = allocator::FromWire(frame);
  for (const allocator::MasterMessage& message : messages) {
    if (const auto* delta = std::get_if<allocator::UnreadableDelta>(&message)) {
      cluster_.ledger().Fail(absl::StrCat("the allocator cannot read a delta: ", delta->what));
    }
  }
  // A frame is one input: here a small bound refuses much and not the same for ever.
  if (queued() < cluster_.shape().allocator_frames_max &&
      TryPost(allocator::FrameReceived{id, std::move(messages)})) {
    return;
  }
  Sometimes<"the allocator cuts a master that says too much">(true);
  context().Close(id, absl::ResourceExhaustedError("the allocator cannot keep up"));
  Post(allocator::StreamClosed{id});
}

void AllocatorNode::OnStreamClosed(ConnectionId id, const absl::Status&) {
  Post(allocator::StreamClosed{id});
}

void AllocatorNode::Apply(absl::Time, Effect effect) {
  if (std::holds_alternative<allocator::SendWelcome>(effect)) {
    ToWire(identity_, frames_.Of(std::get<allocator::SendWelcome>(effect).stream)->add_messages());
  } else if (auto* proposal = std::get_if<allocator::SendProposal>(&effect)) {
    ToWire(proposal->proposal, frames_.Of(proposal->stream)->add_messages());
  } else if (auto* gang = std::get_if<allocator::SendGangProposal>(&effect)) {
    ToWire(gang->proposal, frames_.Of(gang->stream)->add_messages());
  } else if (auto* inverse = std::get_if<allocator::SendInverseOffer>(&effect)) {
    ToWire(inverse->inverse_offer, frames_.Of(inverse->stream)->add_messages());
  } else if (auto* preemption = std::get_if<allocator::SendPreemption>(&effect)) {
    ToWire(preemption->preemption, frames_.Of(preemption->stream)->add_messages());
  } else if (auto* need = std::get_if<allocator::SendNeedSnapshot>(&effect)) {
    ToWire(*need, frames_.Of(need->stream)->add_messages());
  } else if (auto* closing = std::get_if<allocator::CloseStream>(&effect)) {
    closings_.push_back(std::move(*closing));
  }
}

void AllocatorNode::OnBatchApplied(absl::Time) {
  if (!frames_.Flush(&context())) return;
  for (const allocator::CloseStream& closing : std::exchange(closings_, {})) {
    context().Close(closing.stream, closing.status);
    Post(allocator::StreamClosed{closing.stream});
  }
}

std::string AllocatorNode::Describe(const Effect& effect) const {
  if (const auto* proposal = std::get_if<allocator::SendProposal>(&effect)) {
    return absl::StrCat("proposal ", proposal->proposal.id, " ",
                        proposal->proposal.framework.value(), " ",
                        proposal->proposal.agent.value());
  }
  if (const auto* need = std::get_if<allocator::SendNeedSnapshot>(&effect)) {
    return absl::StrCat("need snapshot: ", need->reason);
  }
  if (const auto* closing = std::get_if<allocator::CloseStream>(&effect)) {
    return absl::StrCat("close ", closing->stream, ": ", closing->status.ToString());
  }
  if (const auto* inverse = std::get_if<allocator::SendInverseOffer>(&effect)) {
    return absl::StrCat("inverse offer ", inverse->inverse_offer.framework.value(), " ",
                        inverse->inverse_offer.agent.value());
  }
  if (const auto* preemption = std::get_if<allocator::SendPreemption>(&effect)) {
    return absl::StrCat("preempt ", preemption->preemption.framework.value(), " for ",
                        preemption->preemption.for_role);
  }
  return "welcome";
}

}  // namespace meros::simulation

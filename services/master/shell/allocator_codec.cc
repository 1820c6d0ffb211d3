#include "services/master/shell/allocator_codec.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/wire/resources_proto.h"
#include "meros/v1/scheduler/scheduler.pb.h"

namespace meros::master {
namespace {

namespace pb = ::meros::allocator::v1;

// Quantities or limits.
template <typename Amounts>
void Fill(const Amounts& amounts, pb::Quantities* out) {
  for (const auto& [name, amount] : amounts) {
    (*out->mutable_milli())[std::string(name.text())] = amount.millis();
  }
}

template <typename Holding>
void FillHolding(const Holding& m, pb::Allocation* out) {
  out->set_framework_id(m.framework_id.value());
  out->set_role(m.role);
  out->set_agent_id(m.agent_id.value());
  wire::ResourcesToProto(m.resources, out->mutable_resources());
}

struct Encoder {
  const std::string& master_id;
  pb::MasterMessage* out;
  pb::Delta* delta() const { return out->mutable_delta(); }

  void operator()(const HelloMessage& m) const {
    out->mutable_hello()->set_master_id(master_id);
    out->mutable_hello()->set_epoch(m.epoch);
    out->mutable_hello()->set_region(m.region);
  }
  void operator()(const SnapshotBeginMessage& m) const {
    out->mutable_snapshot_begin()->set_version(m.version);
  }
  void operator()(const SnapshotEndMessage& m) const {
    out->mutable_snapshot_end()->set_version(m.version);
  }
  void operator()(const ProposalResultMessage& m) const {
    out->mutable_result()->set_proposal_id(m.proposal_id);
    out->mutable_result()->set_reject_reason(static_cast<pb::RejectReason>(m.reject));
  }
  void operator()(const UpsertFrameworkDelta& m) const {
    pb::FrameworkState* state = delta()->mutable_upsert_framework();
    state->set_framework_id(m.framework_id.value());
    state->set_active(m.active);
    for (const std::string& role : m.subscription.roles) state->add_roles(role);
    for (const std::string& role : m.subscription.suppressed_roles) {
      state->add_suppressed_roles(role);
    }
    *state->mutable_capabilities() = m.subscription.info->capabilities();
    for (const auto& [role, any_of] : m.subscription.min_allocatable) {
      pb::MinAllocatable& least = (*state->mutable_min_allocatable())[role];
      for (const auto& quantities : any_of) Fill(quantities, least.add_any_of());
    }
    if (m.subscription.offer_constraints != nullptr) {
      *state->mutable_offer_constraints() = *m.subscription.offer_constraints;
    }
  }
  void operator()(const RemoveFrameworkDelta& m) const {
    delta()->mutable_remove_framework()->set_framework_id(m.framework_id.value());
  }
  void operator()(const UpsertAgentDelta& m) const {
    pb::AgentState* state = delta()->mutable_upsert_agent();
    state->set_agent_id(m.agent_id.value());
    *state->mutable_info() = *m.info;
    state->mutable_info()->clear_resources();
    wire::ResourcesToProto(m.total, state->mutable_total());
    state->set_active(m.active);
    if (!m.unavailability.has_value()) return;
    pb::Maintenance* maintenance = state->mutable_maintenance();
    maintenance->set_start_ns(absl::ToUnixNanos(m.unavailability->start));
    if (m.unavailability->duration == absl::InfiniteDuration()) return;
    // 0 would be for ever.
    maintenance->set_duration_ns(
        std::max<int64_t>(1, absl::ToInt64Nanoseconds(m.unavailability->duration)));
  }
  void operator()(const InverseOfferResultDelta& m) const {
    pb::InverseOfferResult* result = delta()->mutable_inverse_offer_result();
    result->set_framework_id(m.framework_id.value());
    result->set_agent_id(m.agent_id.value());
    result->set_refuse_ms(absl::ToInt64Milliseconds(m.refuse));
  }
  void operator()(const RemoveAgentDelta& m) const {
    delta()->mutable_remove_agent()->set_agent_id(m.agent_id.value());
  }
  void operator()(const AllocateDelta& m) const {
    FillHolding(m, delta()->mutable_allocate());
    delta()->mutable_allocate()->set_proposal_id(m.proposal_id);
    delta()->mutable_allocate()->set_offers(m.offers);
  }
  void operator()(const RecoverDelta& m) const {
    FillHolding(m, delta()->mutable_recover()->mutable_allocation());
    delta()->mutable_recover()->mutable_allocation()->set_proposal_id(m.proposal_id);
    delta()->mutable_recover()->mutable_allocation()->set_offers(m.offers);
    delta()->mutable_recover()->set_refuse_ms(absl::ToInt64Milliseconds(m.refuse));
  }
  void operator()(const ReviveDelta& m) const {
    delta()->mutable_revive()->set_framework_id(m.framework_id.value());
    for (const std::string& role : m.roles) delta()->mutable_revive()->add_roles(role);
  }
  void operator()(const SuppressDelta& m) const {
    delta()->mutable_suppress()->set_framework_id(m.framework_id.value());
    for (const std::string& role : m.roles) delta()->mutable_suppress()->add_roles(role);
  }
  void operator()(const WeightDelta& m) const {
    delta()->mutable_weight()->set_role(m.role);
    delta()->mutable_weight()->set_weight(m.weight);
  }
  void operator()(const QuotaDelta& m) const {
    pb::RoleQuota* quota = delta()->mutable_quota();
    quota->set_role(m.role);
    Fill(m.quota.guarantees, quota->mutable_guarantees());
    Fill(m.quota.limits, quota->mutable_limits());
  }
  void operator()(const WhitelistDelta& m) const {
    pb::Whitelist* whitelist = delta()->mutable_whitelist();
    whitelist->set_enabled(m.hostnames != nullptr);
    if (m.hostnames == nullptr) return;
    for (const std::string& hostname : *m.hostnames) whitelist->add_hostnames(hostname);
  }
  void operator()(const UpsertGangDelta& m) const {
    pb::Gang* gang = delta()->mutable_upsert_gang();
    gang->set_framework_id(m.framework_id.value());
    gang->set_gang_id(m.gang_id);
    gang->set_role(m.role);
    for (const GangBundle& bundle : m.bundles) {
      pb::GangBundle* out_bundle = gang->add_bundles();
      Fill(bundle.amount, out_bundle->mutable_amount());
      out_bundle->set_count(bundle.count);
    }
    gang->set_distinct_agents(m.distinct_agents);
    gang->set_remaining_ms(
        absl::ToInt64Milliseconds(absl::Ceil(m.remaining, absl::Milliseconds(1))));
  }
  void operator()(const RemoveGangDelta& m) const {
    delta()->mutable_remove_gang()->set_framework_id(m.framework_id.value());
    delta()->mutable_remove_gang()->set_gang_id(m.gang_id);
  }
  void operator()(const RolePolicyDelta& m) const {
    pb::RoleConfig* config = delta()->mutable_role_config();
    config->set_role(m.role);
    config->set_priority(m.policy.priority);
    config->set_preemptible(m.policy.preemptible);
    // The numbers are the same in both schemas.
    config->set_placement(static_cast<pb::Placement>(m.policy.placement));
    config->set_sorter(static_cast<pb::Sorter>(m.policy.sorter));
    if (!m.policy.offer_max.empty()) Fill(m.policy.offer_max, config->mutable_offer_max());
    if (m.policy.min_allocatable) {
      pb::MinAllocatable* least = config->mutable_min_allocatable();
      for (const auto& quantities : *m.policy.min_allocatable) {
        Fill(quantities, least->add_any_of());
      }
    }
    config->set_max_offers_in_flight(m.policy.max_offers_in_flight);
    config->set_offer_split(static_cast<pb::OfferSplit>(m.policy.offer_split));
  }
  void operator()(const RecoveryDelta& m) const {
    delta()->mutable_recovery()->set_agents_expected(m.agents_expected);
  }
};

}  // namespace

pb::MasterMessage EncodeForAllocator(const ToAllocator& message, const std::string& master_id) {
  pb::MasterMessage out;
  std::visit(Encoder{master_id, &out}, *message.message);
  if (out.has_delta()) out.mutable_delta()->set_version(message.version);
  return out;
}

namespace {

// A proposal or a part of one.
template <typename Message>
Proposal Decode(const Message& message, const FrameworkId& framework_id, const std::string& role) {
  Proposal proposal;
  proposal.id = message.proposal_id();
  proposal.framework_id = framework_id;
  proposal.role = role;
  proposal.agent_id = AgentId(message.agent_id());
  auto resources = wire::ResourcesFromProto(message.resources());
  if (!resources.ok()) {
    proposal.fault = resources.status();
  } else if (resources->empty()) {
    proposal.fault = absl::InvalidArgumentError("resources: must not be empty");
  } else {
    proposal.resources = resources->WithoutAllocation();
  }
  return proposal;
}

}  // namespace

Proposal DecodeProposal(const pb::Proposal& message) {
  Proposal proposal = Decode(message, FrameworkId(message.framework_id()), message.role());
  proposal.based_on_version = message.based_on_version();
  return proposal;
}

GangProposal DecodeGangProposal(const pb::GangProposal& message) {
  GangProposal proposal;
  proposal.gang_id = message.gang_id();
  proposal.framework_id = FrameworkId(message.framework_id());
  proposal.role = message.role();
  for (const pb::GangPart& part : message.parts()) {
    proposal.parts.push_back(Decode(part, proposal.framework_id, proposal.role));
    proposal.parts.back().based_on_version = message.based_on_version();
  }
  proposal.based_on_version = message.based_on_version();
  return proposal;
}

PreemptionProposal DecodePreemption(const pb::Preemption& message) {
  PreemptionProposal proposal;
  proposal.framework_id = FrameworkId(message.framework_id());
  proposal.role = message.role();
  proposal.agent_id = AgentId(message.agent_id());
  proposal.for_role = message.for_role();
  for (const auto& [name, millis] : message.amount().milli()) {
    if (name.empty() || millis < 0 || millis > resources::Scalar::kMaxMillis) {
      proposal.fault = absl::InvalidArgumentError(
          absl::StrCat("amount.milli[\"", name, "\"]: ", millis, " is out of range"));
      return proposal;
    }
    proposal.amount.Add(resources::ResourceName(name), resources::Scalar::FromMillis(millis));
  }
  if (proposal.amount.empty()) proposal.fault = absl::InvalidArgumentError("amount: is empty");
  return proposal;
}

std::vector<Input> DecodeFrame(const pb::AllocatorFrame& frame, StreamId stream) {
  std::vector<Input> inputs;
  AllocatorProposals proposals = {.stream = stream};
  AllocatorPreemptions preemptions = {.stream = stream};
  AllocatorInverseOffers inverse_offers = {.stream = stream};
  const auto add_proposals = [&] {
    if (proposals.proposals.empty() && proposals.gangs.empty()) return;
    inputs.push_back(std::exchange(proposals, {.stream = stream}));
  };
  for (const pb::AllocatorMessage& message : frame.messages()) {
    if (message.has_proposal()) {
      proposals.proposals.push_back(DecodeProposal(message.proposal()));
    } else if (message.has_preemption()) {
      preemptions.proposals.push_back(DecodePreemption(message.preemption()));
    } else if (message.has_inverse_offer()) {
      inverse_offers.proposals.push_back({FrameworkId(message.inverse_offer().framework_id()),
                                          AgentId(message.inverse_offer().agent_id())});
    } else if (message.has_gang_proposal()) {
      proposals.gangs.push_back(DecodeGangProposal(message.gang_proposal()));
    } else if (message.has_need_snapshot()) {
      add_proposals();
      inputs.push_back(AllocatorNeedsSnapshot{stream});
    }
  }
  add_proposals();
  if (!preemptions.proposals.empty()) inputs.push_back(std::move(preemptions));
  if (!inverse_offers.proposals.empty()) inputs.push_back(std::move(inverse_offers));
  return inputs;
}

}  // namespace meros::master

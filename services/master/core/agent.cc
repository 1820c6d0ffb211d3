#include "services/master/core/agent.h"

#include <algorithm>

namespace meros::master {
namespace {

constexpr AgentTransition kTransitions[] = {
    {AgentState::kAdmitting, AgentState::kRegistered},
    {AgentState::kAdmitting, AgentState::kDisconnected},  // went away while being admitted
    {AgentState::kRegistered, AgentState::kDisconnected},
    {AgentState::kDisconnected, AgentState::kRegistered},
    {AgentState::kDisconnected, AgentState::kMarkingUnreachable},
    {AgentState::kMarkingUnreachable, AgentState::kUnreachable},
    {AgentState::kUnreachable, AgentState::kReadmitting},
    {AgentState::kReadmitting, AgentState::kRegistered},
    {AgentState::kReadmitting, AgentState::kUnreachable},  // left again, or does not fit
    {AgentState::kRecovered, AgentState::kRegistered},
    {AgentState::kRecovered, AgentState::kMarkingUnreachable},
    {AgentState::kRegistered, AgentState::kRemoving},
    {AgentState::kDisconnected, AgentState::kRemoving},
    {AgentState::kRegistered, AgentState::kGone},
    {AgentState::kDisconnected, AgentState::kGone},
    {AgentState::kUnreachable, AgentState::kGone},
    {AgentState::kRecovered, AgentState::kGone},
};

}  // namespace

absl::string_view AgentStateName(AgentState state) {
  switch (state) {
    case AgentState::kAdmitting:
      return "ADMITTING";
    case AgentState::kRegistered:
      return "REGISTERED";
    case AgentState::kDisconnected:
      return "DISCONNECTED";
    case AgentState::kMarkingUnreachable:
      return "MARKING_UNREACHABLE";
    case AgentState::kUnreachable:
      return "UNREACHABLE";
    case AgentState::kRecovered:
      return "RECOVERED";
    case AgentState::kReadmitting:
      return "READMITTING";
    case AgentState::kRemoving:
      return "REMOVING";
    case AgentState::kGone:
      return "GONE";
  }
  return "?";
}

absl::Span<const AgentTransition> AgentTransitions() { return kTransitions; }

bool MayFollow(AgentState from, AgentState to) {
  return std::any_of(std::begin(kTransitions), std::end(kTransitions),
                     [&](const AgentTransition& t) { return t.from == from && t.to == to; });
}

resources::Resources AgentRecord::Free() const {
  resources::Resources free = total - used - offered;
  const resources::Resources shared = total.Shared();
  if (shared.empty()) return free;
  return free.NonShared() + shared;
}

resources::Resources WithSingleShares(const resources::Resources& held) {
  const resources::Resources shared = held.Shared();
  if (shared.empty()) return held;
  resources::Resources single = held.NonShared();
  for (const resources::Resource& resource : shared) single.Add(resource.WithShares(1));
  return single;
}

std::optional<Unavailability> PlannedFor(const AgentRecord& record, const MaintenancePlan& plan) {
  std::optional<Unavailability> planned;
  if (const auto* machine = plan.Find(record.info->hostname(), record.ip)) {
    planned = machine->unavailability;
  }
  if (record.orders.drain != AgentOrders::Drain::kAsked) return planned;
  if (planned.has_value() && planned->start <= record.orders.delay_until) return planned;
  return Unavailability{.start = record.orders.delay_until};
}

v1::DrainInfo DrainInfoOf(const AgentOrders& orders) {
  v1::DrainInfo info;
  info.set_state(orders.must_empty() ? v1::DRAINING : v1::DRAINED);
  info.mutable_config()->set_mark_gone(orders.mark_gone);
  if (orders.max_grace.has_value()) {
    info.mutable_config()->mutable_max_grace_period()->set_nanoseconds(
        absl::ToInt64Nanoseconds(*orders.max_grace));
  }
  return info;
}

}  // namespace meros::master

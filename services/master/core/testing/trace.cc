#include "services/master/core/testing/trace.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace meros::master::testing {
namespace {

std::string Join(const std::vector<std::string>& words) { return absl::StrJoin(words, ","); }

std::string Seconds(absl::Time time) {
  if (time == absl::InfiniteFuture()) return "never";
  return absl::StrCat("t=", absl::ToDoubleSeconds(time - absl::UnixEpoch()));
}

std::string Away(const Unavailability& away) {
  return absl::StrCat("away from ", absl::ToDoubleSeconds(away.start - absl::UnixEpoch()), " for ",
                      absl::FormatDuration(away.duration));
}

// Offers and inverse offers are numbered together.
std::string Number(const OfferId& id) {
  return "#" + id.value().substr(1, id.value().find('-') - 1);
}

// ---- Events ----

std::string Text(const SubscribedEvent& e) { return "SUBSCRIBED " + e.framework_id.value(); }
std::string Text(const HeartbeatEvent&) { return "HEARTBEAT"; }
std::string Text(const OffersEvent& e) {
  std::string text = "OFFERS";
  for (const OfferRef& offer : e.offers) {
    absl::StrAppend(&text, " [#", offer->sequence, " ", offer->agent_id.value(), " ", offer->role,
                    " ", offer->resources.DebugString(),
                    offer->gang_id.empty() ? "" : " gang=" + offer->gang_id,
                    offer->unavailability ? " " + Away(*offer->unavailability) : "", "]");
  }
  return text;
}
std::string Text(const RescindEvent& e) { return "RESCIND " + Number(e.offer_id); }
std::string Text(const InverseOffersEvent& e) {
  std::string text = "INVERSE_OFFERS";
  for (const InverseOfferRef& offer : e.offers) {
    absl::StrAppend(&text, " [", Number(offer->id), " ", offer->agent_id.value(), " ",
                    Away(offer->unavailability), "]");
  }
  return text;
}
std::string Text(const RescindInverseOfferEvent& e) {
  return "RESCIND_INVERSE " + Number(e.offer_id);
}
std::string Text(const UpdateEvent& e) {
  std::string text = absl::StrCat("UPDATE ", e.status->task_id().value(), " ",
                                  v1::TaskState_Name(e.status->state()));
  if (e.status->has_reason()) {
    absl::StrAppend(&text, " ", v1::TaskStatus::Reason_Name(e.status->reason()));
  }
  if (e.status->has_uuid()) absl::StrAppend(&text, " uuid=", e.status->uuid());
  if (e.status->has_unreachable_time()) absl::StrAppend(&text, " +unreachable_time");
  if (e.status->has_message()) absl::StrAppend(&text, " \"", e.status->message(), "\"");
  return text;
}
std::string Text(const OperationEvent& e) {
  const v1::OperationStatus& status = *e.status;
  return absl::StrCat(v1::OperationState_Name(status.state()), " ", status.operation_id().value(),
                      status.has_uuid() ? absl::StrCat(" uuid=", status.uuid().value()) : "",
                      status.has_message() ? absl::StrCat(" \"", status.message(), "\"") : "");
}
std::string Text(const MessageEvent& e) {
  return absl::StrCat("MESSAGE ", e.agent_id.value(), " ", e.executor_id.value(), " ", e.data);
}
std::string Text(const FailureEvent& e) {
  if (e.executor_id.empty()) return absl::StrCat("FAILURE ", e.agent_id.value());
  return absl::StrCat("FAILURE ", e.agent_id.value(), " executor=", e.executor_id.value(),
                      " status=", e.wait_status);
}
std::string Text(const GangEndedEvent& e) {
  return absl::StrCat("GANG_ENDED ", e.gang_id, " ", static_cast<int>(e.reason), " \"", e.message,
                      "\"");
}
std::string Text(const ErrorEvent& e) { return absl::StrCat("ERROR \"", e.message, "\""); }

// ---- Messages to agents ----

std::string Text(const RegisteredMessage& m) {
  return absl::StrCat(m.reregistered ? "REREGISTERED " : "REGISTERED ", m.agent_id.value(),
                      " epoch=", m.epoch, m.drain.has_value() ? " draining" : "");
}
std::string Text(const DrainMessage& m) {
  return absl::StrCat(
      "DRAIN", m.max_grace.has_value() ? " within " + absl::FormatDuration(*m.max_grace) : "",
      m.mark_gone ? " gone" : "");
}
std::string Text(const CancelDrainMessage&) { return "CANCEL_DRAIN"; }
std::string Text(const ShutdownMessage& m) { return absl::StrCat("SHUTDOWN \"", m.reason, "\""); }
std::string Text(const SendReportMessage&) { return "SEND_REPORT"; }
std::string Text(const SendEndedTasksMessage& m) {
  std::string text = "SEND_ENDED_TASKS";
  for (const auto& wanted : m.frameworks) {
    absl::StrAppend(&text, " ", wanted.framework_id.value(), ":", wanted.tasks_max);
    if (wanted.ended_after == absl::InfinitePast()) continue;
    absl::StrAppend(&text, " after ", absl::ToUnixSeconds(wanted.ended_after));
  }
  return text;
}
std::string Text(const ReconcileMessage& m) {
  std::string text = "RECONCILE";
  for (const auto& ref : m.tasks) absl::StrAppend(&text, " ", ref.task_id.value());
  return text;
}
std::string Text(const RunTaskMessage& m) {
  return absl::StrCat("RUN ", m.task->task_id().value(), " role=", m.role);
}
std::string Text(const RunGroupMessage& m) {
  std::string text = absl::StrCat("RUN_GROUP role=", m.role,
                                  m.launch_executor ? " with executor" : " in executor");
  absl::StrAppend(&text, " ", m.tasks[0]->executor().executor_id().value());
  for (const auto& task : m.tasks) absl::StrAppend(&text, " ", task->task_id().value());
  return text;
}
std::string Text(const KillTaskMessage& m) {
  return absl::StrCat("KILL ", m.task_id.value(), m.kill_policy == nullptr ? "" : " +policy",
                      m.preempted_for.empty() ? "" : " preempted_for=" + m.preempted_for);
}
std::string Text(const AcknowledgeMessage& m) {
  return absl::StrCat("ACKNOWLEDGE ", m.task_id.value(), " uuid=", m.uuid);
}
std::string Text(const ShutdownFrameworkMessage& m) {
  return "SHUTDOWN_FRAMEWORK " + m.framework_id.value();
}
std::string Text(const ShutdownExecutorMessage& m) {
  return "SHUTDOWN_EXECUTOR " + m.executor_id.value();
}
std::string Text(const UpdateFrameworkMessage& m) {
  return absl::StrCat("UPDATE_FRAMEWORK ", m.framework->id().value(),
                      m.subscribed_again ? " again" : "");
}
std::string Text(const SchedulerBytesMessage& m) {
  return absl::StrCat("BYTES ", m.executor_id.value(), " ", m.data);
}

std::string Text(const ApplyOperationMessage& m) {
  return absl::StrCat("APPLY ", v1::Offer::Operation::Type_Name(m.operation->type()),
                      m.role.empty() ? "" : " role=" + m.role);
}
std::string Text(const AcknowledgeOperationMessage& m) {
  return absl::StrCat("ACKNOWLEDGE_OPERATION uuid=", m.status_uuid);
}
std::string Text(const ReconcileOperationsMessage& m) {
  std::string text = "RECONCILE_OPERATIONS";
  for (const auto& ref : m.operations) absl::StrAppend(&text, " ", ref.operation_id);
  return text;
}

// ---- Messages to the allocator ----

std::string Text(const HelloMessage& m) {
  return absl::StrCat("HELLO epoch=", m.epoch, m.region.empty() ? "" : " region=", m.region);
}
std::string Text(const SnapshotBeginMessage& m) {
  return absl::StrCat("SNAPSHOT_BEGIN ", m.version);
}
std::string Text(const SnapshotEndMessage& m) { return absl::StrCat("SNAPSHOT_END ", m.version); }
std::string Text(const ProposalResultMessage& m) {
  return absl::StrCat("RESULT ", m.proposal_id, " reject=", static_cast<int>(m.reject));
}
std::string Text(const UpsertFrameworkDelta& m) {
  return absl::StrCat("FRAMEWORK ", m.framework_id.value(), m.active ? " active" : " inactive",
                      " roles=", Join(m.subscription.roles),
                      " suppressed=", Join(m.subscription.suppressed_roles));
}
std::string Text(const RemoveFrameworkDelta& m) {
  return "REMOVE_FRAMEWORK " + m.framework_id.value();
}
std::string Text(const UpsertAgentDelta& m) {
  return absl::StrCat("AGENT ", m.agent_id.value(), m.active ? " active " : " inactive ",
                      m.total.DebugString(), m.unavailability ? " " + Away(*m.unavailability) : "");
}
std::string Text(const RemoveAgentDelta& m) { return "REMOVE_AGENT " + m.agent_id.value(); }
std::string Text(const AllocateDelta& m) {
  return absl::StrCat("ALLOCATE ", m.framework_id.value(), " ", m.role, " ", m.agent_id.value(),
                      " ", m.resources.DebugString(), " proposal=", m.proposal_id);
}
std::string Text(const RecoverDelta& m) {
  return absl::StrCat("RECOVER ", m.framework_id.value(), " ", m.role, " ", m.agent_id.value(), " ",
                      m.resources.DebugString(), " refuse=", absl::FormatDuration(m.refuse),
                      m.proposal_id == 0 ? "" : absl::StrCat(" of=", m.proposal_id));
}
std::string Text(const InverseOfferResultDelta& m) {
  return absl::StrCat("INVERSE_RESULT ", m.framework_id.value(), " ", m.agent_id.value(),
                      " refuse=", absl::FormatDuration(m.refuse));
}
std::string Text(const WhitelistDelta& m) {
  return m.hostnames == nullptr ? "WHITELIST of all" : "WHITELIST " + Join(*m.hostnames);
}
std::string Text(const UpsertGangDelta& m) {
  std::string text = absl::StrCat("GANG ", m.framework_id.value(), " ", m.gang_id, " ", m.role,
                                  m.distinct_agents ? " distinct" : "");
  for (const GangBundle& bundle : m.bundles) {
    absl::StrAppend(&text, " ", bundle.count, "x", bundle.amount.ToString());
  }
  return absl::StrCat(text, " remaining=", absl::FormatDuration(m.remaining));
}
std::string Text(const RemoveGangDelta& m) {
  return absl::StrCat("REMOVE_GANG ", m.framework_id.value(), " ", m.gang_id);
}
std::string Text(const ReviveDelta& m) {
  return absl::StrCat("REVIVE ", m.framework_id.value(), " ", Join(m.roles));
}
std::string Text(const SuppressDelta& m) {
  return absl::StrCat("SUPPRESS ", m.framework_id.value(), " ", Join(m.roles));
}
std::string Text(const WeightDelta& m) { return absl::StrCat("WEIGHT ", m.role, " ", m.weight); }
std::string QuotaText(const RoleQuota& quota) {
  return absl::StrCat(" guarantees=", quota.guarantees.ToString(),
                      " limits=", quota.limits.ToString());
}
std::string Text(const QuotaDelta& m) { return absl::StrCat("QUOTA ", m.role, QuotaText(m.quota)); }
std::string Text(const RecoveryDelta& m) {
  return absl::StrCat("AWAIT ", m.agents_expected, " agents");
}
std::string Text(const RolePolicyDelta& m) {
  return absl::StrCat("ROLE ", m.role, " priority=", m.policy.priority,
                      m.policy.preemptible ? " preemptible" : "");
}

// ---- Records ----

std::string OrdersText(const AgentOrders& orders) {
  if (!orders.deactivated) return "";
  switch (orders.drain) {
    case AgentOrders::Drain::kNone:
      return " deactivated";
    case AgentOrders::Drain::kAsked:
      return absl::StrCat(" draining from ", Seconds(orders.delay_until));
    case AgentOrders::Drain::kDraining:
      return " draining";
    case AgentOrders::Drain::kDrained:
      return " drained";
  }
  return "";
}
std::string FactsText(const AgentFacts& agent) {
  return absl::StrCat(" ", agent.id.value(), OrdersText(agent.orders));
}
std::string Text(const AdmitAgentRecord& r) { return "ADMIT" + FactsText(r.agent); }
std::string Text(const UpdateAgentRecord& r) { return "UPDATE_AGENT" + FactsText(r.agent); }
std::string Text(const UnreachableAgentRecord& r) { return "UNREACHABLE" + FactsText(r.agent); }
std::string Text(const ReachableAgentRecord& r) { return "REACHABLE" + FactsText(r.agent); }
std::string Text(const AgentOrdersRecord& r) {
  return absl::StrCat("ORDERS", FactsText(r.agent),
                      r.unreachable_since == absl::InfinitePast() ? "" : " unreachable");
}
std::string Text(const GoneAgentRecord& r) { return "GONE" + FactsText(r.agent); }
std::string Text(const RemoveAgentRecord& r) { return "REMOVE_AGENT " + r.id.value(); }
std::string Text(const PutFrameworkRecord& r) {
  return absl::StrCat("PUT_FRAMEWORK ", r.id.value(), " deadline=", Seconds(r.failover_deadline));
}
std::string Text(const RemoveFrameworkRecord& r) { return "REMOVE_FRAMEWORK " + r.id.value(); }
std::string Text(const ForgetFrameworkRecord& r) { return "FORGET_FRAMEWORK " + r.id.value(); }
std::string Text(const PutRolesRecord& r) {
  std::string text = "PUT_ROLES";
  for (const RoleConfigRef& config : r.configs) {
    absl::StrAppend(&text, " [", config->role, config->is_default() ? " nothing" : "",
                    " version=", config->version, QuotaText(config->quota),
                    " weight=", config->weight, " priority=", config->policy.priority, "]");
  }
  return text;
}

std::string Text(const PutMaintenanceRecord& r) {
  std::string text = "PUT_MAINTENANCE";
  for (const auto& [id, machine] : r.after->machines()) {
    absl::StrAppend(&text, " [", NameOf(id), machine.is_down ? " down, " : " ",
                    Away(machine.unavailability), "]");
  }
  return text;
}

// ---- Effects ----

template <typename Variant>
std::string TextOf(const Variant& variant) {
  return std::visit([](const auto& v) { return Text(v); }, variant);
}

struct EffectText {
  Published published;

  std::string operator()(const ToScheduler& e) const {
    return absl::StrCat("scheduler ", e.stream, ": ", TextOf(e.event));
  }
  std::string operator()(const ToAgent& e) const {
    return absl::StrCat("agent ", e.stream, ": ", TextOf(e.message));
  }
  std::string operator()(const ToAllocator& e) const {
    return absl::StrCat("allocator", e.version == 0 ? "" : absl::StrCat(" v", e.version), ": ",
                        TextOf(*e.message));
  }
  std::string operator()(const AcquireLease& e) const {
    return absl::StrCat("registry: ACQUIRE #", e.attempt);
  }
  std::string operator()(const RenewLease& e) const {
    return absl::StrCat("registry: RENEW #", e.attempt, " epoch=", e.epoch);
  }
  std::string operator()(const ReleaseLease& e) const {
    return absl::StrCat("registry: RELEASE epoch=", e.epoch);
  }
  std::string operator()(const ReadRegistry& e) const {
    return absl::StrCat("registry: READ epoch=", e.epoch);
  }
  std::string operator()(const WriteRegistry& e) const {
    return absl::StrCat("registry: WRITE ", e.token, " ", TextOf(*e.record));
  }
  std::string operator()(const Reply& e) const {
    return absl::StrCat("reply ", e.call, ": ", e.status.ToString());
  }
  std::string operator()(const CloseStream& e) const {
    return absl::StrCat("close ", e.stream, ": ", e.status.ToString());
  }
  std::string operator()(const Counted&) const { return ""; }
  std::string operator()(const Quit& e) const { return absl::StrCat("quit: ", e.why.message()); }
  std::string operator()(const std::shared_ptr<const Preempted>& e) const {
    return absl::StrCat("preempted ", e->task_id.empty() ? "offer" : e->task_id.value(), " of ",
                        e->framework_id.value(), " ", e->role, " on ", e->agent_id.value(), " ",
                        e->amount.ToString(), " for ", e->for_role);
  }
  std::string operator()(const PreemptionRefused& e) const {
    return absl::StrCat("not preempted: ", e.framework_id.value(), " ", e.role, " on ",
                        e.agent_id.value(), " for ", e.for_role, ": ", e.why.message());
  }
  std::string operator()(const Publish& e) const {
    if (published == Published::kHide) return "";
    if (const auto* leadership = std::get_if<LeadershipRecord>(&e.change)) {
      return absl::StrCat("publish ", e.revision, ": ", LeadershipStateName(leadership->state),
                          " leader=", leadership->leader_address);
    }
    return absl::StrCat("publish ", e.revision, ": change ", e.change.index());
  }
};

}  // namespace

std::string TraceEffect(const Effect& effect, Published published) {
  return std::visit(EffectText{published}, effect);
}

std::vector<std::string> Trace(const EffectList& effects, Published published) {
  std::vector<std::string> lines;
  for (const Effect& effect : effects) {
    std::string line = TraceEffect(effect, published);
    if (!line.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace meros::master::testing

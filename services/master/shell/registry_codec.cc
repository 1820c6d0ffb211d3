#include "services/master/shell/registry_codec.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/master/shell/decode_scheduler.h"
#include "services/master/shell/maintenance_codec.h"
#include "services/master/shell/role_codec.h"

namespace meros::master {
namespace {

namespace pb = ::meros::registry::v1;

// 0 on the wire is "never", infinite here.
int64_t ToNanos(absl::Time time) {
  return time == absl::InfiniteFuture() ? 0 : absl::ToUnixNanos(time);
}

pb::Mutation PutAgent(const AgentId& id, const pb::AgentRecord& record) {
  pb::Mutation mutation;
  mutation.mutable_key()->set_kind(pb::RECORD_KIND_AGENT);
  mutation.mutable_key()->set_name(id.value());
  mutation.set_put(record.SerializeAsString());
  return mutation;
}

pb::Mutation PutFramework(const FrameworkId& id, const pb::FrameworkRecord& record) {
  pb::Mutation mutation;
  mutation.mutable_key()->set_kind(pb::RECORD_KIND_FRAMEWORK);
  mutation.mutable_key()->set_name(id.value());
  mutation.set_put(record.SerializeAsString());
  return mutation;
}

AgentOrders OrdersOf(const pb::AgentRecord& record) {
  AgentOrders orders;
  orders.deactivated = record.deactivated() || record.has_drain();
  if (!record.has_drain()) return orders;
  const v1::DrainConfig& config = record.drain().config();
  orders.drain = record.drain().state() == v1::DRAINED ? AgentOrders::Drain::kDrained
                                                       : AgentOrders::Drain::kDraining;
  if (record.drain_delay_until_ns() != 0) {
    orders.drain = AgentOrders::Drain::kAsked;
    orders.delay_until = absl::FromUnixNanos(record.drain_delay_until_ns());
  }
  if (record.drain_ordered_at_ns() != 0) {
    orders.ordered = absl::FromUnixNanos(record.drain_ordered_at_ns());
  }
  orders.mark_gone = config.mark_gone();
  if (config.has_max_grace_period()) {
    orders.max_grace = absl::Nanoseconds(config.max_grace_period().nanoseconds());
  }
  return orders;
}

pb::AgentRecord Admitted(const AgentFacts& agent, absl::Time now) {
  pb::AgentRecord record;
  record.set_state(pb::AGENT_RECORD_STATE_ADMITTED);
  *record.mutable_info() = *agent.info;
  record.set_since_ns(absl::ToUnixNanos(now));
  record.set_registration_key(agent.registration_key);
  record.set_ip(agent.ip);
  record.set_version(agent.version);
  agent.capabilities.ForEach([&](auto type) { record.add_capabilities()->set_type(type); });
  record.set_deactivated(agent.orders.deactivated);
  if (agent.orders.drain != AgentOrders::Drain::kNone) {
    *record.mutable_drain() = DrainInfoOf(agent.orders);
    if (agent.orders.ordered != absl::InfinitePast()) {
      record.set_drain_ordered_at_ns(absl::ToUnixNanos(agent.orders.ordered));
    }
  }
  if (agent.orders.drain == AgentOrders::Drain::kAsked) {
    record.set_drain_delay_until_ns(absl::ToUnixNanos(agent.orders.delay_until));
  }
  return record;
}

pb::AgentRecord Unreachable(const AgentFacts& agent, absl::Time since) {
  pb::AgentRecord record = Admitted(agent, since);
  record.set_state(pb::AGENT_RECORD_STATE_UNREACHABLE);
  return record;
}

// Kept for ever: little more than that it is gone.
pb::AgentRecord Gone(const AgentFacts& agent, absl::Time now) {
  pb::AgentRecord record;
  record.set_state(pb::AGENT_RECORD_STATE_GONE);
  record.mutable_info()->set_hostname(agent.info->hostname());
  record.mutable_info()->mutable_id()->set_value(agent.id.value());
  record.set_since_ns(absl::ToUnixNanos(now));
  record.set_registration_key(agent.registration_key);
  record.set_ip(agent.ip);
  return record;
}

struct Encoder {
  absl::Time now;

  pb::Mutation operator()(const AdmitAgentRecord& r) const {
    return PutAgent(r.agent.id, Admitted(r.agent, now));
  }
  pb::Mutation operator()(const UpdateAgentRecord& r) const {
    return PutAgent(r.agent.id, Admitted(r.agent, now));
  }
  pb::Mutation operator()(const ReachableAgentRecord& r) const {
    return PutAgent(r.agent.id, Admitted(r.agent, now));
  }
  pb::Mutation operator()(const UnreachableAgentRecord& r) const {
    return PutAgent(r.agent.id, Unreachable(r.agent, r.since));
  }
  pb::Mutation operator()(const AgentOrdersRecord& r) const {
    return PutAgent(r.agent.id, r.unreachable_since == absl::InfinitePast()
                                    ? Admitted(r.agent, now)
                                    : Unreachable(r.agent, r.unreachable_since));
  }
  pb::Mutation operator()(const GoneAgentRecord& r) const {
    return PutAgent(r.agent.id, Gone(r.agent, now));
  }
  pb::Mutation operator()(const RemoveAgentRecord& r) const {
    pb::Mutation mutation;
    mutation.mutable_key()->set_kind(pb::RECORD_KIND_AGENT);
    mutation.mutable_key()->set_name(r.id.value());
    mutation.set_remove(true);
    return mutation;
  }
  pb::Mutation operator()(const PutFrameworkRecord& r) const {
    pb::FrameworkRecord record;
    *record.mutable_info() = *r.info;
    record.set_principal(r.info->principal());
    for (const std::string& role : r.roles) record.add_roles(role);
    record.set_failover_timeout_ms(absl::ToInt64Milliseconds(r.failover_timeout));
    record.set_failover_deadline_ns(ToNanos(r.failover_deadline));
    if (r.failover_deadline != absl::InfiniteFuture()) {
      record.set_disconnected_since_ns(absl::ToUnixNanos(now));
    }
    record.set_registered_at_ns(absl::ToUnixNanos(r.registered));
    return PutFramework(r.id, record);
  }
  pb::Mutation operator()(const RemoveFrameworkRecord& r) const {
    pb::FrameworkRecord record;
    record.mutable_info()->mutable_id()->set_value(r.id.value());
    record.set_removed_at_ns(absl::ToUnixNanos(now));
    return PutFramework(r.id, record);
  }
  pb::Mutation operator()(const ForgetFrameworkRecord& r) const {
    pb::Mutation mutation;
    mutation.mutable_key()->set_kind(pb::RECORD_KIND_FRAMEWORK);
    mutation.mutable_key()->set_name(r.id.value());
    mutation.set_remove(true);
    return mutation;
  }
};

absl::Status Unreadable(const pb::RecordKey& key, absl::string_view why) {
  return absl::DataLossError(absl::StrCat("the registry's record ", pb::RecordKind_Name(key.kind()),
                                          " ", key.name(), " cannot be read: ", why));
}

absl::Status Read(const pb::RecordKey& key, const absl::Status& read) {
  return read.ok() ? read : Unreadable(key, read.message());
}

absl::Status AddAgent(const pb::Record& record, RegistrySnapshot* out) {
  pb::AgentRecord agent;
  if (!agent.ParseFromString(record.value())) return Unreadable(record.key(), "not an AgentRecord");
  RegistrySnapshot::AgentEntry entry;
  entry.id = AgentId(record.key().name());
  entry.registration_key = agent.registration_key();
  entry.ip = agent.ip();
  entry.version = agent.version();
  for (const auto& capability : agent.capabilities()) entry.capabilities.Add(capability.type());
  entry.orders = OrdersOf(agent);
  switch (agent.state()) {
    case pb::AGENT_RECORD_STATE_ADMITTED:
      entry.state = RegistrySnapshot::AgentEntry::State::kAdmitted;
      break;
    case pb::AGENT_RECORD_STATE_UNREACHABLE:
      entry.state = RegistrySnapshot::AgentEntry::State::kUnreachable;
      entry.unreachable_since = absl::FromUnixNanos(agent.since_ns());
      break;
    case pb::AGENT_RECORD_STATE_GONE:
      entry.state = RegistrySnapshot::AgentEntry::State::kGone;
      break;
    default:
      return Unreadable(record.key(), "it has no known state");
  }
  entry.info = std::make_shared<const v1::AgentInfo>(std::move(*agent.mutable_info()));
  out->agents.push_back(std::move(entry));
  return absl::OkStatus();
}

absl::Status AddFramework(const pb::Record& record, RegistrySnapshot* out) {
  pb::FrameworkRecord framework;
  if (!framework.ParseFromString(record.value())) {
    return Unreadable(record.key(), "not a FrameworkRecord");
  }
  RegistrySnapshot::FrameworkEntry entry;
  entry.id = FrameworkId(record.key().name());
  entry.removed = framework.removed_at_ns() != 0;
  entry.removed_at = absl::FromUnixNanos(framework.removed_at_ns());
  if (!entry.removed) {
    auto subscription = DecodeSubscription(framework.info(), "info");
    if (!subscription.ok()) return Unreadable(record.key(), subscription.status().message());
    entry.subscription = *std::move(subscription);
    entry.registered = absl::FromUnixNanos(framework.registered_at_ns());
    if (framework.failover_deadline_ns() != 0) {
      entry.failover_deadline = absl::FromUnixNanos(framework.failover_deadline_ns());
    }
  }
  out->frameworks.push_back(std::move(entry));
  return absl::OkStatus();
}

}  // namespace

std::vector<pb::Mutation> EncodeRecord(const RegistryRecord& record, absl::Time now) {
  return std::visit(
      [now](const auto& r) -> std::vector<pb::Mutation> {
        if constexpr (std::is_same_v<std::decay_t<decltype(r)>, PutRolesRecord>) {
          std::vector<pb::Mutation> mutations;
          for (const RoleConfigRef& config : r.configs) mutations.push_back(EncodeRole(*config));
          return mutations;
        } else if constexpr (std::is_same_v<std::decay_t<decltype(r)>, PutMaintenanceRecord>) {
          return EncodeMaintenance(r);
        } else {
          return {Encoder{now}(r)};
        }
      },
      record);
}

namespace {

// None yet: the first version whose records need one writes its name, and older ones stay away.
absl::Status CheckCapability(const std::string& name) {
  return absl::UnimplementedError(
      absl::StrCat("the registry holds records that need masters with the capability ", name,
                   ", which this version does not have: run a later one"));
}

}  // namespace

absl::StatusOr<RegistrySnapshot> DecodeRecords(const std::vector<pb::Record>& records) {
  RegistrySnapshot snapshot;
  MaintenanceReader maintenance;
  for (const pb::Record& record : records) {
    absl::Status status;
    if (record.key().kind() == pb::RECORD_KIND_AGENT) status = AddAgent(record, &snapshot);
    if (record.key().kind() == pb::RECORD_KIND_FRAMEWORK) status = AddFramework(record, &snapshot);
    if (record.key().kind() == pb::RECORD_KIND_ROLE) {
      absl::StatusOr<RoleConfigRef> config = DecodeRole(record.key().name(), record.value());
      if (config.ok()) snapshot.roles.push_back(*std::move(config));
      if (!config.ok()) status = Unreadable(record.key(), config.status().message());
    }
    if (record.key().kind() == pb::RECORD_KIND_MAINTENANCE_SCHEDULE) {
      status = Read(record.key(), maintenance.AddSchedule(record.value()));
    }
    if (record.key().kind() == pb::RECORD_KIND_MACHINE) {
      status = Read(record.key(), maintenance.AddMachine(record.value()));
    }
    if (record.key().kind() == pb::RECORD_KIND_MINIMUM_CAPABILITY) {
      status = CheckCapability(record.key().name());
    }
    if (!status.ok()) return status;
  }
  snapshot.maintenance = maintenance.Plan();
  return snapshot;
}

}  // namespace meros::master

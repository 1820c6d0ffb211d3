#include "tests/simulation/operator_deeds.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/wire/resources_proto.h"
#include "meros/v1/master/operator/agents.pb.h"
#include "meros/v1/master/operator/frameworks.pb.h"
#include "meros/v1/master/operator/maintenance.pb.h"
#include "meros/v1/master/operator/operations.pb.h"
#include "meros/v1/master/operator/roles.pb.h"
#include "meros/v1/master/operator/tasks.pb.h"
#include "tests/simulation/role_deeds.h"

namespace meros::simulation {
namespace {

namespace pb = v1::master;

using resources::Resource;
using resources::Resources;
using resources::Scalar;

constexpr int kResizeMib = 4;  // of volumes

template <typename Request>
Request About(const master::Agent& agent) {
  Request request;
  request.mutable_agent_id()->set_value(agent.record.id.value());
  return request;
}

Resource Amount(const resources::ResourceName& name, double amount) {
  return Resource(name, *Scalar::FromDouble(amount));
}

v1::Resource MessageOf(const Resource& resource) {
  wire::ResourceList list;
  wire::ResourcesToProto(resource, &list);
  return list.Get(0);
}

pb::DestroyVolumesRequest Destroy(const master::Agent& agent, const Resource& volume) {
  auto request = About<pb::DestroyVolumesRequest>(agent);
  wire::ResourcesToProto(volume, request.mutable_volumes());
  return request;
}

pb::UnreserveResourcesRequest Unreserve(const master::Agent& agent, const Resource& reserved) {
  auto request = About<pb::UnreserveResourcesRequest>(agent);
  wire::ResourcesToProto(reserved, request.mutable_resources());
  return request;
}

v1::MachineID MachineOf(const master::Agent& agent) {
  v1::MachineID machine;
  machine.set_hostname(agent.record.info->hostname());
  return machine;
}

// What is set of a role is set back.
OperatorCall Forget(const master::RoleConfig& config) {
  if (!config.quota.empty()) {
    pb::UpdateQuotaRequest request;
    request.add_configs()->set_role(config.role);
    return OperatorCall(request);
  }
  if (config.weight != 1) {
    pb::UpdateWeightsRequest request;
    request.add_weights()->set_role(config.role);
    request.mutable_weights(0)->set_weight(1);
    return OperatorCall(request);
  }
  return OperatorCall(ForgetPolicy(config.role));
}

}  // namespace

template <typename Request>
OperatorCall OperatorDeeds::Named(Request request) {
  request.set_request_id(rng_.Uuid());
  return OperatorCall(request);
}

std::optional<OperatorCall> OperatorDeeds::Draw(const master::Books& books) {
  switch (rng_.Uniform(0, 10)) {
    case 0:
    case 1:
    case 2:
      return habits_.operations ? DrawOperation(books) : std::nullopt;
    case 3:
    case 4:
      if (habits_.claims && rng_.Chance(0.5)) return DrawClaim(books);
      return habits_.roles ? std::optional(DrawRole()) : std::nullopt;
    case 5:
    case 6:
      return habits_.orders ? DrawOrder(books) : std::nullopt;
    case 7:
    case 8:
      return habits_.maintenance ? DrawMaintenance(books) : std::nullopt;
    case 9:
      return habits_.kills ? DrawKill(books) : std::nullopt;
    default:
      return habits_.teardown ? DrawTeardown(books) : std::nullopt;
  }
}

const master::Agent* OperatorDeeds::DrawAgent(const master::Books& books) {
  std::vector<const master::Agent*> agents;
  for (const auto& [sequence, agent] : books.agents.all()) {
    if (agent->record.state != master::AgentState::kGone) agents.push_back(agent.get());
  }
  return agents.empty() ? nullptr : agents[rng_.Uniform(0, agents.size() - 1)];
}

std::optional<OperatorCall> OperatorDeeds::DrawOperation(const master::Books& books) {
  const master::Agent* agent = DrawAgent(books);
  if (agent == nullptr) return std::nullopt;
  const Resources reserved = agent->record.total.Reserved(kRole);
  if (reserved.empty() || rng_.Chance(0.4)) return DrawReserve(*agent);
  const Resource& picked = reserved.begin()[rng_.Uniform(0, reserved.size() - 1)];
  if (picked.is_persistent_volume()) return DrawVolume(*agent, picked);
  if (picked.name() != resources::ResourceName::Disk() || rng_.Chance(0.4)) {
    return Named(Unreserve(*agent, picked));
  }
  resources::Metadata metadata = *picked.metadata();
  metadata.disk = resources::Disk{
      .persistence =
          resources::Persistence{absl::StrCat("operator.", ++last_volume_), std::nullopt},
      .volume = resources::DiskVolume{"data", false},
      .source = std::nullopt};
  auto request = About<pb::CreateVolumesRequest>(*agent);
  wire::ResourcesToProto(picked.WithMetadata(resources::MetadataRef(std::move(metadata))),
                         request.mutable_volumes());
  return Named(std::move(request));
}

std::optional<OperatorCall> OperatorDeeds::DrawReserve(const master::Agent& agent) {
  // Some for frameworks, which undo it.
  const std::string& role =
      rng_.Chance(0.5) ? roles_[rng_.Uniform(0, roles_.size() - 1)] : std::string(kRole);
  const Resource amount = rng_.Chance(0.7) ? Amount(resources::ResourceName::Disk(), 16)
                                           : Amount(resources::ResourceName::Cpus(), 0.5);
  auto request = About<pb::ReserveResourcesRequest>(agent);
  wire::ResourcesToProto(Resources(amount).PushReservation({.role = role}),
                         request.mutable_resources());
  return Named(std::move(request));
}

std::optional<OperatorCall> OperatorDeeds::DrawVolume(const master::Agent& agent,
                                                      const Resource& volume) {
  const double dice = rng_.UniformDouble();
  if (dice < 0.4) return Named(Destroy(agent, volume));
  // Something has to be left of it.
  if (dice < 0.7 && volume.scalar().ToDouble() > kResizeMib) {
    auto request = About<pb::ShrinkVolumeRequest>(agent);
    *request.mutable_volume() = MessageOf(volume);
    request.set_subtract_mb(kResizeMib);
    return Named(std::move(request));
  }
  auto request = About<pb::GrowVolumeRequest>(agent);
  *request.mutable_volume() = MessageOf(volume);
  *request.mutable_addition() =
      MessageOf(*Resources(Amount(resources::ResourceName::Disk(), kResizeMib))
                     .PushReservation({.role = kRole})
                     .begin());
  return Named(std::move(request));
}

OperatorCall OperatorDeeds::DrawRole() {
  const std::string& role = roles_[rng_.Uniform(0, roles_.size() - 1)];
  const double dice = rng_.UniformDouble();
  if (dice < 0.4) return Named(DrawQuota(role, &rng_));
  if (dice < 0.5) return Named(DrawWeight(role, &rng_));
  return Named(DrawPolicy(role, &rng_));
}

OperatorCall OperatorDeeds::DrawClaim(const master::Books& books) {
  if (roles_.size() > 1 && rng_.Chance(0.5)) return Named(AllPreemptible(roles_));
  return Named(DrawGuarantee(roles_, books, &rng_));
}

std::optional<OperatorCall> OperatorDeeds::DrawKill(const master::Books& books) {
  if (books.tasks.all().empty()) return std::nullopt;
  auto task = books.tasks.all().begin();
  std::advance(task, rng_.Uniform(0, books.tasks.size() - 1));
  pb::KillTaskRequest request;
  // Frameworks of a simulation give their tasks different names.
  if (rng_.Chance(0.7)) {
    request.mutable_framework_id()->set_value(task->second->framework_id().value());
  }
  request.mutable_task_id()->set_value(task->second->id().value());
  if (rng_.Chance(0.5)) {
    const absl::Duration grace = absl::Milliseconds(rng_.Uniform(0, 3000));
    request.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
        absl::ToInt64Nanoseconds(grace));
  }
  return Named(std::move(request));
}

std::optional<OperatorCall> OperatorDeeds::DrawOrder(const master::Books& books) {
  const master::Agent* agent = DrawAgent(books);
  if (agent == nullptr) return std::nullopt;
  if (agent->record.orders.deactivated && rng_.Chance(0.5)) {
    return Named(About<pb::ReactivateAgentRequest>(*agent));
  }
  const double dice = rng_.UniformDouble();
  if (dice < 0.3) return Named(About<pb::DeactivateAgentRequest>(*agent));
  if (dice > 0.95) return Named(About<pb::MarkAgentGoneRequest>(*agent));
  auto request = About<pb::DrainAgentRequest>(*agent);
  if (rng_.Chance(0.5)) {
    const absl::Duration grace = absl::Milliseconds(rng_.Uniform(0, 3000));
    request.mutable_max_grace_period()->set_nanoseconds(absl::ToInt64Nanoseconds(grace));
  }
  request.set_mark_gone(rng_.Chance(0.15));
  if (rng_.Chance(0.4)) {  // frameworks are asked first
    const absl::Duration delay = absl::Milliseconds(rng_.Uniform(0, 20000));
    request.mutable_max_delay()->set_nanoseconds(absl::ToInt64Nanoseconds(delay));
  }
  return Named(std::move(request));
}

std::optional<OperatorCall> OperatorDeeds::DrawMaintenance(const master::Books& books) {
  const master::MaintenancePlan& plan = *books.maintenance.plan;
  if (!plan.windows().empty() && rng_.Chance(0.7)) {
    const auto& machines = plan.windows().front().machines;
    const std::string& hostname = machines[rng_.Uniform(0, machines.size() - 1)].hostname;
    if (rng_.Chance(0.5)) {
      pb::StartMaintenanceRequest request;
      request.add_machines()->set_hostname(hostname);
      return Named(std::move(request));
    }
    pb::StopMaintenanceRequest request;
    request.add_machines()->set_hostname(hostname);
    return Named(std::move(request));
  }
  const master::Agent* agent = DrawAgent(books);
  if (agent == nullptr) return std::nullopt;
  pb::UpdateMaintenanceScheduleRequest request;
  v1::maintenance::Window* window = request.mutable_schedule()->add_windows();
  *window->add_machine_ids() = MachineOf(*agent);
  window->mutable_unavailability()->mutable_start()->set_nanoseconds(
      absl::ToInt64Nanoseconds(absl::Hours(rng_.Uniform(1, 3))));
  return Named(std::move(request));
}

std::optional<OperatorCall> OperatorDeeds::DrawTeardown(const master::Books& books) {
  if (books.frameworks.all().empty()) return std::nullopt;
  auto framework = books.frameworks.all().begin();
  std::advance(framework, rng_.Uniform(0, books.frameworks.all().size() - 1));
  pb::TeardownRequest request;
  request.mutable_framework_id()->set_value(framework->second->record.id.value());
  return Named(std::move(request));
}

std::optional<OperatorCall> OperatorDeeds::Undo(const master::Books& books) {
  if (!books.roles.all().empty()) return Forget(*books.roles.all().begin()->second);
  const master::MaintenancePlan& plan = *books.maintenance.plan;
  if (const auto down = plan.Down(); !down.empty()) {
    pb::StopMaintenanceRequest request;
    request.add_machines()->set_hostname(down.begin()->hostname);
    return OperatorCall(request);
  }
  if (!plan.windows().empty()) {
    pb::UpdateMaintenanceScheduleRequest request;
    request.mutable_schedule();
    return OperatorCall(request);
  }
  for (const auto& [sequence, agent] : books.agents.all()) {
    const bool is_gone = agent->record.state == master::AgentState::kGone;
    if (agent->record.orders.deactivated && !is_gone) {
      return OperatorCall(About<pb::ReactivateAgentRequest>(*agent));
    }
  }
  for (const auto& [sequence, agent] : books.agents.all()) {
    if (!agent->is_active()) continue;
    for (const Resource& reserved : agent->record.total.Reserved(kRole)) {
      return reserved.is_persistent_volume() ? OperatorCall(Destroy(*agent, reserved))
                                             : OperatorCall(Unreserve(*agent, reserved));
    }
  }
  return std::nullopt;
}

}  // namespace meros::simulation

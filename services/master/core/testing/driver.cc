#include "services/master/core/testing/driver.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace meros::master::testing {

Subscription SubscriptionOf(const AFramework& framework) {
  auto info = std::make_shared<v1::FrameworkInfo>();
  info->set_name(framework.name);
  info->set_user("nobody");
  if (!framework.id.empty()) info->mutable_id()->set_value(framework.id);
  if (!framework.principal.empty()) info->set_principal(framework.principal);
  Subscription subscription;
  subscription.info = std::move(info);
  subscription.roles = framework.roles;
  subscription.failover_timeout = framework.failover_timeout;
  subscription.partition_aware = framework.partition_aware;
  subscription.shared_resources = framework.shared_resources;
  return subscription;
}

AgentDescription DescriptionOf(const std::string& key, const resources::Resources& total,
                               const std::string& id) {
  auto info = std::make_shared<v1::AgentInfo>();
  info->set_hostname("host-" + key);
  if (!id.empty()) info->mutable_id()->set_value(id);
  AgentDescription description;
  description.info = std::move(info);
  description.registration_key = key;
  description.version = "0.1.0";
  description.total = total;
  using Capability = v1::AgentInfo::Capability;
  description.capabilities = {Capability::MULTI_ROLE,
                              Capability::HIERARCHICAL_ROLE,
                              Capability::RESERVATION_REFINEMENT,
                              Capability::RESIZE_VOLUME,
                              Capability::AGENT_OPERATION_FEEDBACK,
                              Capability::AGENT_DRAINING,
                              Capability::TASK_RESOURCE_LIMITS};
  return description;
}

TaskLaunch ATask(const std::string& id, const std::string& agent_id,
                 const resources::Resources& resources) {
  TaskLaunch task;
  task.id = TaskId(id);
  task.agent_id = AgentId(agent_id);
  task.resources = resources;
  task.info = std::make_shared<v1::TaskInfo>();
  task.info->mutable_task_id()->set_value(id);
  task.info->mutable_agent_id()->set_value(agent_id);
  return task;
}

ReportedTask AReportedTask(const std::string& id, const std::string& framework_id,
                           v1::TaskState state, const resources::Resources& resources) {
  ReportedTask task;
  task.id = TaskId(id);
  task.framework_id = FrameworkId(framework_id);
  task.role = "*";
  task.resources = resources;
  task.state = state;
  return task;
}

void CoreDriver::Step(Input input, EffectList* out) {
  const size_t before = out->size();
  core_.Step(now_, std::move(input), out);
  core_.CheckInvariants();
  for (size_t i = before; i < out->size(); ++i) {
    if (const auto* write = std::get_if<WriteRegistry>(&(*out)[i])) {
      open_writes_.push_back(write->token);
    }
  }
}

std::vector<std::string> CoreDriver::Do(Input input) {
  effects_.clear();
  Step(std::move(input), &effects_);
  return Trace(effects_);
}

std::vector<std::string> CoreDriver::Advance(absl::Duration by) {
  effects_.clear();
  const absl::Time end = now_ + by;
  while (core_.NextDeadline() <= end) {
    now_ = std::max(now_, core_.NextDeadline());
    EffectList step;
    Step(runtime::Tick{}, &step);
    // Answered when all of the step is done, as a registry would.
    std::optional<RenewLease> renewal;
    for (Effect& effect : step) {
      if (const auto* renew = std::get_if<RenewLease>(&effect); renew && registry_answers_) {
        renewal = *renew;
        continue;
      }
      effects_.push_back(std::move(effect));
    }
    if (!renewal.has_value()) continue;
    Step(LeaseAnswer{renewal->attempt, LeaseAnswer::Kind::kGranted, renewal->epoch, renewal->ttl,
                     ""},
         &effects_);
  }
  now_ = end;
  return Trace(effects_);
}

void CoreDriver::Lead(uint64_t epoch, RegistrySnapshot snapshot) {
  epoch_ = epoch;
  effects_.clear();
  while (core_.leadership() != LeadershipState::kAcquiring) {
    now_ = std::max(now_, core_.NextDeadline());
    Step(runtime::Tick{}, &effects_);
  }
  uint64_t attempt = 0;
  for (const Effect& effect : effects_) {
    if (const auto* acquire = std::get_if<AcquireLease>(&effect)) attempt = acquire->attempt;
  }
  Step(LeaseAnswer{attempt, LeaseAnswer::Kind::kGranted, epoch, options_.lease_ttl, ""}, &effects_);
  snapshot.epoch = epoch;
  Step(std::move(snapshot), &effects_);
  MEROS_CHECK(core_.leadership() == LeadershipState::kLeading);
}

std::vector<std::string> CoreDriver::CommitWrites(absl::Status status) {
  effects_.clear();
  while (!open_writes_.empty()) {
    std::vector<uint64_t> tokens;
    tokens.swap(open_writes_);
    for (uint64_t token : tokens) Step(RegistryWritten{token, status, AgentId()}, &effects_);
    if (!status.ok()) break;
  }
  return Trace(effects_);
}

std::vector<std::string> CoreDriver::Subscribe(StreamId stream, const AFramework& framework) {
  return Do(master::Subscribe{stream, FrameworkId(framework.id), SubscriptionOf(framework), ""});
}

std::vector<std::string> CoreDriver::Register(StreamId stream, const std::string& key,
                                              const resources::Resources& total) {
  std::vector<std::string> lines = Do(AgentRegister{stream, DescriptionOf(key, total)});
  for (std::string& line : CommitWrites()) lines.push_back(std::move(line));
  return lines;
}

std::vector<std::string> CoreDriver::ConnectAllocator(StreamId stream) {
  return Do(AllocatorConnected{stream});
}

std::vector<std::string> CoreDriver::Propose(uint64_t id, const std::string& framework,
                                             const std::string& agent,
                                             const resources::Resources& resources,
                                             const std::string& role) {
  Proposal proposal{id, FrameworkId(framework), role, AgentId(agent), resources, absl::OkStatus()};
  return Do(AllocatorProposals{books().allocator_stream, {std::move(proposal)}});
}

std::vector<std::string> CoreDriver::ProposeGang(uint64_t id, const std::string& framework,
                                                 const std::string& gang,
                                                 const std::vector<std::string>& agents,
                                                 const resources::Resources& each) {
  GangProposal proposal{gang, FrameworkId(framework), "*", {}};
  for (const std::string& agent : agents) {
    proposal.parts.push_back(
        {id++, FrameworkId(framework), "*", AgentId(agent), each, absl::OkStatus()});
  }
  return Do(AllocatorProposals{books().allocator_stream, {}, {std::move(proposal)}});
}

std::vector<std::string> CoreDriver::Call(StreamId stream, const std::string& framework,
                                          SchedulerCall::Body body, uint64_t call,
                                          const std::string& request_id) {
  return Do(SchedulerCall{stream, call, FrameworkId(framework), request_id, "", std::move(body)});
}

std::vector<std::string> CoreDriver::Teardown(const std::string& framework, uint64_t call) {
  std::vector<std::string> lines = Call(0, framework, TeardownCall{}, call);
  for (std::string& line : CommitWrites()) lines.push_back(std::move(line));
  return lines;
}

std::vector<std::string> CoreDriver::Update(StreamId stream, const std::string& framework,
                                            const std::string& task, v1::TaskState state,
                                            const std::string& uuid) {
  auto status = std::make_shared<v1::TaskStatus>();
  status->mutable_task_id()->set_value(task);
  status->set_state(state);
  status->set_uuid(uuid);
  return Do(AgentStatusUpdate{stream, FrameworkId(framework), TaskId(task), status, state});
}

uint64_t CoreDriver::Counts(Count what) const {
  uint64_t counts = 0;
  for (const Effect& effect : effects_) {
    const auto* counted = std::get_if<Counted>(&effect);
    if (counted != nullptr && counted->what == what) counts += counted->by;
  }
  return counts;
}

OfferId CoreDriver::Offer(uint64_t sequence) const {
  const master::Offer* offer = books().offers.Find(sequence);
  return offer == nullptr ? OfferId() : offer->id;
}

}  // namespace meros::master::testing

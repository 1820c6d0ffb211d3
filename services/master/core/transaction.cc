#include "services/master/core/transaction.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace meros::master {
namespace {

// Before another tombstone is tried.
constexpr absl::Duration kWaitAfterRefusedRemoval = absl::Minutes(1);

std::string ObjectKey(const FrameworkId& id) { return absl::StrCat("framework/", id.value()); }

// What readers forget with a removed framework: its history, too.
template <typename PublishChange>
void ForgetCompleted(const Framework& framework, PublishChange publish) {
  const FrameworkId& id = framework.record.id;
  for (const Task& task : framework.completed) publish(TaskRemoved{id, task.id(), task.sequence()});
  for (const auto& task : framework.unreachable) {
    publish(TaskRemoved{id, task->id(), task->sequence()});
  }
  publish(FrameworkRemoved{id});
}

}  // namespace

// ---- Frameworks ----

Framework* Transaction::AddFramework(FrameworkRecord record) {
  Framework* framework = books_.frameworks.Insert(std::move(record), options_.max_request_ids);
  if (framework->record.failover_deadline < absl::InfiniteFuture()) {
    books_.timers.Arm(framework->record.failover_deadline,
                      FrameworkFailoverTimer{framework->record.id});
  }
  TellAllocator(Describe(*framework));
  PublishFramework(*framework);
  return framework;
}

void Transaction::ConnectFramework(Framework* framework, StreamId stream) {
  if (framework->stream != 0) {
    EndOffersOf(framework, Rescind::kSilently);
    EndGangsOf(*framework);
    Send(framework->stream, ErrorEvent{"Framework failed over"});
    Close(framework->stream, absl::AbortedError("Framework failed over"));
  }
  framework->unanswered_since = absl::InfiniteFuture();
  books_.frameworks.SetStream(framework, stream);
  books_.frameworks.SetState(framework, FrameworkState::kConnected);
  framework->record.failover_deadline = absl::InfiniteFuture();
  TellAllocator(Describe(*framework));
  PublishFramework(*framework);
}

void Transaction::DisconnectFramework(Framework* framework) {
  EndOffersOf(framework, Rescind::kSilently);
  EndGangsOf(*framework);
  books_.frameworks.SetStream(framework, 0);
  if (framework->is_removing()) return;
  WaitForFramework(framework, framework->record.subscription.failover_timeout);
  TellAllocator(Describe(*framework));
  RecordFramework(*framework);
  PublishFramework(*framework);
}

void Transaction::UpdateSubscription(Framework* framework, Subscription subscription) {
  framework->record.subscription = std::move(subscription);
  const std::vector<uint64_t> offers(framework->offers.begin(), framework->offers.end());
  for (uint64_t sequence : offers) {
    const Offer* offer = books_.offers.Find(sequence);
    if (framework->record.subscription.HasRole(offer->role)) continue;
    EndOffer(*offer, Rescind::kTellFramework, absl::ZeroDuration());
  }
  EndGangsOfLeftRoles(*framework);
  TellAllocator(Describe(*framework));
  PublishFramework(*framework);
}

void Transaction::WaitForFramework(Framework* framework, absl::Duration timeout) {
  books_.frameworks.SetState(framework, FrameworkState::kDisconnected);
  framework->record.failover_deadline = now_ + timeout;
  books_.timers.Arm(framework->record.failover_deadline,
                    FrameworkFailoverTimer{framework->record.id});
}

void Transaction::BeginRemoval(Framework* framework) {
  EndOffersOf(framework, Rescind::kSilently);
  EndGangsOf(*framework);
  books_.frameworks.SetState(framework, FrameworkState::kRemoving);
  framework->record.failover_deadline = absl::InfiniteFuture();
  TellAllocator(Describe(*framework));
  PublishFramework(*framework);
  const FrameworkId& id = framework->record.id;
  Write(ObjectKey(id), RemoveFrameworkRecord{id}, FrameworkRemovedAfter{id});
}

void Transaction::CancelRemoval(Framework* framework) {
  if (framework->stream != 0) {
    books_.frameworks.SetState(framework, FrameworkState::kConnected);
  } else {
    WaitForFramework(framework, std::max(framework->record.subscription.failover_timeout,
                                         kWaitAfterRefusedRemoval));
  }
  TellAllocator(Describe(*framework));
  PublishFramework(*framework);
}

void Transaction::RemoveFramework(Framework* framework, const absl::Status& status) {
  const FrameworkId id = framework->record.id;
  EndOffersOf(framework, Rescind::kSilently);
  EndGangsOf(*framework);
  AbandonOperationsOf(id);
  if (framework->stream != 0) {
    Send(framework->stream, ErrorEvent{std::string(status.message())});
    Close(framework->stream, status);
    books_.frameworks.SetStream(framework, 0);
  }
  for (const auto& [sequence, agent] : books_.agents.all()) {
    if (agent->is_live()) Tell(*agent, ShutdownFrameworkMessage{id});
  }
  while (!framework->tasks.empty()) EndRemoved(framework->tasks.begin()->second);
  EndRemovedUnreachable(framework);
  while (!framework->executors.empty()) {
    const auto [agent_id, executor_id] = *framework->executors.begin();
    RemoveExecutor(books_.agents.Find(agent_id), {id, executor_id});
  }
  ForgetAnswersOf(id);
  TellAllocator(RemoveFrameworkDelta{id});
  framework->record.unregistered = now_;
  framework->record.failover_deadline = absl::InfiniteFuture();
  std::unique_ptr<Framework> completed = books_.frameworks.Complete(id);
  while (books_.frameworks.removed() > options_.max_removed_frameworks) {
    const FrameworkId oldest = books_.frameworks.ForgetOldestRemoved();
    Write(ObjectKey(oldest), ForgetFrameworkRecord{oldest}, NothingAfter{});
  }
  PublishFramework(*completed);
  books_.completed_frameworks.push_back(std::move(completed));
  while (books_.completed_frameworks.size() > options_.max_completed_frameworks) {
    ForgetCompleted(*books_.completed_frameworks.front(),
                    [this](auto change) { Publish(std::move(change)); });
    books_.completed_frameworks.pop_front();
  }
}

void Transaction::RecordFramework(const Framework& framework) {
  Write(ObjectKey(framework.record.id),
        PutFrameworkRecord{framework.record.id, framework.record.subscription.info,
                           framework.record.subscription.roles,
                           framework.record.subscription.failover_timeout,
                           framework.record.registered, framework.record.failover_deadline},
        NothingAfter{});
}

// ---- Agents ----

Agent* Transaction::AddAgent(AgentRecord record) {
  record.unavailability = PlannedFor(record, *books_.maintenance.plan);
  Agent* agent = books_.agents.Insert(std::move(record));
  PublishAgent(*agent);
  return agent;
}

void Transaction::SetAgentState(Agent* agent, AgentState state) {
  const bool was_live = agent->is_live();
  const bool might_offer = agent->may_offer();
  books_.agents.SetState(agent, state);
  if (!agent->is_live()) ReleaseEnding(agent);
  if (state != AgentState::kDisconnected) books_.late_agents.Remove(agent);
  if (agent->is_live() && (!was_live || might_offer != agent->may_offer())) {
    TellAllocator(Describe(*agent));
  } else if (was_live && !agent->is_live()) {
    EndInverseOffersOf(*agent);
    TellAllocator(RemoveAgentDelta{agent->record.id});
  }
  PublishAgent(*agent);
}

void Transaction::SetAgentOrders(Agent* agent, AgentOrders orders) {
  const bool might_offer = agent->may_offer();
  agent->record.orders = std::move(orders);
  if (might_offer != agent->may_offer()) TellAllocator(Describe(*agent));
  PublishAgent(*agent);
}

void Transaction::SetAgentTotal(Agent* agent, resources::Resources total) {
  if (agent->record.total == total) return;
  agent->record.total = std::move(total);
  if (agent->is_live()) TellAllocator(Describe(*agent));
  PublishAgent(*agent);
}

void Transaction::EraseAgent(Agent* agent) {
  const AgentId id = agent->record.id;
  ReleaseEnding(agent);
  EndInverseOffersOf(*agent);
  if (agent->is_live()) TellAllocator(RemoveAgentDelta{id});
  books_.late_agents.Remove(agent);
  books_.agents.Erase(id);
  books_.stale_agents.erase(id);
  Publish(AgentRemoved{id});
}

// ---- Talking ----

void Transaction::Send(StreamId stream, ToScheduler::Event&& event) {
  out_.emplace_back(ToScheduler{stream, std::move(event)});
}

void Transaction::Tell(const Framework& framework, ToScheduler::Event&& event) {
  if (framework.stream == 0) return;
  CountEvent(framework, event);
  Send(framework.stream, std::move(event));
}

void Transaction::Send(StreamId stream, ToAgent::Message&& message) {
  out_.emplace_back(ToAgent{stream, std::move(message)});
}

void Transaction::Tell(const Agent& agent, ToAgent::Message&& message) {
  if (agent.stream != 0 && agent.is_active()) Send(agent.stream, std::move(message));
}

void Transaction::TellAllocator(ToAllocator::Message&& delta) {
  if (books_.allocator_stream == 0) return;
  out_.emplace_back(
      ToAllocator{books_.allocator_stream, ++books_.allocator_version, std::move(delta)});
}

void Transaction::SendAllocator(ToAllocator::Message&& message) {
  out_.emplace_back(ToAllocator{books_.allocator_stream, 0, std::move(message)});
}

std::shared_ptr<v1::TaskStatus> Transaction::MakeStatus(const TaskId& task_id,
                                                        const AgentId& agent_id,
                                                        v1::TaskState state,
                                                        v1::TaskStatus::Reason reason,
                                                        const std::string& message) const {
  auto status = std::make_shared<v1::TaskStatus>();
  status->mutable_task_id()->set_value(task_id.value());
  if (!agent_id.empty()) status->mutable_agent_id()->set_value(agent_id.value());
  status->set_state(state);
  status->set_source(v1::TaskStatus::SOURCE_MASTER);
  status->set_reason(reason);
  if (!message.empty()) status->set_message(message);
  status->set_timestamp(absl::ToDoubleSeconds(now_ - absl::UnixEpoch()));
  return status;
}

void Transaction::Close(StreamId stream, absl::Status status) {
  out_.emplace_back(CloseStream{stream, std::move(status)});
}

void Transaction::Answer(uint64_t call, absl::Status status) {
  if (!status.ok()) Add(Count::kFailedCalls);
  if (call != 0) out_.emplace_back(Reply{call, std::move(status)});
}

void Transaction::Write(std::string key, RegistryRecord record, AfterWrite after) {
  books_.registry.Enqueue(std::move(key), std::move(record), std::move(after), epoch_, &out_);
}

std::optional<AfterWrite> Transaction::FinishWrite(uint64_t token) {
  return books_.registry.Finish(token, epoch_, &out_);
}

void Transaction::RetryWrite(uint64_t token) {
  std::optional<absl::Duration> delay = books_.registry.Delay(token, &rng_);
  if (delay.has_value()) books_.timers.Arm(now_ + *delay, RegistryRetryTimer{token});
}

void Transaction::ResendWrite(uint64_t token) { books_.registry.Resend(token, epoch_, &out_); }

void Transaction::Add(Count what, uint64_t by) { out_.emplace_back(Counted{what, by}); }

void Transaction::Publish(Publish::Change&& change) {
  out_.emplace_back(master::Publish{++revision_, std::move(change)});
}

void Transaction::PublishAgent(const Agent& agent) {
  Publish(std::make_shared<const AgentRecord>(agent.record));
}

void Transaction::PublishFramework(const Framework& framework) {
  Publish(std::make_shared<const FrameworkRecord>(framework.record));
}

void Transaction::PublishTask(const Task& task, bool completed) {
  Publish(TaskChanged{task, completed});
}

void Transaction::PublishRole(RoleConfigRef config) { Publish(RoleChanged{std::move(config)}); }

void Transaction::PublishMaintenance(MaintenanceRef plan) {
  Publish(MaintenanceChanged{std::move(plan)});
}

void Transaction::PublishLeadership(LeadershipRecord record) { Publish(std::move(record)); }

void Transaction::PublishCleared() { Publish(Cleared{}); }

UpsertAgentDelta Transaction::Describe(const Agent& agent) const {
  resources::Resources total = agent.record.total;
  // A shared volume stays: others may use it at the same time.
  for (const auto& [key, task] : agent.ending) total -= task.resources.NonShared();
  return {agent.record.id, agent.record.info, std::move(total), agent.may_offer(),
          agent.record.unavailability};
}

UpsertFrameworkDelta Transaction::Describe(const Framework& framework) const {
  return {framework.record.id, framework.is_connected(), framework.record.subscription};
}

}  // namespace meros::master

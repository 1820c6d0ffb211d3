// Offers, tasks and executors: who holds which resources of which agent.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/tasks/task_state.h"
#include "services/master/core/task_state.h"
#include "services/master/core/transaction.h"

namespace meros::master {
namespace {

// How long readers may see old amounts: 20 refreshes a second suffice for people and dashboards.
constexpr absl::Duration kUsageInterval = absl::Milliseconds(50);

void CopyProgress(const ReportedTask& reported, Task* task) {
  task->state = reported.state;
  task->forwarded_state = reported.forwarded_state;
  task->forwarded_uuid = UpdateUuid(reported.forwarded_uuid);
  task->statuses = reported.statuses;
  task->end_is_due = tasks::IsTerminal(reported.state);
}

// As the present allocator knows it; numbers of earlier sessions mean nothing to it.
uint64_t ProposalOf(const Offer& offer, const Books& books) {
  return offer.allocator_stream == books.allocator_stream ? offer.proposal_id : 0;
}

}  // namespace

void Transaction::MarkUsage(const AgentId& agent_id, const FrameworkId& framework_id) {
  ArmUsage();
  books_.stale_agents.insert(agent_id);
  books_.stale_frameworks.insert(framework_id);
}

void Transaction::ArmUsage() {
  if (!books_.stale_agents.empty() || !books_.stale_frameworks.empty()) return;
  if (books_.counting.is_stale) return;
  books_.timers.Arm(now_ + kUsageInterval, PublishUsageTimer{});
}

void Transaction::PublishUsage() {
  for (const AgentId& id : books_.stale_agents) {
    const Agent* agent = books_.agents.Find(id);
    if (agent == nullptr) continue;
    Publish(std::make_shared<const AgentUsage>(
        AgentUsage{id, agent->record.used, agent->record.offered}));
  }
  for (const FrameworkId& id : books_.stale_frameworks) {
    const Framework* framework = books_.frameworks.Find(id);
    if (framework == nullptr) continue;
    FrameworkUsage usage{id, framework->usage, nullptr};
    if (std::exchange(framework->counting->is_stale, false)) {
      usage.counts = std::make_shared<const FrameworkCounts>(framework->counting->counts);
    }
    Publish(std::move(usage));
  }
  if (std::exchange(books_.counting.is_stale, false)) {
    Publish(CountsChanged{std::make_shared<const ClusterCounts>(books_.counting.counts)});
  }
  books_.stale_agents.clear();
  books_.stale_frameworks.clear();
}

void Transaction::Charge(Framework* framework, const std::string& role, Holding kind,
                         const resources::Resources& resources) {
  RoleUsage& usage = framework->usage[role];
  (kind == Holding::kUsed ? usage.used : usage.offered) += resources.Quantities();
}

void Transaction::Discharge(Framework* framework, const std::string& role, Holding kind,
                            const resources::Resources& resources) {
  auto it = framework->usage.find(role);
  MEROS_CHECK(it != framework->usage.end()) << framework->record.id << " " << role;
  (kind == Holding::kUsed ? it->second.used : it->second.offered) -= resources.Quantities();
  if (it->second.empty()) framework->usage.erase(it);
}

// ---- Offers ----

OfferRef Transaction::MakeOffer(Framework* framework, Agent* agent, const std::string& role,
                                resources::Resources resources, uint64_t proposal_id,
                                const std::string& gang_id) {
  auto offer = std::make_shared<Offer>();
  offer->gang_id = gang_id;
  offer->proposal_id = proposal_id;
  offer->allocator_stream = books_.allocator_stream;
  offer->sequence = books_.next_offer_sequence++;
  offer->id = OfferId(absl::StrCat("O", offer->sequence, "-", rng_.Uuid()));
  offer->framework_id = framework->record.id;
  offer->role = role;
  offer->agent_id = agent->record.id;
  offer->made = now_;
  offer->expires = now_ + books_.roles.OfferTimeout(role, options_.offer_timeout);
  offer->agent_info = agent->record.info;
  offer->agent_ip = agent->record.ip;
  offer->unavailability = agent->record.unavailability;
  auto executor = agent->executors.lower_bound({framework->record.id, ExecutorId()});
  for (; executor != agent->executors.end(); ++executor) {
    if (executor->first.first != framework->record.id) break;
    offer->executors.push_back(executor->first.second);
  }
  agent->record.offered += resources;
  Charge(framework, role, Holding::kOffered, resources);
  TellAllocator(AllocateDelta{offer->framework_id, role, offer->agent_id, resources, proposal_id,
                              /*offers=*/1});
  offer->resources = std::move(resources);
  agent->offers.insert(offer->sequence);
  framework->offers.insert(offer->sequence);
  books_.offers.Insert(offer);
  Publish(OfferRef(offer));
  framework->unanswered_since = std::min(framework->unanswered_since, now_);
  ArmOfferExpiry();
  CountOffer(*framework, &OfferCounts::sent);
  MarkUsage(offer->agent_id, offer->framework_id);
  return offer;
}

void Transaction::ArmOfferExpiry() {
  const Offer* first = books_.offers.FirstToExpire();
  if (first == nullptr || first->expires >= books_.offer_expiry_armed) return;
  books_.offer_expiry_armed = first->expires;
  books_.timers.Arm(first->expires, OfferExpiryTimer{});
}

void Transaction::NoteAnswer(Framework* framework) {
  framework->unanswered_since = framework->offers.empty() ? absl::InfiniteFuture() : now_;
}

void Transaction::UnlinkOffer(const Offer& offer) {
  Framework* framework = books_.frameworks.Find(offer.framework_id);
  Agent* agent = books_.agents.Find(offer.agent_id);
  MEROS_CHECK(framework != nullptr && agent != nullptr) << offer.id;
  agent->record.offered -= offer.resources;
  Discharge(framework, offer.role, Holding::kOffered, offer.resources);
  agent->offers.erase(offer.sequence);
  framework->offers.erase(offer.sequence);
  MarkUsage(offer.agent_id, offer.framework_id);
  Publish(OfferEnded{offer.sequence});
  books_.offers.Erase(offer.sequence);  // last: `offer` may live there
}

void Transaction::EndOffer(const Offer& offer, Rescind rescind, absl::Duration refuse) {
  const Framework* framework = books_.frameworks.Find(offer.framework_id);
  if (rescind == Rescind::kTellFramework) {
    Tell(*framework, RescindEvent{offer.id});
    CountOffer(*framework, &OfferCounts::rescinded);
  }
  TellAllocator(RecoverDelta{offer.framework_id, offer.role, offer.agent_id, offer.resources,
                             refuse, ProposalOf(offer, books_), /*offers=*/1});
  UnlinkOffer(offer);
}

void Transaction::EndOffersOf(Agent* agent) {
  while (!agent->offers.empty()) {
    EndOffer(*books_.offers.Find(*agent->offers.begin()), Rescind::kTellFramework,
             absl::ZeroDuration());
  }
}

void Transaction::EndOffersOf(Framework* framework, Rescind rescind) {
  EndInverseOffersOf(*framework, rescind);
  while (!framework->offers.empty()) {
    EndOffer(*books_.offers.Find(*framework->offers.begin()), rescind, absl::ZeroDuration());
  }
}

resources::Resources Transaction::SpendOffer(const Offer& offer) {
  resources::Resources spent = offer.resources;
  CountOffer(*books_.frameworks.Find(offer.framework_id), &OfferCounts::accepted);
  // The resources stay with the framework; that they are not on offer any more is told here.
  TellAllocator(RecoverDelta{offer.framework_id,
                             offer.role,
                             offer.agent_id,
                             {},
                             absl::ZeroDuration(),
                             ProposalOf(offer, books_),
                             /*offers=*/1});
  UnlinkOffer(offer);
  return spent;
}

void Transaction::ReturnSpent(const FrameworkId& framework_id, const std::string& role,
                              const AgentId& agent_id, const resources::Resources& resources,
                              absl::Duration refuse) {
  if (resources.empty()) return;
  TellAllocator(RecoverDelta{framework_id, role, agent_id, resources, refuse});
}

// ---- Tasks ----

Task* Transaction::InsertTask(Framework* framework, Agent* agent, TaskFacts facts) {
  facts.framework_id = framework->shared_id;
  facts.agent_id = agent->shared_id;
  facts.entered = now_;
  Task* task = books_.tasks.Insert(std::move(facts));
  framework->task_by_id.insert(task);
  framework->tasks.emplace_hint(framework->tasks.end(), task->sequence(), task);
  agent->tasks.emplace_hint(agent->tasks.end(), task->sequence(), task);
  return task;
}

void Transaction::HoldResources(Task* task, Framework* framework, Agent* agent) {
  task->holds_resources = true;
  agent->record.used += task->resources();
  Charge(framework, task->role(), Holding::kUsed, task->resources());
  MarkUsage(task->agent_id(), task->framework_id());
}

Task* Transaction::LaunchTask(Framework* framework, Agent* agent, const std::string& role,
                              const TaskLaunch& launch) {
  TaskBook& book = books_.tasks;
  TaskFacts facts;
  facts.id = launch.id;
  facts.executor_id = book.Share(launch.executor_id);
  facts.role = book.Share(role);
  facts.resources = book.Share(launch.resources);
  facts.name = book.Share(launch.info->name());
  facts.description = book.Share(DescribeTask(*launch.info));
  Task* task = InsertTask(framework, agent, std::move(facts));
  HoldResources(task, framework, agent);
  PublishTask(*task, /*completed=*/false);
  return task;
}

TaskFacts Transaction::FactsOf(const ReportedTask& reported) {
  TaskBook& book = books_.tasks;
  TaskFacts facts;
  facts.id = reported.id;
  facts.executor_id = book.Share(reported.executor_id);
  facts.role = book.Share(reported.role);
  facts.resources = book.Share(reported.resources);
  facts.name = book.Share(reported.name);
  facts.description = book.Share(reported.description);
  return facts;
}

Task* Transaction::AddReportedTask(Framework* framework, Agent* agent,
                                   const ReportedTask& reported) {
  auto unreachable = framework->unreachable_by_id.find(reported.id);
  if (unreachable != framework->unreachable_by_id.end()) {
    auto& line = framework->unreachable;
    line.erase(std::find(line.begin(), line.end(), unreachable->second));
    Publish(TaskRemoved{framework->record.id, reported.id, unreachable->second->sequence()});
    framework->unreachable_by_id.erase(unreachable);
  }
  auto& history = framework->completed;
  auto completed = std::find_if(history.begin(), history.end(),
                                [&](const Task& task) { return task.id() == reported.id; });
  if (completed != history.end()) {
    Publish(TaskRemoved{framework->record.id, reported.id, completed->sequence()});
    history.erase(completed);
  }

  Task* task = InsertTask(framework, agent, FactsOf(reported));
  CopyProgress(reported, task);
  if (!tasks::IsTerminal(reported.state) && agent->record.Free().Contains(reported.resources)) {
    HoldResources(task, framework, agent);
  }
  PublishTask(*task, /*completed=*/false);
  return task;
}

void Transaction::ReleaseTask(Task* task, Framework* framework, Agent* agent) {
  if (!task->holds_resources) return;
  task->holds_resources = false;
  agent->record.used -= task->resources();
  Discharge(framework, task->role(), Holding::kUsed, task->resources());
  TellAllocator(RecoverDelta{task->framework_id(), task->role(), task->agent_id(),
                             task->resources(), absl::ZeroDuration()});
  MarkUsage(task->agent_id(), task->framework_id());
}

bool Transaction::SetTaskState(Task* task, v1::TaskState state, const v1::TaskStatus* status) {
  if (state != task->state && !MayFollow(task->state, state)) {
    Add(Count::kForbiddenTransitions);
    return false;
  }
  const bool is_over = tasks::IsTerminal(state);
  if (state != task->state && (is_over || state == v1::TASK_UNREACHABLE)) {
    CountEnd(*books_.frameworks.Find(task->framework_id()), state, status);
  }
  task->state = state;
  if (status != nullptr) task->statuses.Add(*status);
  if (is_over) {
    ReleaseTask(task, books_.frameworks.Find(task->framework_id()),
                books_.agents.Find(task->agent_id()));
  }
  PublishTask(*task, /*completed=*/false);
  return true;
}

void Transaction::SetForwarded(Task* task, v1::TaskState state, absl::string_view uuid) {
  task->forwarded_state = state;
  task->forwarded_uuid = UpdateUuid(uuid);
  if (tasks::IsTerminal(state)) task->end_is_due = false;
}

void Transaction::DropTask(Task* task) {
  Framework* framework = books_.frameworks.Find(task->framework_id());
  Agent* agent = books_.agents.Find(task->agent_id());
  ReleaseTask(task, framework, agent);
  agent->pending_kills.erase({task->framework_id(), task->id()});
  agent->tasks.erase(task->sequence());
  framework->tasks.erase(task->sequence());
  framework->task_by_id.erase(task);
  books_.tasks.Erase(task->sequence());
  NoteLeft(*agent);
}

void Transaction::NoteLeft(const Agent& agent) {
  const AgentOrders& orders = agent.record.orders;
  if (orders.drain == AgentOrders::Drain::kAsked || (orders.must_empty() && agent.is_empty())) {
    books_.timers.Arm(now_, DrainTimer{agent.record.id});
  }
}

void Transaction::CompleteTask(Task* task) {
  Framework* framework = books_.frameworks.Find(task->framework_id());
  Agent* agent = books_.agents.Find(task->agent_id());
  ReleaseTask(task, framework, agent);
  Task completed = *task;
  DropTask(task);
  AddToHistory(framework, std::move(completed));
}

void Transaction::AddToHistory(Framework* framework, Task task) {
  Publish(TaskChanged{task, /*completed=*/true});
  framework->completed.push_back(std::move(task));
  TrimHistory(framework);
}

void Transaction::AddEndedTask(Framework* framework, Agent* agent, const ReportedTask& reported,
                               size_t position) {
  TaskFacts facts = FactsOf(reported);
  facts.sequence = books_.tasks.TakeNumber();
  facts.framework_id = framework->shared_id;
  facts.agent_id = agent->shared_id;
  facts.entered = now_;
  Task task(Shared<TaskFacts>(std::move(facts)));
  CopyProgress(reported, &task);
  Publish(TaskChanged{task, /*completed=*/true});
  auto& history = framework->completed;
  history.insert(history.begin() + static_cast<ptrdiff_t>(position), std::move(task));
  TrimHistory(framework);
}

void Transaction::TrimHistory(Framework* framework) {
  while (framework->completed.size() > options_.max_completed_tasks_per_framework) {
    const Task& oldest = framework->completed.front();
    Publish(TaskRemoved{oldest.framework_id(), oldest.id(), oldest.sequence()});
    framework->completed.pop_front();
  }
}

void Transaction::SetAsideUnreachable(Task* task) {
  Framework* framework = books_.frameworks.Find(task->framework_id());
  Agent* agent = books_.agents.Find(task->agent_id());
  ReleaseTask(task, framework, agent);
  auto aside = std::make_shared<const Task>(*task);
  DropTask(task);
  framework->unreachable_by_id[aside->id()] = aside;
  framework->unreachable.push_back(std::move(aside));
  while (framework->unreachable.size() > options_.max_unreachable_tasks_per_framework) {
    const std::shared_ptr<const Task> oldest = framework->unreachable.front();
    Publish(TaskRemoved{oldest->framework_id(), oldest->id(), oldest->sequence()});
    framework->unreachable_by_id.erase(oldest->id());
    framework->unreachable.pop_front();
  }
}

void Transaction::EndUnreachable(Framework* framework, const Task& task, v1::TaskState state,
                                 const v1::TaskStatus& status) {
  auto found = framework->unreachable_by_id.find(task.id());
  MEROS_CHECK(found != framework->unreachable_by_id.end()) << task.id();
  Task ended = *found->second;
  auto& line = framework->unreachable;
  line.erase(std::find(line.begin(), line.end(), found->second));
  framework->unreachable_by_id.erase(found);
  CountEnd(*framework, state, &status);
  ended.state = state;
  ended.statuses.Add(status);
  AddToHistory(framework, std::move(ended));
}

// ---- Executors ----

void Transaction::AddExecutor(Agent* agent, Executor executor, bool reported) {
  Framework* framework = books_.frameworks.Find(executor.framework_id);
  if (reported && !agent->record.Free().Contains(executor.resources)) executor.resources = {};
  agent->record.used += executor.resources;
  if (!executor.resources.empty()) {
    Charge(framework, executor.role, Holding::kUsed, executor.resources);
    if (reported) {
      TellAllocator(AllocateDelta{executor.framework_id, executor.role, agent->record.id,
                                  executor.resources, 0});
    }
  }
  MarkUsage(agent->record.id, executor.framework_id);
  Publish(ExecutorAdded{agent->record.id, executor.framework_id, executor.id, executor.info});
  framework->executors.emplace(agent->record.id, executor.id);
  Agent::ExecutorKey key(executor.framework_id, executor.id);
  MEROS_CHECK(agent->executors.emplace(std::move(key), std::move(executor)).second);
}

void Transaction::RemoveExecutor(Agent* agent, const Agent::ExecutorKey& key) {
  auto it = agent->executors.find(key);
  MEROS_CHECK(it != agent->executors.end()) << key.second;
  Publish(ExecutorRemoved{agent->record.id, key.first, key.second});
  const Executor& executor = it->second;
  Framework* framework = books_.frameworks.Find(executor.framework_id);
  framework->executors.erase({agent->record.id, executor.id});
  if (!executor.resources.empty()) {
    agent->record.used -= executor.resources;
    Discharge(framework, executor.role, Holding::kUsed, executor.resources);
    TellAllocator(RecoverDelta{executor.framework_id, executor.role, agent->record.id,
                               executor.resources, absl::ZeroDuration()});
    MarkUsage(agent->record.id, executor.framework_id);
  }
  agent->executors.erase(it);
  NoteLeft(*agent);
}

}  // namespace meros::master

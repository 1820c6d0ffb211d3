// The one layer that changes the books. Every change that touches more than one index is one
// function here, so that between two calls these always hold (CheckInvariants):
//
//   - per agent: used + offered + free = total, used being the resources of its tasks that have not
//     ended, of its executors and of what removed frameworks still run there, offered those of its
//     offers;
//   - a task is in the task book, in its framework and on its agent, or in none of them;
//   - an offer is in the offer book, in its framework and on its agent, or in none of them;
//   - an operation is in the operation book and on its agent, or in neither;
//   - a framework's usage by role is the sum of the same, by role;
//   - an agent goes away when the plan for its machine says so; inverse offers are of such agents;
//   - the allocator, when there is one, has been told of every change in order.
//
// A Transaction lives for one step: it carries the time and the effects of that step.
//
// Thread rule: strand-confined.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/rng.h"
#include "services/master/core/books.h"
#include "services/master/core/effects.h"
#include "services/master/core/inputs.h"
#include "services/master/core/options.h"

namespace meros::master {

enum class Rescind { kSilently, kTellFramework };

class Transaction {
 public:
  // Everything must outlive the transaction. `revision` is that of the last published change.
  Transaction(const MasterOptions& options, uint64_t epoch, Books* books, Rng* rng,
              uint64_t* revision, absl::Time now, EffectList* out)
      : options_(options),
        epoch_(epoch),
        books_(*books),
        rng_(*rng),
        revision_(*revision),
        now_(now),
        out_(*out) {}

  const MasterOptions& options() const { return options_; }
  uint64_t epoch() const { return epoch_; }
  Books& books() { return books_; }
  absl::Time now() const { return now_; }
  Rng& rng() { return rng_; }

  // ---- Frameworks ----

  // A framework enters the books, disconnected or RECOVERED as `record` says.
  Framework* AddFramework(FrameworkRecord record);
  // Ties a stream to it; the former stream, if any, is told that it failed over and closed.
  void ConnectFramework(Framework* framework, StreamId stream);
  // Its stream is gone: offers are taken back, the fail-over deadline starts unless it is being
  // removed.
  void DisconnectFramework(Framework* framework);
  // Replaces what it says about itself; offers for roles that it left are rescinded.
  void UpdateSubscription(Framework* framework, Subscription subscription);
  // Writes its tombstone: from now on it is offered nothing. REQUIRES: MayFollow(state, REMOVING).
  void BeginRemoval(Framework* framework);
  // The tombstone was refused: it is as it was, or disconnected with a new fail-over deadline.
  void CancelRemoval(Framework* framework);
  // Ends it and everything it runs, which is in use until its agents say that it has stopped. Its
  // stream, if any, is closed with `status`. REQUIRES: its tombstone is durable.
  void RemoveFramework(Framework* framework, const absl::Status& status);
  // Writes its record, durable some time later.
  void RecordFramework(const Framework& framework);

  // ---- Offers ----

  // REQUIRES: both are known and active, and the agent has the resources free.
  OfferRef MakeOffer(Framework* framework, Agent* agent, const std::string& role,
                     resources::Resources resources, uint64_t proposal_id,
                     const std::string& gang_id = "");
  // Takes an offer back; its resources are free again. `refuse`: how long the framework does not
  // want to see them.
  void EndOffer(const Offer& offer, Rescind rescind, absl::Duration refuse);
  // Arms the timer for the first offer that expires, unless one is armed for then or before.
  void ArmOfferExpiry();
  // The framework has answered offers: it is not one that only holds them.
  void NoteAnswer(Framework* framework);
  void EndOffersOf(Agent* agent);
  // And inverse offers.
  void EndOffersOf(Framework* framework, Rescind rescind);
  // Takes an offer out of the books for an ACCEPT. Its resources, then owned by the caller, go to
  // LaunchTask and ReturnSpent, all of them, within the same step.
  resources::Resources SpendOffer(const Offer& offer);
  void ReturnSpent(const FrameworkId& framework_id, const std::string& role,
                   const AgentId& agent_id, const resources::Resources& resources,
                   absl::Duration refuse);

  // ---- Maintenance ----

  // The plan, or what the agent says of itself, may have changed: if it goes away at another time
  // than before, offers, inverse offers and answers are void.
  void RefreshMaintenance(Agent* agent);
  // REQUIRES: the agent is live and goes away, and the framework has no such offer.
  InverseOfferRef MakeInverseOffer(Framework* framework, Agent* agent);
  void NoteInverseAnswer(const InverseOffer& offer, InverseAnswer::Kind kind);
  // `refuse`: how long the framework is not to be asked again.
  void EndInverseOffer(const InverseOffer& offer, Rescind rescind, absl::Duration refuse);
  void EndInverseOffersOf(const Agent& agent);
  void EndInverseOffersOf(const Framework& framework, Rescind rescind);
  void ForgetAnswersOf(const FrameworkId& framework_id);

  // ---- Gangs ----

  // A gang enters, with a new sequence. REQUIRES: its framework has none of its id.
  void AddGang(Gang gang);
  // It leaves; its framework is told nothing.
  void EndGang(const Gang& gang);
  void EndGangsOf(const Framework& framework);
  // Those of roles that the framework has left; it is told.
  void EndGangsOfLeftRoles(const Framework& framework);

  // ---- Operations ----

  // Resources spent by an ACCEPT become others: what the agent has changes, and what the framework
  // holds by the allocator's books. Like all that is spent, they go on to LaunchTask or
  // ReturnSpent.
  void ConvertSpent(Agent* agent, const FrameworkId& framework_id, const std::string& role,
                    const resources::Conversion& conversion);
  // The same of resources that nobody holds. REQUIRES: what is consumed is free.
  void ConvertFree(Agent* agent, const resources::Conversion& conversion);
  // Tasks, also those that are ending, that were launched with reservations or volumes that `total`
  // lacks, because an operation failed, hold nothing any more; their agent will refuse them.
  void ReleaseTasksBeyond(Agent* agent, const resources::Resources& total);
  // What the task holds is free again; nothing if it holds nothing.
  void ReleaseTask(Task* task, Framework* framework, Agent* agent);
  Operation* AddOperation(Agent* agent, Operation operation);
  void SetOperationStatus(Operation* operation, std::shared_ptr<const v1::OperationStatus> status);
  void EraseOperation(Operation* operation);
  // Nobody waits for them any more.
  void AbandonOperationsOf(const FrameworkId& framework_id);
  // A status of the master's own, without uuid.
  std::shared_ptr<const v1::OperationStatus> MakeStatus(const std::string& operation_id,
                                                        const AgentId& agent_id,
                                                        v1::OperationState state,
                                                        const std::string& message) const;

  // ---- Tasks and executors ----

  // A task enters with resources spent from offers, and is sent to its agent.
  Task* LaunchTask(Framework* framework, Agent* agent, const std::string& role,
                   const TaskLaunch& launch);
  // A task enters because its agent reports it. It holds resources if it has not ended and they are
  // free; should an agent report more than it has, the surplus is tracked without being counted.
  // The caller tells the allocator what it holds.
  Task* AddReportedTask(Framework* framework, Agent* agent, const ReportedTask& reported);
  // Records a state and its status (may be null). Resources are released on the first terminal
  // state. False, and nothing changes, when the state may not follow the present one.
  bool SetTaskState(Task* task, v1::TaskState state, const v1::TaskStatus* status);
  void SetForwarded(Task* task, v1::TaskState state, absl::string_view uuid);
  // The task leaves the books for the framework's history.
  void CompleteTask(Task* task);
  // The task leaves the books for the framework's list of unreachable tasks, in its present state.
  void SetAsideUnreachable(Task* task);
  // Those of an agent leave their frameworks' lists; nothing is known of them any more.
  void ForgetUnreachableTasksOf(const AgentId& agent_id);
  // One of that list is known to have ended: it goes to the framework's history.
  void EndUnreachable(Framework* framework, const Task& task, v1::TaskState state,
                      const v1::TaskStatus& status);

  // A task of before this master's time enters the framework's history at `position`.
  void AddEndedTask(Framework* framework, Agent* agent, const ReportedTask& reported,
                    size_t position);

  // What a removed framework still runs on a live agent (transaction_ending.cc): it counts as used
  // if it is free, and the allocator sees that much less of the agent.
  void KeepEnding(Agent* agent, const Agent::TaskKey& key, v1::TaskState state,
                  const resources::Resources& resources);
  // The agent says how it is with such a task: a terminal state lets go of it. False when the agent
  // has no such task.
  bool NoteEnding(Agent* agent, const Agent::TaskKey& key, v1::TaskState state);
  // Lets go of all of them.
  void ReleaseEnding(Agent* agent);

  // REQUIRES: not there yet, and its resources are spent from offers or free (`reported`).
  void AddExecutor(Agent* agent, Executor executor, bool reported);
  void RemoveExecutor(Agent* agent, const Agent::ExecutorKey& key);

  // ---- Agents ----

  // Enters with a session or without one; no effect but for readers.
  Agent* AddAgent(AgentRecord record);
  // Changes the state, tells readers and, where it matters, the allocator.
  void SetAgentState(Agent* agent, AgentState state);
  // What operators ordered takes effect: tells readers and, where it matters, the allocator.
  void SetAgentOrders(Agent* agent, AgentOrders orders);
  void SetAgentTotal(Agent* agent, resources::Resources total);
  // Takes it out. REQUIRES: it holds nothing.
  void EraseAgent(Agent* agent);

  // ---- Talking ----

  void Send(StreamId stream, ToScheduler::Event&& event);
  // To its scheduler, if it is connected.
  void Tell(const Framework& framework, ToScheduler::Event&& event);
  void Send(StreamId stream, ToAgent::Message&& message);
  // To its session, if it has one and is registered.
  void Tell(const Agent& agent, ToAgent::Message&& message);
  // One delta, if an allocator listens.
  void TellAllocator(ToAllocator::Message&& delta);
  // Something that is no change of the books: a snapshot's parts, a result. REQUIRES: one listens.
  void SendAllocator(ToAllocator::Message&& message);
  // A status of the master's own, without uuid.
  std::shared_ptr<v1::TaskStatus> MakeStatus(const TaskId& task_id, const AgentId& agent_id,
                                             v1::TaskState state, v1::TaskStatus::Reason reason,
                                             const std::string& message) const;
  void Close(StreamId stream, absl::Status status);
  void Answer(uint64_t call, absl::Status status);
  void Write(std::string key, RegistryRecord record, AfterWrite after);
  // The write is over; what it allows, or nullopt if it is not one of this leadership.
  std::optional<AfterWrite> FinishWrite(uint64_t token);
  // Tries the write again later, or now.
  void RetryWrite(uint64_t token);
  void ResendWrite(uint64_t token);
  void Add(Count what, uint64_t by = 1);
  void Report(Preempted preempted) {
    out_.emplace_back(std::make_shared<const Preempted>(std::move(preempted)));
  }
  void Report(PreemptionRefused refused) { out_.emplace_back(std::move(refused)); }

  // ---- Counting (counts.h) ----

  // Of a framework, which is null when it is not known. `kind` is an index of kCallNames.
  void CountCall(const Framework* framework, size_t kind);
  void CountAskedOperation(const Framework& framework, OperationType type);
  void CountOffer(const Framework& framework, uint64_t OfferCounts::*what);
  void CountAgentMessage(AgentSaid what);
  void CountAgentChange(AgentChange what);
  void CountOperation(OperationType type, v1::OperationState state);
  // A task ended or became unreachable; `status` may be null or of another state.
  void CountEnd(const Framework& framework, v1::TaskState state, const v1::TaskStatus* status);

  // ---- Readers ----

  void PublishAgent(const Agent& agent);
  void PublishFramework(const Framework& framework);
  void PublishTask(const Task& task, bool completed);
  void PublishRole(RoleConfigRef config);
  void PublishMaintenance(MaintenanceRef plan);
  void PublishLeadership(LeadershipRecord record);
  void PublishCleared();
  // The amounts and counts that changed since the last time.
  void PublishUsage();

  UpsertAgentDelta Describe(const Agent& agent) const;
  UpsertFrameworkDelta Describe(const Framework& framework) const;
  UpsertGangDelta Describe(const Gang& gang) const;

 private:
  void Publish(Publish::Change&& change);
  // The amounts of an agent and a framework changed.
  void MarkUsage(const AgentId& agent_id, const FrameworkId& framework_id);
  // Readers are to be told soon. Before what has changed is marked.
  void ArmUsage();
  // What is counted of a framework, or of all, changed.
  void MarkCounts(const Framework& framework);
  void MarkCounts();
  void CountEvent(const Framework& framework, const ToScheduler::Event& event);
  enum class Holding { kUsed, kOffered };
  void Charge(Framework* framework, const std::string& role, Holding kind,
              const resources::Resources& resources);
  void Discharge(Framework* framework, const std::string& role, Holding kind,
                 const resources::Resources& resources);
  // Into all three books, with what `facts` lack; holding nothing.
  Task* InsertTask(Framework* framework, Agent* agent, TaskFacts facts);
  void HoldResources(Task* task, Framework* framework, Agent* agent);
  void DropTask(Task* task);
  // Its framework is removed: it goes to the history, what it holds stays in use until it stopped.
  void EndRemoved(Task* task);
  void EndRemovedUnreachable(Framework* framework);
  // Something left the agent, perhaps the last thing that a drain waits for.
  void NoteLeft(const Agent& agent);
  // It is disconnected, and removed unless it comes back in time.
  void WaitForFramework(Framework* framework, absl::Duration timeout);
  // A task that is in no index enters the framework's history.
  void AddToHistory(Framework* framework, Task task);
  void TrimHistory(Framework* framework);
  // All but its number, whose it is, where it runs and since when it is known.
  TaskFacts FactsOf(const ReportedTask& reported);
  void UnlinkOffer(const Offer& offer);

  const MasterOptions& options_;
  const uint64_t epoch_;
  Books& books_;
  Rng& rng_;
  uint64_t& revision_;
  const absl::Time now_;
  EffectList& out_;
};

// MEROS_CHECKs the rules above.
void CheckInvariants(const Books& books);

}  // namespace meros::master

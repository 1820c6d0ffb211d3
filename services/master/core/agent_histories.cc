#include "services/master/core/agent_histories.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/master/core/agent_sessions.h"

namespace meros::master {
namespace {

// More would not be faster, and histories fill up with what is soon pushed out again.
constexpr size_t kAskedMax = 16;
// So many agents are looked at in one go: of most that wait nothing may be wanted any more.
constexpr int kLookedAtMax = 64;
constexpr absl::Duration kUntilOthers = absl::Milliseconds(1);

absl::Time EndOf(const TaskStatuses& statuses) {
  const std::optional<v1::TaskStatus> newest = statuses.Newest();
  return newest.has_value() ? absl::UnixEpoch() + absl::Seconds(newest->timestamp())
                            : absl::InfinitePast();
}

// What a framework's history still takes.
struct Room {
  size_t tasks = 0;
  absl::Time ended_after = absl::InfinitePast();
};

Room RoomOf(const Framework& framework, size_t tasks_max) {
  if (tasks_max == 0) return {};
  if (framework.completed.size() < tasks_max) return {tasks_max};
  return {tasks_max, EndOf(framework.completed.front().statuses)};
}

SendEndedTasksMessage QuestionTo(Transaction* tx, const Agent& agent) {
  SendEndedTasksMessage question;
  for (const EndedSummary& summary : agent.ended) {
    const Framework* framework = tx->books().frameworks.Find(summary.framework_id);
    if (framework == nullptr) continue;
    const Room room = RoomOf(*framework, tx->options().max_completed_tasks_per_framework);
    const size_t tasks = std::min(room.tasks, summary.tasks);
    if (tasks == 0 || summary.newest <= room.ended_after) continue;
    question.frameworks.push_back({summary.framework_id, tasks, room.ended_after});
  }
  return question;
}

bool IsKnown(const Framework& framework, const TaskId& id) {
  return framework.FindTask(id) != nullptr || framework.unreachable_by_id.contains(id) ||
         std::any_of(framework.completed.begin(), framework.completed.end(),
                     [&](const Task& task) { return task.id() == id; });
}

// Where the framework's history has a place for it, by when it ended.
void TakeEnded(Transaction* tx, Agent* agent, const ReportedTask& reported) {
  Framework* framework = tx->books().frameworks.Find(reported.framework_id);
  if (framework == nullptr || IsKnown(*framework, reported.id)) return;
  const absl::Time ended = EndOf(reported.statuses);
  const Room room = RoomOf(*framework, tx->options().max_completed_tasks_per_framework);
  if (room.tasks == 0 || ended <= room.ended_after) return;
  auto after = std::upper_bound(
      framework->completed.begin(), framework->completed.end(), ended,
      [](absl::Time time, const Task& task) { return time < EndOf(task.statuses); });
  tx->AddEndedTask(framework, agent, reported, after - framework->completed.begin());
  tx->Add(Count::kAgentHistoryTasks);
}

absl::Status Check(const Agent& agent, const AgentEndedTasks& message) {
  if (message.tasks.size() > agent.ended_asked) {
    return absl::InvalidArgumentError(
        absl::StrCat("ended_tasks.tasks: more than was asked for: ", message.tasks.size(), " with ",
                     agent.ended_asked, " left"));
  }
  if (!message.tasks.empty() && message.agent_id != agent.record.id) {
    return absl::InvalidArgumentError(absl::StrCat("ended_tasks.tasks: of agent ",
                                                   message.agent_id.value(), ", the session is ",
                                                   agent.record.id.value(), "'s"));
  }
  return absl::OkStatus();
}

// False if nothing is wanted of it.
bool Ask(Transaction* tx, Agent* agent) {
  SendEndedTasksMessage question = QuestionTo(tx, *agent);
  agent->ended.clear();
  if (question.frameworks.empty()) {
    agent->is_history_known = true;
    return false;
  }
  agent->ended_asked = 0;
  for (const auto& wanted : question.frameworks) agent->ended_asked += wanted.tasks_max;
  tx->Send(agent->stream, std::move(question));
  tx->Add(Count::kAgentHistoriesAsked);
  tx->books().timers.Arm(tx->now() + tx->options().agent_unreachable_timeout,
                         AgentHistoryTimer{agent->stream});
  return true;
}

}  // namespace

void AwaitHistory(Transaction* tx, Agent* agent, std::vector<EndedSummary> ended) {
  if (agent->is_history_known || ended.empty()) return;
  agent->ended = std::move(ended);
  ReportQueue& histories = tx->books().histories;
  histories.Remove(agent->stream);  // one that registers again on its stream begins again
  histories.Add(agent->stream, agent->record.id);
  AskForHistories(tx);
}

void AskForHistories(Transaction* tx) {
  Books& books = tx->books();
  if (books.sessions_waiting + books.reports.waiting() + books.reports.asked() > 0) return;
  for (int looked_at = 0; looked_at < kLookedAtMax; ++looked_at) {
    const std::optional<StreamId> stream = books.histories.Next(kAskedMax);
    if (!stream.has_value()) return;
    Agent* agent = books.agents.FindByStream(*stream);
    if (agent == nullptr || !Ask(tx, agent)) books.histories.Remove(*stream);
  }
  books.timers.Arm(tx->now() + kUntilOthers, AgentHistoryTimer{});
}

void HandleEndedTasks(Transaction* tx, Agent* agent, AgentEndedTasks message) {
  if (!agent->is_active()) return;  // it leaves; the timer ends the question
  if (!tx->books().histories.IsAsked(message.stream)) return tx->Add(Count::kAgentHistoryDisputed);
  if (absl::Status status = Check(*agent, message); !status.ok()) {
    tx->Add(Count::kAgentHistoryDisputed);
    tx->Close(message.stream, std::move(status));
    EndHistory(tx, message.stream);
    return Disconnect(tx, agent);
  }
  agent->ended_asked -= message.tasks.size();
  for (const ReportedTask& task : message.tasks) TakeEnded(tx, agent, task);
  if (message.more && !message.tasks.empty()) return;
  agent->is_history_known = true;
  EndHistory(tx, message.stream);
}

void EndHistory(Transaction* tx, StreamId stream) {
  if (tx->books().histories.Remove(stream)) AskForHistories(tx);
}

void OnHistoryTimer(Transaction* tx, StreamId stream) {
  if (stream == 0) return AskForHistories(tx);
  if (tx->books().histories.IsAsked(stream)) EndHistory(tx, stream);
}

}  // namespace meros::master

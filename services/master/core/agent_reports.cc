#include "services/master/core/agent_reports.h"

#include "libs/base/check.h"
#include "services/master/core/agent_histories.h"
#include "services/master/core/transaction.h"

namespace meros::master {

void ReportQueue::Add(StreamId stream, const AgentId& agent) {
  MEROS_CHECK(entries_.emplace(stream, Entry{agent}).second) << stream;
  ++streams_of_[agent];
  line_.push_back(stream);
}

void ReportQueue::AddAsked(StreamId stream, const AgentId& agent) {
  MEROS_CHECK(entries_.emplace(stream, Entry{agent, /*is_asked=*/true}).second) << stream;
  ++streams_of_[agent];
  ++asked_;
}

std::optional<StreamId> ReportQueue::Next(size_t max_asked) {
  while (asked_ < max_asked && !line_.empty()) {
    const StreamId stream = line_.front();
    line_.pop_front();
    auto entry = entries_.find(stream);
    if (entry == entries_.end() || entry->second.is_asked) continue;  // it left, or came back
    entry->second.is_asked = true;
    ++asked_;
    return stream;
  }
  return std::nullopt;
}

bool ReportQueue::Remove(StreamId stream) {
  auto entry = entries_.find(stream);
  if (entry == entries_.end()) return false;
  if (entry->second.is_asked) --asked_;
  auto streams = streams_of_.find(entry->second.agent);
  if (--streams->second == 0) streams_of_.erase(streams);
  entries_.erase(entry);
  if (waiting() == 0) line_.clear();
  return true;
}

bool ReportQueue::IsAsked(StreamId stream) const {
  auto entry = entries_.find(stream);
  return entry != entries_.end() && entry->second.is_asked;
}

tasks::HoldingsDigest DigestOf(const Agent& agent) {
  tasks::HoldingsDigest digest;
  for (const auto& [sequence, task] : agent.tasks) {
    digest.Add(task->framework_id().value(), task->id().value(), task->state);
  }
  for (const auto& [key, task] : agent.ending) {
    digest.Add(key.first.value(), key.second.value(), task.state);
  }
  return digest;
}

namespace {

void ArmReportTimer(Transaction* tx, StreamId stream) {
  tx->books().timers.Arm(tx->now() + tx->options().agent_unreachable_timeout,
                         AgentReportTimer{stream});
}

void AskNext(Transaction* tx) {
  ReportQueue& reports = tx->books().reports;
  while (std::optional<StreamId> next = reports.Next(tx->options().max_agent_reports)) {
    tx->Send(*next, SendReportMessage{});
    tx->Add(Count::kAgentReportsAsked);
    ArmReportTimer(tx, *next);
  }
}

}  // namespace

void AwaitReport(Transaction* tx, StreamId stream, const AgentId& agent_id) {
  ReportQueue& reports = tx->books().reports;
  reports.Remove(stream);  // one that sends its digest again begins again
  reports.Add(stream, agent_id);
  AskNext(tx);
}

void AwaitAskedReport(Transaction* tx, StreamId stream, const AgentId& agent_id) {
  tx->books().reports.AddAsked(stream, agent_id);
  ArmReportTimer(tx, stream);
}

void EndReport(Transaction* tx, StreamId stream) {
  if (!tx->books().reports.Remove(stream)) return;
  AskNext(tx);
  AskForHistories(tx);
}

void OnReportTimer(Transaction* tx, StreamId stream) {
  if (!tx->books().reports.IsAsked(stream)) return;
  tx->Close(stream, absl::DeadlineExceededError("the agent was asked for its report in vain"));
  EndReport(tx, stream);
}

}  // namespace meros::master

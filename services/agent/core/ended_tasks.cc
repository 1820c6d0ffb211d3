#include "services/agent/core/ended_tasks.h"

#include <algorithm>
#include <utility>

#include "libs/base/check.h"

namespace meros::agent {
namespace {

namespace link = agent_link::v1;

// No agent counts that far; a record that says more is wrong, and would leave no numbers.
constexpr uint64_t kSequenceMax = uint64_t{1} << 62;

double EndOf(const v1::Task& task) {
  return task.statuses().empty() ? 0 : task.statuses().rbegin()->timestamp();
}

}  // namespace

std::vector<TaskKey> EndedTasks::Add(TaskKey key, v1::Task task) {
  for (v1::TaskStatus& status : *task.mutable_statuses()) status.clear_data();
  return Insert(++last_sequence_, std::move(key), std::move(task));
}

std::vector<TaskKey> EndedTasks::Restore(TaskKey key, agent_records::v1::EndedTaskRecord record) {
  const bool is_usable = record.sequence() > 0 && record.sequence() < kSequenceMax &&
                         !entries_.contains(record.sequence());
  const uint64_t sequence = is_usable ? record.sequence() : last_sequence_ + 1;
  last_sequence_ = std::max(last_sequence_, sequence);
  return Insert(sequence, std::move(key), std::move(*record.mutable_task()));
}

std::vector<TaskKey> EndedTasks::Insert(uint64_t sequence, TaskKey key, v1::Task task) {
  Erase(key);
  const size_t bytes = task.ByteSizeLong();
  by_key_[key] = sequence;
  entries_.emplace(sequence, Entry{std::move(key), std::move(task), bytes});
  bytes_ += bytes;
  std::vector<TaskKey> dropped;
  while (entries_.size() > tasks_max_ || bytes_ > kBytesMax) {
    dropped.push_back(entries_.begin()->second.key);
    Erase(dropped.back());
  }
  return dropped;
}

void EndedTasks::Erase(const TaskKey& key) {
  auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  auto entry = entries_.find(found->second);
  bytes_ -= entry->second.bytes;
  by_key_.erase(found);
  entries_.erase(entry);
}

const EndedTasks::Entry* EndedTasks::Find(const TaskKey& key) const {
  auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &entries_.at(found->second);
}

void EndedTasks::Summarize(link::Register* out) const {
  absl::btree_map<FrameworkId, link::EndedSummary> summaries;
  for (const auto& [sequence, entry] : entries_) {
    link::EndedSummary& summary = summaries[entry.key.framework];
    summary.set_tasks(summary.tasks() + 1);
    summary.set_newest(std::max(summary.newest(), EndOf(entry.task)));
  }
  for (auto& [framework, summary] : summaries) {
    summary.set_framework_id(framework.value());
    *out->add_ended() = std::move(summary);
  }
}

std::vector<link::EndedTasks> EndedTasks::Answer(const link::SendEndedTasks& question) const {
  std::vector<link::EndedTasks> parts(1);
  size_t bytes = 0;
  for (const link::EndedWanted& wanted : question.frameworks()) {
    uint32_t told = 0;
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      const auto& [key, task, size] = entry->second;
      if (told == wanted.tasks_max()) break;
      if (key.framework.value() != wanted.framework_id()) continue;
      if (EndOf(task) <= wanted.ended_after()) continue;
      if (bytes > 0 && bytes + size > kPageBytes) {
        parts.back().set_more(true);
        parts.emplace_back();
        bytes = 0;
      }
      *parts.back().add_tasks() = task;
      bytes += size;
      ++told;
    }
  }
  return parts;
}

std::vector<TaskKey> EndedTasks::Keys() const {
  std::vector<TaskKey> keys;
  for (const auto& [key, sequence] : by_key_) keys.push_back(key);
  return keys;
}

void EndedTasks::CheckInvariants() const {
  MEROS_CHECK(entries_.size() == by_key_.size() && entries_.size() <= tasks_max_);
  size_t bytes = 0;
  for (const auto& [key, sequence] : by_key_) {
    const Entry& entry = entries_.at(sequence);
    MEROS_CHECK(entry.key == key) << sequence;
    bytes += entry.bytes;
  }
  MEROS_CHECK(bytes == bytes_ && bytes_ <= kBytesMax) << bytes_;
}

}  // namespace meros::agent

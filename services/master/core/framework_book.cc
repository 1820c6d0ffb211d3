#include "services/master/core/framework_book.h"

#include <utility>

#include "libs/base/check.h"

namespace meros::master {

Framework* FrameworkBook::Insert(FrameworkRecord record, size_t max_request_ids) {
  record.sequence = next_sequence_++;
  auto owned = std::make_unique<Framework>(std::move(record), max_request_ids);
  Framework* framework = owned.get();
  MEROS_CHECK(by_id_.emplace(framework->record.id, framework).second) << framework->record.id;
  frameworks_.emplace(framework->record.sequence, std::move(owned));
  return framework;
}

std::unique_ptr<Framework> FrameworkBook::Complete(const FrameworkId& id) {
  Framework* framework = Find(id);
  MEROS_CHECK(framework != nullptr) << id;
  MEROS_CHECK(framework->tasks.empty() && framework->offers.empty()) << id;
  SetStream(framework, 0);
  SetState(framework, FrameworkState::kCompleted);
  AddRemoved(id);
  by_id_.erase(id);
  auto node = frameworks_.extract(framework->record.sequence);
  return std::move(node.mapped());
}

void FrameworkBook::AddRemoved(const FrameworkId& id) {
  if (removed_.insert(id).second) removed_order_.push_back(id);
}

FrameworkId FrameworkBook::ForgetOldestRemoved() {
  FrameworkId id = std::move(removed_order_.front());
  removed_order_.pop_front();
  removed_.erase(id);
  return id;
}

Framework* FrameworkBook::Find(const FrameworkId& id) const {
  auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

Framework* FrameworkBook::FindByStream(StreamId stream) const {
  auto it = by_stream_.find(stream);
  return it == by_stream_.end() ? nullptr : it->second;
}

void FrameworkBook::SetStream(Framework* framework, StreamId stream) {
  if (framework->stream != 0) by_stream_.erase(framework->stream);
  framework->stream = stream;
  if (stream != 0) by_stream_[stream] = framework;
}

void FrameworkBook::SetState(Framework* framework, FrameworkState state) {
  MEROS_CHECK(MayFollow(framework->record.state, state))
      << framework->record.id << " " << FrameworkStateName(framework->record.state) << " -> "
      << FrameworkStateName(state);
  framework->record.state = state;
}

void FrameworkBook::CheckInvariants() const {
  MEROS_CHECK(by_id_.size() == frameworks_.size());
  size_t streams = 0;
  for (const auto& [sequence, framework] : frameworks_) {
    MEROS_CHECK(framework->record.sequence == sequence);
    MEROS_CHECK(Find(framework->record.id) == framework.get());
    MEROS_CHECK(framework->is_removing() || framework->is_connected() == (framework->stream != 0))
        << framework->record.id;
    MEROS_CHECK(framework->is_removing() || framework->removal_waiters.empty());
    MEROS_CHECK(!framework->is_removing() || framework->offers.empty()) << framework->record.id;
    MEROS_CHECK(framework->record.state != FrameworkState::kCompleted);
    MEROS_CHECK(framework->task_by_id.size() == framework->tasks.size());
    if (framework->stream != 0) ++streams;
  }
  MEROS_CHECK(streams == by_stream_.size());
}

}  // namespace meros::master

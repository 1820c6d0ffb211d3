#include "services/master/core/task_book.h"

#include <utility>

#include "libs/base/check.h"

namespace meros::master {

Task* TaskBook::Insert(TaskFacts facts) {
  facts.sequence = next_sequence_++;
  auto owned = std::make_unique<Task>(Shared<TaskFacts>(std::move(facts)));
  Task* raw = owned.get();
  tasks_.emplace_hint(tasks_.end(), raw->sequence(), std::move(owned));
  return raw;
}

void TaskBook::Erase(uint64_t sequence) { MEROS_CHECK(tasks_.erase(sequence) == 1) << sequence; }

}  // namespace meros::master

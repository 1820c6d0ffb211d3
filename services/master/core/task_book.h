// Owns the tasks that have not ended, or whose end is not acknowledged yet. Frameworks and agents
// point into it; transaction.h keeps the three together.
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "absl/container/btree_map.h"
#include "libs/base/shared.h"
#include "services/master/core/task.h"

namespace meros::master {

class TaskBook {
 public:
  using Map = absl::btree_map<uint64_t, std::unique_ptr<Task>>;

  // Takes a task in, numbered. The pointer stays good until Erase.
  Task* Insert(TaskFacts facts);
  // The number of a task that enters a history without having been in the books.
  uint64_t TakeNumber() { return next_sequence_++; }
  // REQUIRES: it is there.
  void Erase(uint64_t sequence);

  // In order of entry.
  const Map& all() const { return tasks_; }
  size_t size() const { return tasks_.size(); }

  // One object for the equal parts of tasks that come one after another.
  template <typename T>
  Shared<T> Share(T value) {
    return std::get<SharingTable<T, kRememberedParts>>(parts_).Share(std::move(value));
  }

 private:
  // Of each kind. A few kinds of tasks make up most of a cluster.
  static constexpr size_t kRememberedParts = 1024;

  Map tasks_;
  uint64_t next_sequence_ = 1;
  std::tuple<SharingTable<ExecutorId, kRememberedParts>,
             SharingTable<resources::Resources, kRememberedParts>,
             SharingTable<std::string, kRememberedParts>>
      parts_;
};

}  // namespace meros::master

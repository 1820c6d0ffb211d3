// Tasks as packed TaskViews. Most of a task is shared with others or packed already, so writing one
// is mostly copying: what is converted once (resources, what its launch said of it) is kept for the
// tasks that follow with the same.
//
// Thread rule: thread-compatible. What it keeps names objects by their address, so a writer lives
// no longer than the entries that it was given.
#pragma once

#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

class TaskWriter {
 public:
  // Appends the fields of a v1::master::TaskView; agent and framework are null if not known.
  void Append(const TaskEntry& entry, const AgentRecord* agent, const FrameworkRecord* framework,
              std::string* out);

 private:
  // Fields of v1::Task.
  void AppendTask(const Task& task, std::string* out);
  const std::string& ResourcesOf(const Task& task);
  const std::string& DescriptionOf(const Task& task);

  std::string task_;  // scratch
  // Lookup only.
  absl::flat_hash_map<std::pair<const void*, const void*>, std::string> resources_;
  absl::flat_hash_map<const void*, std::string> descriptions_;
};

}  // namespace meros::master

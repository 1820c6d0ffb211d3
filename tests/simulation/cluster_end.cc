// What must be left of a cluster when all work is done: nothing.
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "tests/simulation/agent_node.h"
#include "tests/simulation/allocator_node.h"
#include "tests/simulation/cluster.h"
#include "tests/simulation/master_node.h"

namespace meros::simulation {

bool Cluster::IsUnreserved() const {
  const MasterNode* leader = LeadingNode();
  if (leader == nullptr) return false;
  for (const auto& [sequence, agent] : leader->core().books().agents.all()) {
    if (agent->is_live() && !agent->record.total.Reserved().empty()) return false;
  }
  for (const auto& machine : machines_) {
    const auto* node = static_cast<const AgentNode*>(world_.Find(machine->name()));
    // One that has just started does not know yet what it has.
    if (node == nullptr || node->core().state() != agent::AgentState::kRunning) return false;
    if (!node->core().total().Reserved().empty()) return false;
  }
  return true;
}

void Cluster::CheckReaders() const {
  for (int i = 0; i < shape_.masters; ++i) {
    auto* node = static_cast<MasterNode*>(world_.Find(NodeOf(MasterAddress(i))));
    if (node != nullptr) node->CheckReaders();
  }
}

absl::Status Cluster::CheckEmpty(const Machine& machine) const {
  if (!machine.processes().empty() || !machine.records().empty()) {
    return absl::InternalError(absl::StrCat(machine.name(), " has ", machine.processes().size(),
                                            " processes and ", machine.records().size(),
                                            " records of containers"));
  }
  const auto* node = static_cast<const AgentNode*>(world_.Find(machine.name()));
  if (node == nullptr) return absl::OkStatus();
  const agent::AgentCore& core = node->core();
  if (!core.book().tasks().empty()) {
    return absl::InternalError(absl::StrCat(machine.name(), " remembers ",
                                            core.book().tasks().begin()->first.task.value()));
  }
  if (!core.total().Reserved().empty()) {
    return absl::InternalError(
        absl::StrCat(machine.name(), " still has ", core.total().DebugString()));
  }
  return absl::OkStatus();
}

// Neither the master nor the allocator counts anything as taken, shared volumes included.
absl::Status Cluster::CheckNothingHeld(const master::Books& books) const {
  for (const auto& [sequence, agent] : books.agents.all()) {
    const resources::Resources taken = agent->record.used + agent->record.offered;
    if (taken.empty()) continue;
    return absl::InternalError(absl::StrCat("the master counts as taken: ", taken.DebugString()));
  }
  const auto* node = static_cast<const AllocatorNode*>(world_.Find(kAllocator));
  if (node == nullptr || node->core().books() == nullptr) return absl::OkStatus();
  for (const auto& [id, agent] : node->core().books()->mirror.agents()) {
    if (agent->held.empty()) continue;
    return absl::InternalError(absl::StrCat("the allocator counts as held: ",
                                            agent->held.begin()->second.resources.DebugString()));
  }
  return absl::OkStatus();
}

absl::Status Cluster::CheckEmpty() const {
  for (const auto& machine : machines_) MEROS_RETURN_IF_ERROR(CheckEmpty(*machine));
  const MasterNode* leader = LeadingNode();
  if (leader == nullptr) return absl::InternalError("nobody leads");
  const master::Books& books = leader->core().books();
  if (books.tasks.size() > 0) return absl::InternalError("the master has tasks");
  if (books.offers.size() > 0) return absl::InternalError("offers are open");
  if (!books.operations.all().empty()) return absl::InternalError("the master has operations");
  if (books.frameworks.size() > 0) return absl::InternalError("the master knows frameworks");
  return CheckNothingHeld(books);
}

}  // namespace meros::simulation

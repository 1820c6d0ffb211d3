#include "tests/simulation/volume_ledger.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/simulation/probes.h"
#include "libs/wire/resources_proto.h"
#include "tests/simulation/agent_disk.h"

namespace meros::simulation {
namespace {

using resources::Resource;
using resources::Resources;

std::string DirectoryOf(const Resource& volume) {
  const absl::StatusOr<agent::VolumeDirectory> directory =
      agent::DirectoryOf(AgentDisk::kWorkDir, volume);
  MEROS_CHECK(directory.ok()) << directory.status().message();
  return directory->path;
}

// States after which nothing more happens to an operation.
bool IsEnd(v1::OperationState state) {
  return state == v1::OPERATION_FINISHED || state == v1::OPERATION_FAILED ||
         state == v1::OPERATION_ERROR || state == v1::OPERATION_DROPPED;
}

}  // namespace

void VolumeLedger::OnDestroyAsked(const Resources& volumes) {
  for (const Resource& volume : volumes) destroy_asked_.insert(DirectoryOf(volume));
}

void VolumeLedger::OnTold(const std::string& framework, const v1::OperationStatus& status) {
  if (!IsEnd(status.state())) return;
  const OperationKey key(framework, status.operation_id().value());
  const std::string state = v1::OperationState_Name(status.state());
  const auto [end, is_new] = ends_.emplace(key, status.state());
  Sometimes<"the end of an operation is told again">(!is_new);
  if (end->second != status.state()) {
    ledger_.Fail(absl::StrCat("a framework hears that ", key.second, " is ", state, " after ",
                              v1::OperationState_Name(end->second)));
  }
  const auto said = said_.find(key);
  if (status.state() == v1::OPERATION_FINISHED && said == said_.end()) {
    ledger_.Fail(
        absl::StrCat("a framework hears of the end of ", key.second, ", of which no agent spoke"));
  }
}

void VolumeLedger::OnDiskEmpty(const std::string& node) {
  for (auto entry = node_of_.begin(); entry != node_of_.end();) {
    entry = entry->second == node ? node_of_.erase(entry) : std::next(entry);
  }
}

void VolumeLedger::OnUpdate(const std::string& node,
                            const agent_link::v1::OperationUpdate& update) {
  const v1::OperationStatus& status = update.status();
  if (status.has_operation_id()) {
    const OperationKey key(update.framework_id(), status.operation_id().value());
    const auto [said, is_new] = said_.emplace(key, status.state());
    if (said->second != status.state()) {
      ledger_.Fail(absl::StrCat(node, " says that ", key.second, " is ",
                                v1::OperationState_Name(status.state()), " after ",
                                v1::OperationState_Name(said->second)));
    }
  }
  if (status.state() != v1::OPERATION_FINISHED) return;
  const absl::StatusOr<Resources> made = wire::ResourcesFromProto(status.converted_resources());
  if (!made.ok()) return ledger_.Fail("converted resources cannot be read");
  for (const Resource& volume : made->PersistentVolumes()) {
    const std::string directory = DirectoryOf(volume);
    const auto [kept, is_new] = node_of_.emplace(directory, node);
    if (kept->second != node) {
      ledger_.Fail(absl::StrCat(directory, " is on ", kept->second, " and on ", node));
    }
  }
}

bool VolumeLedger::IsKept(const std::string& directory) const {
  return node_of_.count(directory) > 0 && destroy_asked_.count(directory) == 0;
}

void VolumeLedger::OnDeleted(const std::string& node, const std::string& directory) {
  if (destroy_asked_.count(directory) == 0) {
    ledger_.Fail(absl::StrCat(node, " deletes ", directory, " and nobody asked for it"));
  }
  for (const std::string& container : containers_of_[directory]) {
    if (!ledger_.IsAlive(container)) continue;
    ledger_.Fail(absl::StrCat(node, " deletes ", directory, " under a task"));
  }
  node_of_.erase(directory);
  containers_of_.erase(directory);
  Sometimes<"a volume is deleted">(true);
}

bool VolumeLedger::OnSandbox(const std::map<std::string, std::string>& disk,
                             const std::string& container,
                             const std::vector<agent::VolumeLink>& links) {
  bool exists = true;
  for (const agent::VolumeLink& link : links) {
    if (disk.count(link.volume) == 0) {
      exists = false;
      if (!IsKept(link.volume)) continue;
      ledger_.Fail(absl::StrCat("a task shall run on ", link.volume, ", which has vanished"));
    }
    OnUsed(link, container);
  }
  Sometimes<"a task is launched on a volume">(exists && !links.empty());
  Sometimes<"a task is launched on a volume that was not made">(!exists);
  return exists;
}

void VolumeLedger::OnUsed(const agent::VolumeLink& link, const std::string& container) {
  std::vector<std::string>& users = containers_of_[link.volume];
  const bool is_in_use = std::any_of(users.begin(), users.end(), [&](const std::string& user) {
    return user != container && ledger_.IsAlive(user);
  });
  Sometimes<"several tasks run on a shared volume">(is_in_use && link.is_shared);
  if (is_in_use && !link.is_shared) {
    ledger_.Fail(absl::StrCat("two tasks at a time run on ", link.volume, ", which is not shared"));
  }
  users.push_back(container);
}

void VolumeLedger::CheckAmounts(const std::string& node, const Resources& total) {
  if (total.Quantities() == configured_) return;
  ledger_.Fail(absl::StrCat(node, ": an agent has ", total.DebugString(), " in place of ",
                            configured_.ToString()));
}

void VolumeLedger::CheckHas(const std::string& who, const std::string& node,
                            const Resources& total) {
  std::set<std::string> present;
  for (const Resource& volume : total.PersistentVolumes()) present.insert(DirectoryOf(volume));
  for (const auto& [directory, home] : node_of_) {
    if (home != node || !IsKept(directory) || present.count(directory) > 0) continue;
    ledger_.Fail(absl::StrCat(who, " knows nothing of ", directory, " on ", node));
  }
}

void VolumeLedger::OnAgentBatch(const std::string& node, const agent::AgentCore& core,
                                const std::map<std::string, std::string>& disk) {
  if (core.state() == agent::AgentState::kRecovering) return;
  CheckAmounts(node, core.total());
  CheckHas(node, node, core.total());
  for (const auto& [directory, home] : node_of_) {
    if (home != node || !IsKept(directory) || disk.count(directory) > 0) continue;
    ledger_.Fail(absl::StrCat(directory, " has vanished from ", node));
  }
}

void VolumeLedger::OnMasterBatch(const std::string& node, const master::MasterCore& core) {
  if (core.leadership() != master::LeadershipState::kLeading) return;
  for (const auto& [sequence, agent] : core.books().agents.all()) {
    if (!agent->is_active()) continue;
    CheckAmounts(node, agent->record.total);
    CheckHas(node, agent->record.info->hostname(), agent->record.total);
  }
}

}  // namespace meros::simulation

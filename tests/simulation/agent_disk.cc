#include "tests/simulation/agent_disk.h"

#include <utility>

#include "libs/simulation/probes.h"
#include "tests/simulation/volume_ledger.h"

namespace meros::simulation {

AgentDisk::AgentDisk(NodeContext* context, Cluster* cluster, std::function<void(agent::Input)> post)
    : context_(*context),
      cluster_(*cluster),
      post_(std::move(post)),
      rng_(context->MakeRng("sandboxes")) {}

void AgentDisk::Change(agent::ChangeVolumes change) {
  Enqueue([this, change = std::move(change)] { Perform(change); });
}

void AgentDisk::Prepare(agent::PrepareSandbox prepare) {
  Enqueue([this, prepare = std::move(prepare)] { Perform(prepare); });
}

void AgentDisk::Enqueue(std::function<void()> work) {
  work_.push_back(std::move(work));
  if (work_.size() == 1) RunNext();
}

void AgentDisk::RunNext() {
  context_.After(absl::Milliseconds(1), [this] {
    const std::function<void()> work = std::move(work_.front());
    work();
  });
}

void AgentDisk::Finish(agent::Input answer) {
  post_(std::move(answer));
  work_.pop_front();
  if (!work_.empty()) RunNext();
}

void AgentDisk::Perform(const agent::ChangeVolumes& change) {
  SimDisk::Writes writes;
  for (const agent::VolumeDirectory& volume : change.destroy) {
    if (context_.disk().count(volume.path) == 0) continue;
    cluster_.volumes().OnDeleted(context_.name(), volume.path);
    writes.emplace_back(volume.path, std::nullopt);
  }
  for (const agent::VolumeDirectory& volume : change.create) writes.emplace_back(volume.path, "");
  context_.Commit(std::move(writes), [this, uuid = change.operation_uuid](absl::Status status) {
    Finish(agent::VolumesChanged{uuid, status});
  });
}

void AgentDisk::Perform(const agent::PrepareSandbox& prepare) {
  if (rng_.Chance(cluster_.shape().launch_failure_chance)) {
    return Finish(
        agent::SandboxPrepared{prepare.container, absl::ResourceExhaustedError("no space left")});
  }
  const bool exists =
      cluster_.volumes().OnSandbox(context_.disk(), prepare.container.value(), prepare.volumes);
  Finish(agent::SandboxPrepared{prepare.container,
                                exists ? absl::OkStatus() : absl::NotFoundError("no such volume")});
}

}  // namespace meros::simulation

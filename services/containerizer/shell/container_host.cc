#include "services/containerizer/shell/container_host.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/linux/process.h"
#include "libs/telemetry/log.h"
#include "services/containerizer/shell/recovery.h"

namespace meros::containerizer {

absl::StatusOr<std::unique_ptr<ContainerHost>> ContainerHost::Start(const HostOptions& options,
                                                                    HostMetrics* metrics,
                                                                    SendFrame send) {
  if (::access(options.init_program.c_str(), X_OK) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("there is no executable meros-init at '", options.init_program, "'"));
  }
  std::unique_ptr<ContainerHost> host(new ContainerHost());
  MEROS_ASSIGN_OR_RETURN(const std::string boot_id, os::BootId());
  // Each running container costs three descriptors here.
  MEROS_ASSIGN_OR_RETURN(const os::OpenFilesLimit open_files, os::RaiseOpenFilesLimit());
  MEROS_ASSIGN_OR_RETURN(host->records_, Records::Open(options.runtime_dir));
  MEROS_ASSIGN_OR_RETURN(host->watcher_, os::FdWatcher::Create());
  MEROS_ASSIGN_OR_RETURN(
      Isolation isolation,
      ChooseIsolation(options.launcher, options.cgroups_root, host->watcher_.get()));
  host->isolation_kind_ = isolation.kind;
  host->no_isolation_because_ = isolation.why;
  host->cgroups_claim_ = std::move(isolation.cgroups_claim);
  host->cgroups_ = std::move(isolation.cgroups);
  host->launcher_ = std::make_unique<Launcher>(
      LauncherOptions{
          .init_program = options.init_program, .boot_id = boot_id, .open_files = open_files},
      std::move(isolation.isolators), host->records_.get(), host->watcher_.get());
  MEROS_ASSIGN_OR_RETURN(std::vector<RecoveredContainer> recovered,
                         RecoverContainers(boot_id, host->records_.get(), host->launcher_.get()));

  host->workers_ = std::make_unique<KeyedWorkers>(options.workers);
  host->strand_ = std::make_unique<runtime::CoreStrand<ContainerizerCore>>(
      ContainerizerCore({.containers_max = std::max(options.containers_max, recovered.size()),
                         .launcher = isolation.kind,
                         .boot_id = boot_id,
                         .isolates = host->launcher_->isolates()}),
      runtime::CoreStrandOptions{.name = "containerizer", .observer = &metrics->strand});
  auto* const strand = host->strand_.get();
  host->runner_ = std::make_unique<EffectRunner>(
      EffectTargets{.launcher = host->launcher_.get(),
                    .records = host->records_.get(),
                    .workers = host->workers_.get(),
                    .metrics = metrics,
                    .post = [strand](Input input) { strand->Post(std::move(input)); },
                    .send = std::move(send)});
  auto* const runner = host->runner_.get();
  std::vector<std::string> running;
  for (const RecoveredContainer& container : recovered) {
    metrics->recovered.Add();
    if (container.phase != RecoveredContainer::Phase::kTerminated) metrics->active.Add(1);
    if (container.phase == RecoveredContainer::Phase::kRunning) {
      running.push_back(container.spec.container_id());
    }
  }
  MEROS_LOG(INFO) << "recovered" << telemetry::Field("containers", recovered.size())
                  << telemetry::Field("running", running.size());
  strand->Post(Recovered{std::move(recovered)});
  for (const std::string& id : running) runner->Watch(id);
  strand->Start([runner](absl::Time now, std::vector<Effect> effects) {
    runner->Apply(now, std::move(effects));
  });
  return host;
}

void ContainerHost::StreamOpened(StreamId stream) {
  strand_->Post(containerizer::StreamOpened{stream});
}

void ContainerHost::StreamClosed(StreamId stream) {
  strand_->Post(containerizer::StreamClosed{stream});
}

bool ContainerHost::Submit(StreamId stream, v1::Request request) {
  return strand_->TryPost(RequestReceived{stream, std::move(request)});
}

// Sources of inputs first, then what they post to.
void ContainerHost::Stop() {
  if (watcher_ != nullptr) watcher_->Stop();
  if (workers_ != nullptr) workers_->Stop();
  if (strand_ != nullptr) strand_->Stop();
  // Succeeds when no container is left in it.
  if (cgroups_ != nullptr) cgroups_->RemoveRoot().IgnoreError();
}

}  // namespace meros::containerizer

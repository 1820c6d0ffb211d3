// The containerizer without its network: core on its strand, launcher, records and workers, put
// together. The gRPC service is one client of it, tests and benchmarks are others.
//
//   Start() = take the runtime directory, choose the launcher, recover, run.
//   Stop()  = let running steps end; containers go on without us.
//
// Thread rule: thread-safe; Stop by the owner.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/linux/fd_watcher.h"
#include "libs/runtime/core_strand.h"
#include "services/containerizer/core/containerizer_core.h"
#include "services/containerizer/shell/effect_runner.h"
#include "services/containerizer/shell/host_metrics.h"
#include "services/containerizer/shell/launcher_factory.h"

namespace meros::containerizer {

struct HostOptions {
  std::string runtime_dir;
  std::string cgroups_root = "meros";
  std::string launcher = "auto";
  std::string init_program;  // absolute path of meros-init
  size_t containers_max = 10000;
  int workers = 8;  // containers on which something is done at the same time
};

class ContainerHost {
 public:
  // Answers and events for a stream, on any thread.
  using SendFrame = std::function<void(StreamId, v1::Responses)>;

  // `metrics` must outlive it.
  // ERRORS: FailedPrecondition, PermissionDenied, InvalidArgument: options that do not fit this
  // machine, in words for the operator.
  static absl::StatusOr<std::unique_ptr<ContainerHost>> Start(const HostOptions& options,
                                                              HostMetrics* metrics, SendFrame send);
  ~ContainerHost() { Stop(); }

  v1::Launcher launcher_kind() const { return isolation_kind_; }
  // Why there is no isolation; empty when there is.
  const std::string& no_isolation_because() const { return no_isolation_because_; }

  void StreamOpened(StreamId stream);
  void StreamClosed(StreamId stream);
  // False when the mailbox is full: the client is to try later.
  [[nodiscard]] bool Submit(StreamId stream, v1::Request request);

  // Idempotent.
  void Stop();

 private:
  ContainerHost() = default;

  v1::Launcher isolation_kind_ = v1::LAUNCHER_UNSPECIFIED;
  std::string no_isolation_because_;
  std::unique_ptr<Records> records_;
  std::unique_ptr<os::FdWatcher> watcher_;
  os::UniqueFd cgroups_claim_;
  std::unique_ptr<os::Cgroups> cgroups_;
  std::unique_ptr<Launcher> launcher_;
  std::unique_ptr<KeyedWorkers> workers_;
  std::unique_ptr<EffectRunner> runner_;
  std::unique_ptr<runtime::CoreStrand<ContainerizerCore>> strand_;
};

}  // namespace meros::containerizer

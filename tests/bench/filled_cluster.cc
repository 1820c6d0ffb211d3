#include "tests/bench/filled_cluster.h"

#include <algorithm>

#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"

namespace meros::bench {
namespace {

constexpr absl::Duration kLimit = absl::Minutes(5);

testing::LocalClusterOptions Services(const FilledClusterOptions& options, std::string directory) {
  testing::LocalClusterOptions services;
  services.directory = std::move(directory);
  services.masters = options.masters;
  services.agents = 0;
  services.master_flags = options.master_flags;
  return services;
}

}  // namespace

FilledCluster::FilledCluster(const FilledClusterOptions& options)
    : options_(options), cluster_(Services(options, directory_.path())) {}

absl::Status FilledCluster::Start() {
  MEROS_RETURN_IF_ERROR(cluster_.Start());
  MEROS_RETURN_IF_ERROR(WaitForLeader(cluster_.master_address()));
  framework_ =
      std::make_unique<LoadFramework>(LoadFrameworkOptions{.master = cluster_.master_address()});
  framework_->StopLaunching();
  MEROS_RETURN_IF_ERROR(framework_->Start(absl::Seconds(30)));
  agents_ = std::make_unique<SimulatedAgents>(
      SimulatedAgentsOptions{.master = cluster_.master_address(), .agents = options_.agents});
  return agents_->Start(kLimit);
}

HeldTasks FilledCluster::Held() const {
  return {.framework_id = framework_->framework_id(),
          .per_agent = options_.tasks / std::max(1, options_.agents),
          .labels = options_.labels,
          .ended_per_agent = static_cast<int>(options_.ended / std::max(1, options_.agents)),
          .ended_until = started_};
}

absl::Status FilledCluster::Fill() {
  return agents_->Move(cluster_.master_address(), Held(), kLimit);
}

std::shared_ptr<grpc::Channel> FilledCluster::Channel(int master, int connection) {
  auto channel = rpc::MakeChannel(cluster_.master_address(master), {.insecure = true},
                                  {.connection_group = (1 << 21) + connection});
  return channel.ok() ? *channel : nullptr;
}

std::unique_ptr<meros::v1::master::MasterService::Stub> FilledCluster::Stub(int master,
                                                                            int connection) {
  auto channel = Channel(master, connection);
  return channel == nullptr ? nullptr : meros::v1::master::MasterService::NewStub(channel);
}

std::map<std::string, ProcessUsage> FilledCluster::Usage() {
  std::map<std::string, ProcessUsage> usage = {{"allocator", UsageOf(cluster_.allocator().pid())},
                                               {"registry", UsageOf(cluster_.registry().pid())}};
  for (int i = 0; i < options_.masters; ++i) {
    usage[i == 0 ? "master" : absl::StrCat("master-", i)] = UsageOf(cluster_.master(i).pid());
  }
  return usage;
}

}  // namespace meros::bench

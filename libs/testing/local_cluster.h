// A whole cluster of real services on loopback, for integration tests and benchmarks. Each service
// can be killed and restarted at any moment; a restarted one gets its old address and its old disk.
//
//   LocalCluster cluster({.directory = dir.path(), .agents = 1});
//   ASSERT_TRUE(cluster.Start().ok());
//   cluster.agent(0).Kill();  ASSERT_TRUE(cluster.RestartAgent(0).ok());
//
// Thread rule: thread-compatible.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/testing/process.h"

namespace meros::testing {

struct LocalClusterOptions {
  std::string directory;  // data, sockets and logs
  int masters = 1;
  int agents = 1;  // each with its own containerizer
  // So many of them, the last ones, are not started by Start(): they join when the test restarts
  // them.
  int agents_later = 0;
  std::string agent_resources = "cpus:4;mem:4096;disk:10000";
  std::string launcher = "auto";
  // How every service and the command line secure TCP: this, or --tls_ca, --tls_cert and --tls_key.
  std::vector<std::string> security_flags = {"--insecure"};
  // Added to the command line of each process of that service.
  std::vector<std::string> registry_flags = {}, allocator_flags = {}, master_flags = {},
                           agent_flags = {}, containerizer_flags = {};
  // Added last, each time a process is started; asked with "registry", "allocator", "master-0",
  // "containerizer-0", "agent-0". For links that one process alone goes through.
  std::function<std::vector<std::string>(const std::string& process)> flags_of = nullptr;
};

class LocalCluster {
 public:
  explicit LocalCluster(LocalClusterOptions options);
  // Kills everything, and what the agents' containers still run.
  ~LocalCluster();

  // Starts all and waits until each is ready. ERRORS: which service is not, with the end of its
  // log.
  absl::Status Start();

  Process& registry() { return *registry_; }
  Process& allocator() { return *allocator_; }
  Process& master(int i = 0) { return *masters_[i]; }
  Process& agent(int i = 0) { return *agents_[i]; }
  Process& containerizer(int i = 0) { return *containerizers_[i]; }

  // Starts a service again after Kill() or Stop(), on its old address, and waits until it is ready.
  absl::Status RestartRegistry();
  absl::Status RestartAllocator();
  absl::Status RestartMaster(int i = 0);
  absl::Status RestartAgent(int i = 0);
  absl::Status RestartContainerizer(int i = 0);

  // "host:port,host:port" of all masters.
  std::string master_list() const;
  const std::string& registry_address() const { return registry_address_; }
  const std::string& master_address(int i = 0) const { return master_addresses_[i]; }
  std::string cgroups_root(int i) const;
  std::string agent_work_dir(int i) const;

  // Runs `meros` with the arguments and waits. `security` takes the place of security_flags. What
  // it printed and its exit status (not wait status).
  struct CliResult {
    int exit_code = -1;
    std::string out, err;
  };
  CliResult Cli(std::vector<std::string> arguments, absl::Duration limit = absl::Seconds(60));
  CliResult CliSecuredBy(const std::vector<std::string>& security,
                         std::vector<std::string> arguments,
                         absl::Duration limit = absl::Seconds(60));
  // The same in the background.
  std::unique_ptr<Process> CliStart(const std::string& name, std::vector<std::string> arguments);

 private:
  std::unique_ptr<Process> StartCli(const std::string& name,
                                    const std::vector<std::string>& security,
                                    std::vector<std::string> arguments);
  absl::Status Launch(std::unique_ptr<Process>* process, const std::string& name,
                      const std::string& binary, std::vector<std::string> arguments,
                      const std::vector<std::string>& more);

  const LocalClusterOptions options_;
  std::string registry_address_ = "127.0.0.1:0", allocator_address_ = "127.0.0.1:0";
  std::vector<std::string> master_addresses_, agent_addresses_;
  std::unique_ptr<Process> registry_, allocator_;
  std::vector<std::unique_ptr<Process>> masters_, containerizers_, agents_;
  int cli_runs_ = 0;
};

}  // namespace meros::testing

#include "libs/testing/local_cluster.h"

#include <sys/wait.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/status_macros.h"
#include "libs/testing/cgroups.h"

namespace meros::testing {
namespace {

// Long enough for a machine that also compiles.
constexpr absl::Duration kReadyLimit = absl::Seconds(60);

}  // namespace

LocalCluster::LocalCluster(LocalClusterOptions options)
    : options_(std::move(options)),
      master_addresses_(options_.masters, "127.0.0.1:0"),
      agent_addresses_(options_.agents, "127.0.0.1:0"),
      masters_(options_.masters),
      containerizers_(options_.agents),
      agents_(options_.agents) {}

LocalCluster::~LocalCluster() {
  for (auto& agent : agents_) agent.reset();
  for (auto& containerizer : containerizers_) containerizer.reset();
  for (int i = 0; i < options_.agents; ++i) RemoveCgroups(cgroups_root(i));
}

std::string LocalCluster::cgroups_root(int i) const {
  return absl::StrCat("meros-test-", std::filesystem::path(options_.directory).filename().string(),
                      "-", i);
}

std::string LocalCluster::agent_work_dir(int i) const {
  return absl::StrCat(options_.directory, "/agent-", i);
}

std::string LocalCluster::master_list() const { return absl::StrJoin(master_addresses_, ","); }

absl::Status LocalCluster::Launch(std::unique_ptr<Process>* process, const std::string& name,
                                  const std::string& binary, std::vector<std::string> arguments,
                                  const std::vector<std::string>& more) {
  process->reset();
  arguments.push_back("--metrics_port=0");
  if (binary != "meros-containerizer") {  // that listens on a unix socket only
    arguments.insert(arguments.end(), options_.security_flags.begin(),
                     options_.security_flags.end());
  }
  arguments.insert(arguments.end(), more.begin(), more.end());
  if (options_.flags_of != nullptr) {
    for (std::string& flag : options_.flags_of(name)) arguments.push_back(std::move(flag));
  }
  MEROS_ASSIGN_OR_RETURN(*process, Process::Start({.name = name,
                                                   .program = BinaryPath(binary),
                                                   .arguments = std::move(arguments),
                                                   .log_dir = options_.directory}));
  return (*process)->WaitReady(kReadyLimit);
}

absl::Status LocalCluster::Start() {
  MEROS_RETURN_IF_ERROR(RestartRegistry());
  MEROS_RETURN_IF_ERROR(RestartAllocator());
  for (int i = 0; i < options_.masters; ++i) MEROS_RETURN_IF_ERROR(RestartMaster(i));
  for (int i = 0; i < options_.agents - options_.agents_later; ++i) {
    MEROS_RETURN_IF_ERROR(RestartContainerizer(i));
    MEROS_RETURN_IF_ERROR(RestartAgent(i));
  }
  return absl::OkStatus();
}

absl::Status LocalCluster::RestartRegistry() {
  MEROS_RETURN_IF_ERROR(
      Launch(&registry_, "registry", "meros-registry",
             {"--address=" + registry_address_,
              absl::StrCat("--store=sqlite:", options_.directory, "/registry.db")},
             options_.registry_flags));
  registry_address_ = registry_->address();
  return absl::OkStatus();
}

absl::Status LocalCluster::RestartAllocator() {
  MEROS_RETURN_IF_ERROR(Launch(&allocator_, "allocator", "meros-allocator",
                               {"--address=" + allocator_address_}, options_.allocator_flags));
  allocator_address_ = allocator_->address();
  return absl::OkStatus();
}

absl::Status LocalCluster::RestartMaster(int i) {
  MEROS_RETURN_IF_ERROR(
      Launch(&masters_[i], absl::StrCat("master-", i), "meros-master",
             {"--address=" + master_addresses_[i], "--registry=" + registry_address_,
              "--allocator=" + allocator_address_},
             options_.master_flags));
  master_addresses_[i] = masters_[i]->address();
  return absl::OkStatus();
}

absl::Status LocalCluster::RestartContainerizer(int i) {
  return Launch(&containerizers_[i], absl::StrCat("containerizer-", i), "meros-containerizer",
                {absl::StrCat("--socket=", options_.directory, "/c", i, ".sock"),
                 absl::StrCat("--runtime_dir=", options_.directory, "/runtime-", i),
                 "--cgroups_root=" + cgroups_root(i), "--launcher=" + options_.launcher},
                options_.containerizer_flags);
}

absl::Status LocalCluster::RestartAgent(int i) {
  MEROS_RETURN_IF_ERROR(
      Launch(&agents_[i], absl::StrCat("agent-", i), "meros-agent",
             {"--address=" + agent_addresses_[i], "--master=" + master_list(),
              "--work_dir=" + agent_work_dir(i),
              absl::StrCat("--containerizer=unix:", options_.directory, "/c", i, ".sock"),
              "--resources=" + options_.agent_resources},
             options_.agent_flags));
  agent_addresses_[i] = agents_[i]->address();
  return absl::OkStatus();
}

std::unique_ptr<Process> LocalCluster::StartCli(const std::string& name,
                                                const std::vector<std::string>& security,
                                                std::vector<std::string> arguments) {
  // In front: what follows "--" belongs to the task.
  arguments.insert(arguments.begin(), security.begin(), security.end());
  arguments.insert(arguments.begin(), "--master=" + master_list());
  auto process = Process::Start({.name = name,
                                 .program = BinaryPath("meros"),
                                 .arguments = std::move(arguments),
                                 .log_dir = options_.directory});
  return process.ok() ? *std::move(process) : nullptr;
}

std::unique_ptr<Process> LocalCluster::CliStart(const std::string& name,
                                                std::vector<std::string> arguments) {
  return StartCli(name, options_.security_flags, std::move(arguments));
}

LocalCluster::CliResult LocalCluster::Cli(std::vector<std::string> arguments,
                                          absl::Duration limit) {
  return CliSecuredBy(options_.security_flags, std::move(arguments), limit);
}

LocalCluster::CliResult LocalCluster::CliSecuredBy(const std::vector<std::string>& security,
                                                   std::vector<std::string> arguments,
                                                   absl::Duration limit) {
  CliResult result;
  const auto process =
      StartCli(absl::StrCat("meros-", ++cli_runs_), security, std::move(arguments));
  if (process == nullptr) return result;
  const auto status = process->Wait(limit);
  result.out = process->Output();
  result.err = process->Log();
  if (status.ok() && WIFEXITED(*status)) result.exit_code = WEXITSTATUS(*status);
  return result;
}

}  // namespace meros::testing

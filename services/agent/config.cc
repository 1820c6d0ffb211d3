#include "services/agent/config.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/status_macros.h"
#include "libs/resources/attributes.h"
#include "libs/rpc/tls_flags.h"
#include "libs/wire/agent_rules.h"
#include "libs/wire/fault_domain.h"
#include "libs/wire/resources_proto.h"
#include "services/agent/shell/resource_detection.h"
#include "services/agent/shell/wire_codec.h"

namespace meros::agent {
namespace {

void AddNetworkFlags(Config* config, config::FlagSet* flags) {
  flags->Add(&config->address, {.name = "address",
                                .help = "HOST:PORT on which AgentService listens; port 0 lets the "
                                        "kernel choose.",
                                .group = "Network",
                                .constraint = config::NotEmpty()});
  flags->Add(&config->advertise_address,
             {.name = "advertise_address",
              .help = "HOST:PORT under which masters and tools reach this agent; empty: the host "
                      "name, or the address if it names a host, and the bound port.",
              .group = "Network"});
  flags->Add(&config->master, {.name = "master",
                               .help = "HOST:PORT of every master, the leader is found among them.",
                               .group = "Network",
                               .required = config::Required::kYes});
  flags->Add(&config->containerizer, {.name = "containerizer",
                                      .help = "unix:/PATH of this node's containerizer.",
                                      .group = "Network",
                                      .constraint = config::NotEmpty()});
  flags->Add(&config->registration_timeout,
             {.name = "registration_timeout",
              .help = "A master that has not admitted the agent after this is left for another.",
              .group = "Network",
              .constraint = config::AtLeast(absl::Seconds(1))});
  flags->Add(&config->grpc_reflection, {.name = "grpc_reflection",
                                        .help = "Lets tools such as grpcurl list the API.",
                                        .group = "Network"});
  rpc::AddTlsFlags(&config->tls, flags);
}

void AddNodeFlags(Config* config, config::FlagSet* flags) {
  flags->Add(&config->hostname, {.name = "hostname",
                                 .help = "Name of this node in offers; empty: the system's.",
                                 .group = "Node"});
  flags->Add(&config->resources,
             {.name = "resources",
              .help = "What is offered, as \"cpus:4;mem:4096;disk:10000;ports:[31000-32000]\" "
                      "(mem and disk in MiB) or JSON. cpus, mem, disk and ports that are not named "
                      "are detected; an explicit 0 suppresses that.",
              .group = "Node"});
  flags->Add(&config->default_role,
             {.name = "default_role",
              .help = "Role for which resources that name none are reserved; * for none.",
              .group = "Node",
              .constraint = config::NotEmpty()});
  flags->Add(&config->attributes,
             {.name = "attributes",
              .help = "Facts for frameworks to choose by, as \"rack:r1;ssd:1\".",
              .group = "Node"});
  flags->Add(&config->domain,
             {.name = "domain",
              .help = "REGION/ZONE in which the node is; masters must have one too. Empty: in the "
                      "region of the master.",
              .group = "Node"});
  flags->Add(
      &config->work_dir,
      {.name = "work_dir",
       .help = "Directory of checkpoints and sandboxes, on a disk that survives reboots; one "
               "agent each.",
       .group = "Node",
       .constraint = config::NotEmpty()});
}

void AddTaskFlags(Config* config, config::FlagSet* flags) {
  flags->Add(&config->switch_user,
             {.name = "switch_user",
              .help = "Run tasks as the user that they or their framework name; needs root, and is "
                      "off without it.",
              .group = "Tasks"});
  flags->Add(
      &config->enforce_cpu_limits,
      {.name = "enforce_cpu_limits",
       .help = "Tasks without a limit of their own get no more than the cpus they asked for, "
               "even when the node is idle.",
       .group = "Tasks"});
  flags->Add(&config->task_pids_max,
             {.name = "task_pids_max",
              .help = "Processes and threads that one task may have; 0: no limit.",
              .group = "Tasks",
              .constraint = config::AtLeast<int64_t>(0)});
  flags->Add(&config->task_environment,
             {.name = "task_environment",
              .help = "NAME=VALUE pairs given to every task; the task's own win.",
              .group = "Tasks"});
  flags->Add(&config->max_completed_tasks,
             {.name = "max_completed_tasks",
              .help = "Ended tasks that are remembered, also across restarts, so that the next "
                      "leading master can show them; 0: none.",
              .group = "Tasks",
              .constraint = config::InRange<int64_t>(0, 100'000)});
  flags->Add(&config->kill_grace,
             {.name = "kill_grace",
              .help = "Time between SIGTERM and SIGKILL for tasks without a kill policy.",
              .group = "Tasks",
              .constraint = config::InRange(absl::ZeroDuration(), absl::Hours(24))});
  flags->Add(&config->update_retry_initial,
             {.name = "update_retry_initial",
              .help = "An update that is not acknowledged is sent again after this; doubles each "
                      "time.",
              .group = "Tasks",
              .constraint = config::AtLeast(absl::Milliseconds(10))});
  flags->Add(&config->update_retry_max, {.name = "update_retry_max",
                                         .help = "Longest time between two sendings of an update.",
                                         .group = "Tasks",
                                         .constraint = config::AtLeast(absl::Milliseconds(10))});
}

void AddDiskFlags(Config* config, config::FlagSet* flags) {
  flags->Add(&config->gc_delay,
             {.name = "gc_delay",
              .help = "Sandboxes are deleted this long after their task has ended, sooner when the "
                      "disk fills.",
              .group = "Disk",
              .constraint = config::InRange(absl::ZeroDuration(), absl::Hours(24 * 365))});
  flags->Add(&config->gc_disk_headroom,
             {.name = "gc_disk_headroom",
              .help = "Part of the disk that is kept free by deleting sandboxes early.",
              .group = "Disk",
              .constraint = config::InRange(0.0, 1.0)});
  flags->Add(&config->disk_watch_interval, {.name = "disk_watch_interval",
                                            .help = "Time between two looks at the disk.",
                                            .group = "Disk",
                                            .constraint = config::AtLeast(absl::Seconds(1))});
}

struct HostPort {
  std::string host;
  std::string port;
};

// The last colon separates; IPv6 hosts stand in brackets.
std::optional<HostPort> Split(absl::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos || colon == 0 || colon + 1 == address.size()) {
    return std::nullopt;
  }
  return HostPort{std::string(address.substr(0, colon)), std::string(address.substr(colon + 1))};
}

bool IsWildcard(absl::string_view host) { return host == "0.0.0.0" || host == "[::]"; }

std::string SystemHostname() {
  char name[256] = {};
  if (::gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

// The first IPv4 address of a name; empty when there is none.
std::string LookUp(const std::string& host) {
  struct addrinfo hints = {};
  hints.ai_family = AF_INET;
  struct addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return "";
  char text[NI_MAXHOST] = {};
  const int error = ::getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), nullptr, 0,
                                  NI_NUMERICHOST);
  ::freeaddrinfo(found);
  return error == 0 ? text : "";
}

absl::Status FillInfo(const Config& config, const std::string& port, AgentOptions* options) {
  options->info.set_hostname(config.hostname.empty() ? SystemHostname() : config.hostname);
  options->info.set_port(std::atoi(port.c_str()));
  MEROS_ASSIGN_OR_RETURN(const resources::Resources total,
                         DetectResources(config.resources, config.default_role, config.work_dir));
  wire::ResourcesToProto(total, options->info.mutable_resources());
  auto attributes = resources::Attributes::Parse(config.attributes);
  if (!attributes.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--attributes: ", attributes.status().message()));
  }
  wire::AttributesToProto(*attributes, options->info.mutable_attributes());
  auto domain = wire::FaultDomainFromText(config.domain);
  if (!domain.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--domain: ", domain.status().message()));
  }
  if (domain->has_fault_domain()) *options->info.mutable_domain() = *std::move(domain);
  return wire::ValidateAgentInfo(options->info, wire::FieldPath("agent")).status();
}

}  // namespace

void AddFlags(Config* config, config::FlagSet* flags) {
  config->common.metrics_port = 9051;
  config::AddCommonFlags(&config->common, flags);
  AddNetworkFlags(config, flags);
  AddNodeFlags(config, flags);
  AddTaskFlags(config, flags);
  AddDiskFlags(config, flags);
}

absl::Status Validate(const Config& config) {
  MEROS_RETURN_IF_ERROR(config.tls.Validate());
  if (config.master.empty()) return absl::InvalidArgumentError("--master names no master");
  for (const std::string& master : config.master) {
    if (!Split(master).has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--master: '", master, "' is not of the form HOST:PORT"));
    }
  }
  if (!Split(config.address).has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--address: '", config.address, "' is not of the form HOST:PORT"));
  }
  if (!config.advertise_address.empty() && !Split(config.advertise_address).has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--advertise_address: '", config.advertise_address, "' is not of the form HOST:PORT"));
  }
  if (!absl::StartsWith(config.containerizer, "unix:/")) {
    return absl::InvalidArgumentError(absl::StrCat("--containerizer: '", config.containerizer,
                                                   "' is not of the form unix:/PATH"));
  }
  if (config.work_dir.front() != '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("--work_dir: '", config.work_dir, "' is not an absolute path"));
  }
  if (config.update_retry_initial > config.update_retry_max) {
    return absl::InvalidArgumentError("--update_retry_initial is longer than --update_retry_max");
  }
  for (const std::string& pair : config.task_environment) {
    if (pair.find('=') == std::string::npos || pair.front() == '=') {
      return absl::InvalidArgumentError(
          absl::StrCat("--task_environment: '", pair, "' is not of the form NAME=VALUE"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<AgentOptions> CoreOptions(const Config& config, int bound_port) {
  AgentOptions options;
  const std::string host = Split(config.address)->host;
  const std::string name = config.hostname.empty() ? SystemHostname() : config.hostname;
  HostPort advertised{IsWildcard(host) ? name : host, absl::StrCat(bound_port)};
  if (!config.advertise_address.empty()) advertised = *Split(config.advertise_address);
  MEROS_RETURN_IF_ERROR(FillInfo(config, advertised.port, &options));
  options.service_address = absl::StrCat(advertised.host, ":", advertised.port);
  options.ip = LookUp(advertised.host);
  options.version = std::string(config::Version());
  options.work_dir = config.work_dir;
  using Capability = v1::AgentInfo::Capability;
  options.capabilities = {Capability::MULTI_ROLE,
                          Capability::HIERARCHICAL_ROLE,
                          Capability::RESERVATION_REFINEMENT,
                          Capability::RESIZE_VOLUME,
                          Capability::AGENT_OPERATION_FEEDBACK,
                          Capability::AGENT_DRAINING,
                          Capability::TASK_RESOURCE_LIMITS};
  options.codec = WireCodec();
  options.switch_user = config.switch_user && ::geteuid() == 0;
  options.enforce_cpu_limits = config.enforce_cpu_limits;
  options.task_pids_max = static_cast<uint64_t>(config.task_pids_max);
  for (const std::string& pair : config.task_environment) {
    const size_t equals = pair.find('=');
    options.task_environment.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  options.max_completed_tasks = static_cast<size_t>(config.max_completed_tasks);
  options.kill_grace = config.kill_grace;
  options.update_retry_initial = config.update_retry_initial;
  options.update_retry_max = config.update_retry_max;
  options.registration_timeout = config.registration_timeout;
  return options;
}

SandboxOptions SandboxOptionsOf(const Config& config) {
  return {.work_dir = config.work_dir,
          .gc_delay = config.gc_delay,
          .gc_disk_headroom = config.gc_disk_headroom,
          .disk_watch_interval = config.disk_watch_interval};
}

}  // namespace meros::agent

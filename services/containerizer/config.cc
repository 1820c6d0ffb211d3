#include "services/containerizer/config.h"

#include <limits.h>
#include <unistd.h>

namespace meros::containerizer {

void AddFlags(Config* config, config::FlagSet* flags) {
  config->common.metrics_port = 9054;
  config::AddCommonFlags(&config->common, flags);
  flags->Add(&config->socket, {.name = "socket",
                               .help = "Absolute path of the unix socket for the agent.",
                               .group = "Network",
                               .constraint = config::NotEmpty()});
  flags->Add(&config->grpc_reflection,
             {.name = "grpc_reflection",
              .help = "Lets tools such as grpcurl list the API on the socket.",
              .group = "Network"});
  flags->Add(
      &config->runtime_dir,
      {.name = "runtime_dir",
       .help = "Directory for what is known about containers; one containerizer each. On tmpfs: "
               "containers do not survive a reboot either.",
       .group = "Containers",
       .constraint = config::NotEmpty()});
  flags->Add(&config->cgroups_root,
             {.name = "cgroups_root",
              .help = "Name of the cgroup below which all containers live; one containerizer each. "
                      "What is in it and not ours is destroyed.",
              .group = "Containers",
              .constraint = config::NotEmpty()});
  flags->Add(&config->launcher,
             {.name = "launcher",
              .help = "linux: namespaces and cgroups, needs root. posix: no isolation, no limits. "
                      "auto: linux where possible.",
              .group = "Containers",
              .constraint = config::OneOf({"auto", "linux", "posix"})});
  flags->Add(&config->init_path,
             {.name = "init_path",
              .help = "Path of meros-init; empty for the one beside this program.",
              .group = "Containers"});
  flags->Add(&config->max_containers,
             {.name = "max_containers",
              .help = "Containers that may be known at a time, terminated ones included.",
              .group = "Containers",
              .constraint = config::InRange<int64_t>(1, 100000)});
  flags->Add(&config->workers,
             {.name = "workers",
              .help = "Containers that are set up or taken down at the same time.",
              .group = "Containers",
              .constraint = config::InRange<int64_t>(1, 256)});
}

std::string InitProgram(const Config& config) {
  if (!config.init_path.empty()) return config.init_path;
  char path[PATH_MAX];
  const ssize_t bytes = ::readlink("/proc/self/exe", path, sizeof(path));
  const std::string self(path, bytes > 0 ? static_cast<size_t>(bytes) : 0);
  return self.substr(0, self.rfind('/') + 1) + "meros-init";
}

}  // namespace meros::containerizer

// The containerizer's settings.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <string>

#include "libs/config/common_flags.h"
#include "libs/config/flag_set.h"

namespace meros::containerizer {

struct Config {
  config::CommonConfig common;
  std::string socket = "/run/meros/containerizer.sock";
  std::string runtime_dir = "/run/meros/containerizer";
  std::string cgroups_root = "meros";
  std::string launcher = "auto";
  std::string init_path;  // empty: meros-init beside this program
  int64_t max_containers = 10000;
  int64_t workers = 8;
  bool grpc_reflection = false;
};

// `config` must outlive `flags`.
void AddFlags(Config* config, config::FlagSet* flags);

// config.init_path, or the meros-init that lies beside the running program.
std::string InitProgram(const Config& config);

}  // namespace meros::containerizer

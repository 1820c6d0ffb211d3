// The flags that every service has besides those of FlagSet itself (--config, --help, --version).
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <string>

#include "libs/config/flag_set.h"

namespace meros::config {

struct CommonConfig {
  std::string log_level = "info";
  std::string log_format = "text";
  std::string metrics_address = "0.0.0.0";
  int64_t metrics_port = 0;
};

// `common->metrics_port` holds the service's default port (ARCHITECTURE 1).
void AddCommonFlags(CommonConfig* common, FlagSet* flags);

}  // namespace meros::config

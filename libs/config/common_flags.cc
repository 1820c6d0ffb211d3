#include "libs/config/common_flags.h"

namespace meros::config {

void AddCommonFlags(CommonConfig* common, FlagSet* flags) {
  flags->Add(&common->log_level, {.name = "log_level",
                                  .help = "Least severe records that are logged.",
                                  .group = "Monitoring",
                                  .constraint = OneOf({"debug", "info", "warning", "error"})});
  flags->Add(&common->log_format, {.name = "log_format",
                                   .help = "Format of log records on stderr.",
                                   .group = "Monitoring",
                                   .constraint = OneOf({"text", "json"})});
  flags->Add(&common->metrics_address,
             {.name = "metrics_address",
              .help = "Numeric IPv4 address on which /metrics, /healthz and /readyz are served.",
              .group = "Monitoring",
              .constraint = NotEmpty()});
  flags->Add(&common->metrics_port,
             {.name = "metrics_port",
              .help = "Port of /metrics, /healthz and /readyz; 0 lets the kernel choose.",
              .group = "Monitoring",
              .constraint = IsPort()});
}

}  // namespace meros::config

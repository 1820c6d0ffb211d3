// meros-agent: runs tasks on this node. See README.md.
#include "libs/runtime/signals.h"
#include "libs/telemetry/log.h"
#include "services/agent/config.h"
#include "services/agent/run.h"

int main(int argc, char** argv) {
  using namespace meros;
  runtime::BlockStopSignals();
  agent::Config config;
  config::FlagSet flags("agent", "Runs tasks on this node.");
  agent::AddFlags(&config, &flags);
  const std::vector<std::string> warnings = config::ParseOrExit(argc, argv, &flags);
  telemetry::InitLogging({.service = "agent",
                          .level = *telemetry::ParseSeverity(config.common.log_level),
                          .format = *telemetry::ParseLogFormat(config.common.log_format)});
  for (const std::string& warning : warnings) MEROS_LOG(WARNING) << warning;
  const absl::Status status = agent::Run(config);
  if (status.ok()) return 0;
  MEROS_LOG(ERROR) << "cannot run: " << status.message();
  return 1;
}

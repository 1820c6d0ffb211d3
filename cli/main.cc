// meros: the command line of the cluster manager. One verb per file; this one puts them together.
#include <cstdio>
#include <cstdlib>

#include "cli/agents.h"
#include "cli/maintenance.h"
#include "cli/verbs.h"
#include "libs/rpc/status.h"

namespace meros::cli {

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "meros: %s\n", std::string(status.message()).c_str());
  return 1;
}

void AddConnectionOptions(CLI::App* app, Common* common) {
  ConnectionOptions& connection = common->connection;
  app->add_option("--master", connection.masters, "Masters, host:port separated by commas")
      ->delimiter(',')
      ->envname("MEROS_MASTER");
  app->add_flag("--insecure", connection.tls.insecure, "Plaintext; for loopback development only")
      ->envname("MEROS_INSECURE");
  app->add_option("--tls_ca", connection.tls.ca_file, "PEM file of the authority to trust")
      ->envname("MEROS_TLS_CA");
  app->add_option("--tls_cert", connection.tls.cert_file, "PEM file of our certificate")
      ->envname("MEROS_TLS_CERT");
  app->add_option("--tls_key", connection.tls.key_file, "PEM file of our key")
      ->envname("MEROS_TLS_KEY");
  app->add_option("--tls_server_name", connection.tls.server_name,
                  "Expected name of the server when it is not its address")
      ->envname("MEROS_TLS_SERVER_NAME");
  app->add_option("--timeout", connection.timeout_seconds, "Seconds to find a leader, and per call")
      ->check(CLI::Range(0.1, 3600.0));
}

}  // namespace meros::cli

int main(int argc, char** argv) {
  using namespace meros::cli;
  // gRPC writes a line for each failed connection; what failed in the end is said once, by us.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  CLI::App app("The command line of the Meros cluster manager.", "meros");
  Common common;
  AddConnectionOptions(&app, &common);
  app.add_flag("--json", common.json, "JSON for programs instead of tables");
  app.require_subcommand(1);
  app.fallthrough();  // common options may also follow the verb
  for (auto add : {AddRun,      AddPs,          AddTask,       AddLogs,        AddKill,
                   AddAgents,   AddAgent,       AddFrameworks, AddFramework,   AddExecutors,
                   AddOffers,   AddTeardown,    AddQuota,      AddWeight,      AddRole,
                   AddReserve,  AddUnreserve,   AddVolume,     AddOperations,  AddExplain,
                   AddSnapshot, AddSimulate,    AddRegistry,   AddTop,         AddWatch,
                   AddLogLevel, AddMasterFlags, AddVersion,    AddMaintenance, AddCompletion}) {
    add(&app, &common);
  }
  CLI11_PARSE(app, argc, argv);
  return common.chosen();
}

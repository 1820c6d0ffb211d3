// The verbs of `meros`, one file each. Add<Verb>() declares the verb's options on the command line
// and says what to run when it is chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "cli/connection.h"

namespace meros::cli {

// What all verbs share.
struct Common {
  ConnectionOptions connection;
  bool json = false;
  std::function<int()> chosen;  // set by the verb that was given; its result is the exit code
};

void AddRun(CLI::App* app, Common* common);
void AddPs(CLI::App* app, Common* common);
void AddTask(CLI::App* app, Common* common);
void AddLogLevel(CLI::App* app, Common* common);
void AddLogs(CLI::App* app, Common* common);
void AddKill(CLI::App* app, Common* common);
void AddAgents(CLI::App* app, Common* common);
void AddMasterFlags(CLI::App* app, Common* common);
void AddFrameworks(CLI::App* app, Common* common);
void AddFramework(CLI::App* app, Common* common);
void AddExecutors(CLI::App* app, Common* common);
void AddOffers(CLI::App* app, Common* common);
void AddTeardown(CLI::App* app, Common* common);
void AddQuota(CLI::App* app, Common* common);
void AddWeight(CLI::App* app, Common* common);
void AddExplain(CLI::App* app, Common* common);
void AddRegistry(CLI::App* app, Common* common);
void AddRegistryWatch(CLI::App* registry, Common* common);
void AddRole(CLI::App* app, Common* common);
void AddSnapshot(CLI::App* app, Common* common);
void AddSimulate(CLI::App* app, Common* common);
void AddReserve(CLI::App* app, Common* common);
void AddUnreserve(CLI::App* app, Common* common);
void AddVolume(CLI::App* app, Common* common);
void AddOperations(CLI::App* app, Common* common);
void AddTop(CLI::App* app, Common* common);
void AddWatch(CLI::App* app, Common* common);
void AddVersion(CLI::App* app, Common* common);
void AddCompletion(CLI::App* app, Common* common);

// Prints "meros: <message>" to stderr; the exit code of a verb that failed.
int Fail(const absl::Status& status);

// Options --master, --insecure, ... and their environment variables.
void AddConnectionOptions(CLI::App* app, Common* common);

}  // namespace meros::cli

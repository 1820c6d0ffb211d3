// meros-local-cluster: a whole cluster on loopback for tests that are not written in C++.
//
//   meros-local-cluster --directory=DIR [--agents=N] [--masters=N]
//
// Once everything is ready it prints one line of JSON, then waits for the end of its standard input
// and takes the cluster down:
//   {"masters":"HOST:PORT,...","services":[{"name":"master-0","job":"meros-master","pid":1,
//     "address":"HOST:PORT","metrics_port":1},...]}
#include <stdio.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "libs/testing/local_cluster.h"

ABSL_FLAG(std::string, directory, "", "Where data, sockets and logs go; must exist.");
ABSL_FLAG(int, agents, 1, "Number of agents, each with a containerizer.");
ABSL_FLAG(int, masters, 1, "Number of masters.");

namespace meros::testing {
namespace {

std::string Describe(const std::string& name, const std::string& job, const Process& process) {
  return absl::StrFormat(R"({"name":"%s","job":"%s","pid":%d,"address":"%s","metrics_port":%d})",
                         name, job, process.pid(), process.address(), process.metrics_port());
}

std::string Describe(LocalCluster* cluster, int masters, int agents) {
  std::vector<std::string> services = {
      Describe("registry", "meros-registry", cluster->registry()),
      Describe("allocator", "meros-allocator", cluster->allocator())};
  for (int i = 0; i < masters; ++i) {
    services.push_back(Describe(absl::StrCat("master-", i), "meros-master", cluster->master(i)));
  }
  for (int i = 0; i < agents; ++i) {
    services.push_back(Describe(absl::StrCat("agent-", i), "meros-agent", cluster->agent(i)));
    services.push_back(Describe(absl::StrCat("containerizer-", i), "meros-containerizer",
                                cluster->containerizer(i)));
  }
  return absl::StrFormat(R"({"masters":"%s","services":[%s]})", cluster->master_list(),
                         absl::StrJoin(services, ","));
}

int Run() {
  const int masters = absl::GetFlag(FLAGS_masters);
  const int agents = absl::GetFlag(FLAGS_agents);
  LocalCluster cluster(
      {.directory = absl::GetFlag(FLAGS_directory), .masters = masters, .agents = agents});
  if (const absl::Status status = cluster.Start(); !status.ok()) {
    absl::FPrintF(stderr, "%s\n", status.message());
    return 1;
  }
  puts(Describe(&cluster, masters, agents).c_str());
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}

}  // namespace
}  // namespace meros::testing

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  if (absl::GetFlag(FLAGS_directory).empty()) {
    fputs("--directory is required\n", stderr);
    return 2;
  }
  return meros::testing::Run();
}

// A benchmark by name, its options, and the list of all. One file per benchmark.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/rpc/credentials.h"
#include "tests/bench/report.h"

namespace meros::bench {

// Options on the command line, --name=value; every benchmark documents its own.
class Options {
 public:
  // ERRORS: InvalidArgument for what is not --name=value or --name value with a number.
  static absl::StatusOr<Options> Parse(const std::vector<std::string>& arguments);

  // The value of an option, or its default; either is noted in the report's parameters.
  double Get(const std::string& name, double fallback);
  // ERRORS: InvalidArgument naming an option that no Get() asked for.
  absl::Status CheckAllUsed() const;

  const std::map<std::string, double>& used() const { return used_; }
  bool json() const { return json_; }

 private:
  std::map<std::string, double> given_;
  std::map<std::string, double> used_;
  bool json_ = false;
};

struct Benchmark {
  std::string name;
  std::string target;   // row of the performance targets, "T3"; empty for none
  std::string summary;  // one line, with the options
  absl::StatusOr<Report> (*run)(Options* options);
};

const std::vector<Benchmark>& AllBenchmarks();

// Waits until a master leads: one is ready before that, and would refuse agents that came in
// between. ERRORS: DeadlineExceeded.
absl::Status WaitForLeader(const std::string& address, absl::Duration limit = absl::Seconds(30),
                           const rpc::TlsOptions& tls = {.insecure = true});

absl::StatusOr<Report> RunLaunch(Options* options);
absl::StatusOr<Report> RunUpdates(Options* options);
absl::StatusOr<Report> RunMillion(Options* options);
absl::StatusOr<Report> RunFailover(Options* options);
absl::StatusOr<Report> RunBareStreams(Options* options);
absl::StatusOr<Report> RunElection(Options* options);
absl::StatusOr<Report> RunState(Options* options);
absl::StatusOr<Report> RunListings(Options* options);
absl::StatusOr<Report> RunIdle(Options* options);
absl::StatusOr<Report> RunWatch(Options* options);
absl::StatusOr<Report> RunAllocate(Options* options);
absl::StatusOr<Report> RunAllocateQuota(Options* options);
absl::StatusOr<Report> RunAllocateDeep(Options* options);
absl::StatusOr<Report> RunAllocateLatency(Options* options);
absl::StatusOr<Report> RunAllocateShapes(Options* options);
absl::StatusOr<Report> RunAllocatorCrash(Options* options);
absl::StatusOr<Report> RunRegistry(Options* options);
absl::StatusOr<Report> RunRegistryZooKeeper(Options* options);
absl::StatusOr<Report> RunContainers(Options* options);
absl::StatusOr<Report> RunContainerLatency(Options* options);
absl::StatusOr<Report> RunSequential(Options* options);

}  // namespace meros::bench

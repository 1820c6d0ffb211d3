// The real services under a large cluster of simulated agents that run tasks: what the benchmarks
// of a full master begin with. The tasks are not launched: agents say that they run them when they
// return, which is how a new leader learns of tasks too.
//
// Thread rule: thread-compatible.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "meros/v1/master/master_service.grpc.pb.h"
#include "tests/bench/benchmark.h"
#include "tests/bench/load_framework.h"
#include "tests/bench/simulated_agents.h"

namespace meros::bench {

struct FilledClusterOptions {
  int masters = 1;
  int agents = 1000;
  int tasks = 10000;  // divided evenly among the agents
  int labels = 10;    // of each task
  int64_t ended = 0;  // tasks that agents remember, divided evenly among them
  std::vector<std::string> master_flags = {};
};

class FilledCluster {
 public:
  explicit FilledCluster(const FilledClusterOptions& options);

  // Starts everything; all agents and a framework are registered with master 0, no task runs yet.
  absl::Status Start();
  // What agents say that they run from now on.
  HeldTasks Held() const;
  // The agents return to master 0 with their tasks.
  absl::Status Fill();

  testing::LocalCluster& cluster() { return cluster_; }
  SimulatedAgents& agents() { return *agents_; }
  LoadFramework& framework() { return *framework_; }
  // Null if it cannot be made. Distinct numbers give distinct connections.
  std::shared_ptr<grpc::Channel> Channel(int master, int connection = 0);
  std::unique_ptr<meros::v1::master::MasterService::Stub> Stub(int master, int connection = 0);
  // CPU and memory of the services as they are now, but for masters that are gone.
  std::map<std::string, ProcessUsage> Usage();

 private:
  const FilledClusterOptions options_;
  const absl::Time started_ = Now();
  testing::TempDir directory_;
  testing::LocalCluster cluster_;
  std::unique_ptr<SimulatedAgents> agents_;
  std::unique_ptr<LoadFramework> framework_;
};

}  // namespace meros::bench

// A real ZooKeeper ensemble for tests and benchmarks: plain java processes on loopback, each with
// its data in a folder of the test. Servers can be killed, restarted, paused and resumed.
//
//   ZooKeeperEnsemble ensemble({.directory = dir.path()});
//   ASSERT_TRUE(ensemble.Start().ok());
//   ensemble.Kill(*ensemble.Leader());
//
// A start costs about a second of CPU per server, so tests of one program share one ensemble and
// use paths of their own. Each process has a loopback address of its own (from its pid), so that
// ports never clash with those of others. Servers that are to be cut from each other have hosts of
// their own.
//
// Thread rule: thread-compatible. Nothing runs on when the starting thread has ended.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/testing/process.h"
#include "libs/testing/separate_hosts.h"

namespace meros::testing {

struct ZooKeeperEnsembleOptions {
  std::string directory;  // data and logs
  int servers = 3;        // 1: a single server without replication
  // ZooKeeper counts sessions in ticks: they last at least two of them.
  absl::Duration tick = absl::Milliseconds(200);
  // For measurements: fsync each transaction, let the compiler work, give it memory.
  bool durable = false;
  // Each server on a host of its own (separate_hosts.h), so that they can be cut from each other.
  // Needs root.
  bool on_separate_hosts = false;
  // A server that hears nothing from the others for so long looks for a new leader.
  absl::Duration peer_timeout = absl::Seconds(10);
};

class ZooKeeperEnsemble {
 public:
  explicit ZooKeeperEnsemble(ZooKeeperEnsembleOptions options);
  ~ZooKeeperEnsemble();  // kills all

  // Starts all servers and waits until each serves. ERRORS: NotFound (ZooKeeper or java is not
  // installed), DeadlineExceeded, Internal; with the end of a server's log.
  absl::Status Start();

  // "host:port,host:port,host:port" of all.
  std::string servers() const;
  std::string server(int i) const;
  int size() const { return options_.servers; }

  void Kill(int i) { processes_[i]->Kill(); }
  // Starts it again on its data, without waiting for it.
  absl::Status Restart(int i);
  // REQUIRES: on_separate_hosts. All others go on hearing each of the two.
  absl::Status Cut(int i, int j) { return hosts_->Cut(i, j); }
  void Pause(int i);   // SIGSTOP
  void Resume(int i);  // SIGCONT
  Process& process(int i) { return *processes_[i]; }

  // "leader", "follower" or "standalone" while the server serves; else empty.
  std::string Mode(int i) const;
  // The present leader of those that serve.
  std::optional<int> Leader() const;
  // Mends, resumes and restarts whatever is cut or does not run, and waits until all serve.
  absl::Status Heal();

 private:
  absl::Status Launch(int i);
  absl::Status AwaitAll();

  const ZooKeeperEnsembleOptions options_;
  const std::string& host(int i) const;
  int port(int i) const { return first_port_ + 3 * i; }  // and the next two for the others

  const std::string loopback_;
  const int first_port_;
  std::unique_ptr<SeparateHosts> hosts_;  // outlives the processes
  std::vector<std::unique_ptr<Process>> processes_;
};

}  // namespace meros::testing

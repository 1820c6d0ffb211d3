// Hosts of their own for programs under test, with a cable between every two of them and one from
// each to us: network namespaces that know each other by veth pairs. A cable can be cut, so that
// both ends hear only silence, and be mended: what they send goes to a hardware address that nobody
// has.
//
//   auto hosts = SeparateHosts::Create(3, dir.path());
//   Process::Start({.program = hosts->enter(0).front(), ...});  // runs on the first
//   hosts->Cut(0, 1);
//
// Needs root, and `ip`, `nsenter` and `unshare`. Nothing is left behind, however the test ends: the
// namespaces live as long as processes in them, which end with us, and the cables go with them.
// Addresses are of 100.64.0.0/10 (RFC 6598), from our pid: tests that run beside do not clash.
//
// Thread rule: thread-compatible.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/testing/process.h"

namespace meros::testing {

class SeparateHosts {
 public:
  // At most 3, once in a process at a time. `log_dir`: what the tools print. ERRORS: Internal, with
  // what a tool said.
  static absl::StatusOr<std::unique_ptr<SeparateHosts>> Create(int count,
                                                               const std::string& log_dir);

  ~SeparateHosts();

  // By which all others reach it.
  const std::string& address(int i) const { return hosts_[i].address; }
  // What to put before the command line of a program that is to run there; a whole path first.
  std::vector<std::string> enter(int i) const;

  // The cable between two of them. What is sent meanwhile is lost; connections learn nothing.
  absl::Status Cut(int i, int j);
  absl::Status Mend(int i, int j);
  // All of them.
  absl::Status MendAll();

 private:
  struct Host {
    std::string address;
    std::unique_ptr<Process> holder;  // keeps the namespace
  };

  explicit SeparateHosts(std::string log_dir) : log_dir_(std::move(log_dir)) {}
  absl::Status Add(int i);
  absl::Status Connect(int i, int j);
  // From now on host i sends what is for j to that hardware address.
  absl::Status SendTo(int i, int j, const std::string& card);
  // `ip` with these words, on host i; ours for -1.
  absl::Status Ip(int i, const std::string& words);

  const std::string log_dir_;
  std::vector<Host> hosts_;
};

}  // namespace meros::testing

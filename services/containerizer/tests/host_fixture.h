// What the tests of the whole shell share: directories and a cgroup root of their own, a client
// that asks and waits, and the proof that nothing is left behind.
//
// Thread rule: the test's thread, but for Receive.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/mutex.h"
#include "libs/linux/cgroups.h"
#include "libs/linux/files.h"
#include "libs/linux/process.h"
#include "meros/containerizer/v1/containerizer.pb.h"

namespace meros::containerizer {

// Every wait in these tests ends after this.
inline constexpr absl::Duration kTestDeadline = absl::Seconds(60);

// Collects what comes from the containerizer on one stream.
class TestClient {
 public:
  void Receive(v1::Responses frame) {
    MutexLock lock(&mutex_);
    for (v1::Response& response : *frame.mutable_responses()) {
      if (response.request_id() != 0) {
        answers_[response.request_id()] = std::move(response);
      } else if (response.has_started()) {
        started_[response.started().container_id()] = response.started();
      } else if (response.has_terminated()) {
        terminated_[response.terminated().container_id()] = response.terminated().termination();
        ++terminations_;
      }
    }
    changed_.SignalAll();
  }

  v1::Response AwaitAnswer(uint64_t request_id) { return Await(&answers_, request_id); }
  v1::ContainerStarted AwaitStarted(const std::string& id) { return Await(&started_, id); }
  v1::Termination AwaitTerminated(const std::string& id) { return Await(&terminated_, id); }
  bool HasTerminated(const std::string& id) {
    MutexLock lock(&mutex_);
    return terminated_.count(id) > 0;
  }
  int terminations() {
    MutexLock lock(&mutex_);
    return terminations_;
  }

 private:
  template <typename Key, typename Value>
  Value Await(std::map<Key, Value>* from, const Key& key) {
    MutexLock lock(&mutex_);
    const absl::Time give_up = absl::Now() + kTestDeadline;
    while (from->count(key) == 0) {
      if (absl::Now() > give_up) {
        ADD_FAILURE() << "nothing came for " << key;
        return Value();
      }
      changed_.WaitFor(&mutex_, give_up - absl::Now());
    }
    return (*from)[key];
  }

  Mutex mutex_;
  CondVar changed_;
  std::map<uint64_t, v1::Response> answers_;
  std::map<std::string, v1::ContainerStarted> started_;
  std::map<std::string, v1::Termination> terminated_;
  int terminations_ = 0;
};

// A directory that vanishes with the test, open to every user.
class TestDirectory {
 public:
  TestDirectory() {
    char pattern[] = "/tmp/meros-ctz-XXXXXX";
    path_ = ::mkdtemp(pattern);
    ::chmod(path_.c_str(), 0777);
  }
  ~TestDirectory() { os::RemoveTree(path_).IgnoreError(); }

  const std::string& path() const { return path_; }
  std::string At(absl::string_view name) const { return absl::StrCat(path_, "/", name); }

  // A fresh sandbox below it.
  std::string Sandbox(absl::string_view id) const {
    const std::string sandbox = At(absl::StrCat("sandbox-", id));
    EXPECT_TRUE(os::MakeDirectories(sandbox, 0777).ok());
    ::chmod(sandbox.c_str(), 0777);
    return sandbox;
  }
  std::string Output(absl::string_view id, absl::string_view file = "stdout") const {
    return os::ReadFile(absl::StrCat(At(absl::StrCat("sandbox-", id)), "/", file), 256 << 20)
        .value_or("");
  }
  // Waits for a container to have written `text`.
  void AwaitOutput(absl::string_view id, absl::string_view text) const {
    const absl::Time give_up = absl::Now() + kTestDeadline;
    while (!absl::StrContains(Output(id), text)) {
      ASSERT_LT(absl::Now(), give_up) << id << " wrote: " << Output(id);
      absl::SleepFor(absl::Milliseconds(2));
    }
  }

 private:
  std::string path_;
};

// A spec that runs a shell line in full isolation.
inline v1::LaunchSpec ShellSpec(const std::string& id, const std::string& line,
                                const std::string& sandbox) {
  v1::LaunchSpec spec;
  spec.set_container_id(id);
  spec.mutable_command()->set_shell(true);
  spec.mutable_command()->set_value(line);
  spec.set_sandbox_directory(sandbox);
  v1::Namespaces* const namespaces = spec.mutable_namespaces();
  namespaces->set_pid(true);
  namespaces->set_mount(true);
  namespaces->set_ipc(true);
  namespaces->set_uts(true);
  v1::ContainerResources* const resources = spec.mutable_resources();
  resources->set_cpu_request_millis(100);
  resources->set_memory_limit_bytes(64 << 20);
  resources->set_pids_limit(64);
  return spec;
}

// Names of this user's processes whose command line holds `text`.
inline std::vector<int> ProcessesWith(const std::string& text) {
  std::vector<int> pids;
  const std::vector<std::string> names = os::ListDirectory("/proc").value();
  for (const std::string& name : names) {
    const int pid = ::atoi(name.c_str());
    if (pid == 0 || pid == ::getpid()) continue;
    const auto line = os::ReadFile(absl::StrCat("/proc/", pid, "/cmdline"));
    if (line.ok() && absl::StrContains(*line, text)) pids.push_back(pid);
  }
  return pids;
}

// No cgroup below `cgroups_root`, no mount and no process that names `directory`.
inline void ExpectNothingLeft(const std::string& cgroups_root, const std::string& directory) {
  auto cgroups = os::DetectCgroups(cgroups_root);
  if (cgroups.ok()) {
    EXPECT_EQ((*cgroups)->List().value(), std::vector<std::string>());
  }
  const std::string mounts = os::ReadFile("/proc/self/mountinfo", 64 << 20).value();
  EXPECT_FALSE(absl::StrContains(mounts, directory));
  EXPECT_EQ(ProcessesWith(directory), std::vector<int>());
}

}  // namespace meros::containerizer

#include "libs/testing/cgroups.h"

#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace meros::testing {

void RemoveCgroups(const std::string& root) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (int round = 0; round < 50; ++round) {
    bool left = false;
    std::vector<std::string> directories;
    std::vector<std::string> tops = {"/sys/fs/cgroup/" + root};
    for (const auto& entry : fs::directory_iterator("/sys/fs/cgroup", error)) {
      if (entry.is_directory(error)) tops.push_back(entry.path().string() + "/" + root);
    }
    for (const std::string& top : tops) {
      if (!fs::is_directory(top, error)) continue;
      left = true;
      directories.push_back(top);
      for (const auto& entry : fs::recursive_directory_iterator(top, error)) {
        if (entry.is_directory(error)) directories.push_back(entry.path().string());
      }
    }
    if (!left) return;
    for (auto it = directories.rbegin(); it != directories.rend(); ++it) {
      std::ifstream procs(*it + "/cgroup.procs");
      for (pid_t pid; procs >> pid;) {
        if (pid > 1) kill(pid, SIGKILL);
      }
      rmdir(it->c_str());
    }
    usleep(20000);
  }
}

}  // namespace meros::testing

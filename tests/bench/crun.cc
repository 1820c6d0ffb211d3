#include "tests/bench/crun.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/runtime/clock.h"

namespace meros::bench {
namespace {

using nlohmann::json;

absl::Status WriteBundle(const std::string& bundle) {
  const json limits = {{"memory", {{"limit", 64 << 20}}},
                       {"pids", {{"limit", 100}}},
                       {"cpu", {{"shares", 102}, {"quota", 100000}, {"period", 100000}}}};
  json mounts = {{{"destination", "/proc"}, {"type", "proc"}, {"source", "proc"}}};
  for (const char* host : {"/usr", "/usr/lib", "/usr/lib64", "/usr/bin"}) {
    const std::string inside = std::string(host) == "/usr" ? host : host + 4;
    mounts.push_back(
        {{"destination", inside}, {"type", "bind"}, {"source", host}, {"options", {"bind", "ro"}}});
  }
  json namespaces = json::array();
  for (const char* type : {"pid", "mount", "ipc", "uts"}) namespaces.push_back({{"type", type}});
  const json config = {{"ociVersion", "1.0.0"},
                       {"process",
                        {{"user", {{"uid", 0}, {"gid", 0}}},
                         {"args", {"/bin/true"}},
                         {"env", {"PATH=/usr/bin:/bin"}},
                         {"cwd", "/"}}},
                       {"root", {{"path", "rootfs"}, {"readonly", true}}},
                       {"mounts", mounts},
                       {"linux",
                        {{"cgroupsPath", absl::StrCat("/meros-bench-crun-", getpid())},
                         {"namespaces", namespaces},
                         {"resources", limits}}}};
  const std::string rootfs = bundle + "/rootfs";
  mkdir(bundle.c_str(), 0755);
  mkdir(rootfs.c_str(), 0755);
  for (const char* name : {"/proc", "/usr", "/lib", "/lib64", "/bin", "/dev", "/sys"}) {
    mkdir((rootfs + name).c_str(), 0755);
  }
  std::ofstream(bundle + "/config.json") << config.dump();
  return absl::OkStatus();
}

// Runs crun once; false if it failed.
bool RunOnce(const std::string& bundle, const std::string& state, const std::string& id) {
  const pid_t pid = fork();
  if (pid == 0) {
    const int null = open("/dev/null", O_RDWR);
    for (int fd : {0, 1, 2}) dup2(null, fd);
    execlp("crun", "crun", "--root", state.c_str(), "--cgroup-manager=cgroupfs", "run", "--bundle",
           bundle.c_str(), id.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

// In a child of its own, because it changes the mounts that crun sees: crun refuses a machine with
// both versions of cgroups, so the second is hidden from it.
[[noreturn]] void RunAll(const std::string& directory, size_t n, int results) {
  if (unshare(CLONE_NEWNS) != 0) _exit(1);
  mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  umount2("/sys/fs/cgroup/unified", MNT_DETACH);
  const runtime::Clock& clock = runtime::ProcessClock::Get();
  for (size_t i = 0; i < n; ++i) {
    const absl::Time start = clock.Now();
    if (!RunOnce(directory + "/bundle", directory + "/crun", absl::StrCat("bench-", i))) _exit(1);
    const double ms = absl::ToDoubleMilliseconds(clock.Now() - start);
    if (write(results, &ms, sizeof ms) != sizeof ms) _exit(1);
  }
  _exit(0);
}

}  // namespace

absl::StatusOr<Samples> RunCrun(const std::string& directory, size_t n) {
  if (access("/usr/bin/crun", X_OK) != 0) return absl::NotFoundError("crun is not installed");
  if (geteuid() != 0) return absl::FailedPreconditionError("not root");
  MEROS_RETURN_IF_ERROR(WriteBundle(directory + "/bundle"));
  int results[2];
  if (pipe2(results, O_CLOEXEC) != 0) return absl::InternalError("pipe2");
  const pid_t pid = fork();
  if (pid == 0) RunAll(directory, n, results[1]);
  close(results[1]);
  Samples samples;
  double ms = 0;
  while (read(results[0], &ms, sizeof ms) == sizeof ms) samples.Add(absl::Milliseconds(ms));
  close(results[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  if (status != 0 || samples.size() != n) return absl::InternalError("crun failed");
  return samples;
}

void NoteCrun(const std::string& directory, size_t n, Report* report) {
  const absl::StatusOr<Samples> crun = RunCrun(directory, n);
  if (!crun.ok()) {
    report->notes["crun"] = crun.status().ToString();
    return;
  }
  report->notes["crun"] = "`crun run` of /bin/true from create to delete, one at a time";
  report->notes["crun_ms_p50"] = absl::StrCat(crun->Percentile(0.5));
  report->notes["crun_ms_p99"] = absl::StrCat(crun->Percentile(0.99));
}

}  // namespace meros::bench

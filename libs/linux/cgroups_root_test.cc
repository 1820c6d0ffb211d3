// Goal: the kernel accepts what we write, and nothing is left behind. Needs root; uses a root group
// of its own, so that several runs on one machine do not meet.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/linux/cgroups.h"
#include "libs/linux/clone.h"
#include "libs/linux/files.h"
#include "libs/linux/mountinfo.h"
#include "libs/linux/process.h"

namespace meros::os {
namespace {

// A cgroup2 mount of this machine, which may be without controllers on a hybrid one.
std::string UnifiedMount() {
  const auto mounts = ReadMountInfo();
  if (!mounts.ok()) return "";
  for (const MountEntry& mount : *mounts) {
    if (mount.file_system == "cgroup2") return mount.mount_point;
  }
  return "";
}

class CgroupsRootTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: cgroups can only be tested as root";
  }
  void TearDown() override {
    if (cgroups_ == nullptr) return;
    const std::vector<std::string> left = cgroups_->List().value();
    for (const std::string& name : left) {
      EXPECT_TRUE(cgroups_->KillAll(name).ok());
      EXPECT_TRUE(cgroups_->Remove(name).ok());
    }
    EXPECT_TRUE(cgroups_->RemoveRoot().ok());
  }

  // Starts a shell inside group `name`.
  SpawnedProcess ShellIn(const std::string& name, const char* line) {
    CgroupEntrance entrance = cgroups_->Enter(name).value();
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const char* const argv[] = {"sh", "-c", line, nullptr};
    SpawnOptions options;
    for (const UniqueFd& tasks : entrance.tasks) options.join_tasks_fds.push_back(tasks.get());
    options.into_cgroup_fd = entrance.directory.get();
    options.fds = {null.get(), null.get(), null.get()};
    options.program = "/bin/sh";
    options.argv = const_cast<char* const*>(argv);
    absl::StatusOr<SpawnedProcess> process = Spawn(options);
    EXPECT_TRUE(process.ok()) << process.status();
    return *std::move(process);
  }

  const std::string root_ = absl::StrCat("meros-test-", ::getpid());
  std::unique_ptr<Cgroups> cgroups_;
};

TEST_F(CgroupsRootTest, LimitsAreAcceptedAndReadBack) {
  auto detected = DetectCgroups(root_);
  if (!detected.ok()) GTEST_SKIP() << "SKIPPED: " << detected.status();
  cgroups_ = *std::move(detected);
  ASSERT_TRUE(cgroups_->Create("limits").ok());
  ASSERT_TRUE(cgroups_->Create("limits").ok());

  EXPECT_TRUE(cgroups_->SetCpu("limits", {.request_millis = 500, .limit_millis = 1500}).ok());
  EXPECT_TRUE(
      cgroups_->SetMemory("limits", {.request_bytes = 32 << 20, .limit_bytes = 64 << 20}).ok());
  EXPECT_TRUE(cgroups_->SetPids("limits", 20).ok());
  EXPECT_EQ(cgroups_->Usage("limits").memory_limit_bytes, 64u << 20);
  EXPECT_TRUE(cgroups_->SetMemory("limits", {.limit_bytes = 128 << 20}).ok());
  EXPECT_TRUE(cgroups_->SetMemory("limits", {}).ok());
  EXPECT_EQ(cgroups_->Usage("limits").memory_limit_bytes, std::nullopt);
}

TEST_F(CgroupsRootTest, RootHasOneOwner) {
  auto detected = DetectCgroups(root_);
  if (!detected.ok()) GTEST_SKIP() << "SKIPPED: " << detected.status();
  cgroups_ = *std::move(detected);

  absl::StatusOr<UniqueFd> first = cgroups_->ClaimRoot();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(absl::IsFailedPrecondition(cgroups_->ClaimRoot().status()));
  first->Reset();
  EXPECT_TRUE(cgroups_->ClaimRoot().ok());
}

TEST_F(CgroupsRootTest, ProcessIsBornInsideAndForkBombIsKilled) {
  auto detected = DetectCgroups(root_);
  if (!detected.ok()) GTEST_SKIP() << "SKIPPED: " << detected.status();
  cgroups_ = *std::move(detected);
  ASSERT_TRUE(cgroups_->Create("bomb").ok());
  ASSERT_TRUE(cgroups_->SetPids("bomb", 30).ok());

  SpawnedProcess bomb = ShellIn("bomb", "b() { b | b & b; }; b");
  const absl::Time give_up = absl::Now() + absl::Seconds(20);
  while (cgroups_->ForksRefused("bomb") == 0 && absl::Now() < give_up) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_GT(cgroups_->ForksRefused("bomb"), 0u);
  EXPECT_LE(cgroups_->Usage("bomb").pids.value_or(0), 30u);

  EXPECT_TRUE(cgroups_->KillAll("bomb").ok());
  EXPECT_TRUE(WaitForExit(bomb.pidfd.get(), absl::Seconds(10)));
  ReapChild(bomb.pidfd.get());
  EXPECT_TRUE(cgroups_->Remove("bomb").ok());
  EXPECT_EQ(cgroups_->List().value(), std::vector<std::string>());
}

TEST_F(CgroupsRootTest, OutOfMemoryIsNoticed) {
  auto detected = DetectCgroups(root_);
  if (!detected.ok()) GTEST_SKIP() << "SKIPPED: " << detected.status();
  cgroups_ = *std::move(detected);
  ASSERT_TRUE(cgroups_->Create("hog").ok());
  ASSERT_TRUE(cgroups_->SetMemory("hog", {.limit_bytes = 16 << 20}).ok());
  absl::StatusOr<OomWatch> watch = cgroups_->WatchOom("hog");
  ASSERT_TRUE(watch.ok()) << watch.status();

  SpawnedProcess hog = ShellIn("hog", "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done");
  EXPECT_TRUE(WaitForExit(watch->fd.get(), absl::Seconds(20)));  // any pollable descriptor will do
  EXPECT_TRUE(cgroups_->CheckOom("hog", *watch));
  EXPECT_TRUE(cgroups_->KillAll("hog").ok());
  EXPECT_TRUE(WaitForExit(hog.pidfd.get(), absl::Seconds(10)));
  ReapChild(hog.pidfd.get());

  EXPECT_GT(cgroups_->Usage("hog").memory_peak_bytes.value_or(0), 8u << 20);
}

TEST_F(CgroupsRootTest, UnifiedHierarchyTakesAChildAtBirthAndKillsIt) {
  const std::string mount = UnifiedMount();
  if (mount.empty()) GTEST_SKIP() << "SKIPPED: no cgroup2 is mounted";
  cgroups_ = MakeCgroupsV2(mount, root_, {});
  ASSERT_TRUE(cgroups_->Create("born").ok());

  SpawnedProcess child = ShellIn("born", "sleep 100 & sleep 100");
  const std::vector<int> inside = cgroups_->Processes("born");
  EXPECT_NE(std::find(inside.begin(), inside.end(), child.pid), inside.end());

  EXPECT_TRUE(cgroups_->KillAll("born").ok());
  EXPECT_TRUE(WaitForExit(child.pidfd.get(), absl::Seconds(10)));
  ReapChild(child.pidfd.get());
  EXPECT_TRUE(cgroups_->Remove("born").ok());
}

}  // namespace
}  // namespace meros::os

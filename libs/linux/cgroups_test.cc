// Goal: what is written into which file, for both versions, checked on plain directories that stand
// for the kernel's. The real kernel is met in cgroups_root_test.cc.
#include "libs/linux/cgroups.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "libs/linux/files.h"

namespace meros::os {
namespace {

class CgroupFilesTest : public ::testing::Test {
 protected:
  CgroupFilesTest() {
    char pattern[] = "/tmp/meros-cgroups-XXXXXX";
    directory_ = ::mkdtemp(pattern);
  }
  ~CgroupFilesTest() override { RemoveTree(directory_).IgnoreError(); }

  // Makes the control files that the kernel would make.
  void Touch(const std::string& group, std::initializer_list<const char*> files) {
    ASSERT_TRUE(MakeDirectories(absl::StrCat(directory_, "/", group)).ok());
    for (const char* file : files) std::ofstream(absl::StrCat(directory_, "/", group, "/", file));
  }
  std::string Get(absl::string_view file) {
    return ReadFile(absl::StrCat(directory_, "/", file)).value_or("(missing)");
  }

  std::string directory_;
};

TEST_F(CgroupFilesTest, V2WritesWeightQuotaMemoryAndPids) {
  Touch("root/c", {"cpu.weight", "cpu.max", "memory.low", "memory.max", "memory.oom.group",
                   "memory.swap.max", "pids.max"});
  auto cgroups = MakeCgroupsV2(directory_, "root", {});

  EXPECT_TRUE(cgroups->SetCpu("c", {.request_millis = 1500, .limit_millis = 2000}).ok());
  EXPECT_TRUE(cgroups->SetMemory("c", {.request_bytes = 64 << 20, .limit_bytes = 128 << 20}).ok());
  EXPECT_TRUE(cgroups->SetPids("c", 50).ok());

  EXPECT_EQ(Get("root/c/cpu.weight"), "150");
  EXPECT_EQ(Get("root/c/cpu.max"), "200000 100000");
  EXPECT_EQ(Get("root/c/memory.low"), "67108864");
  EXPECT_EQ(Get("root/c/memory.max"), "134217728");
  EXPECT_EQ(Get("root/c/memory.oom.group"), "1");
  EXPECT_EQ(Get("root/c/memory.swap.max"), "0");
  EXPECT_EQ(Get("root/c/pids.max"), "50");
}

TEST_F(CgroupFilesTest, V2WithoutLimitsIsMax) {
  Touch("root/c", {"cpu.weight", "cpu.max", "memory.low", "memory.max", "memory.oom.group",
                   "memory.swap.max", "pids.max"});
  auto cgroups = MakeCgroupsV2(directory_, "root", {});

  EXPECT_TRUE(cgroups->SetCpu("c", {}).ok());
  EXPECT_TRUE(cgroups->SetMemory("c", {}).ok());
  EXPECT_TRUE(cgroups->SetPids("c", 0).ok());

  EXPECT_EQ(Get("root/c/cpu.weight"), "1");
  EXPECT_EQ(Get("root/c/cpu.max"), "max 100000");
  EXPECT_EQ(Get("root/c/memory.max"), "max");
  EXPECT_EQ(Get("root/c/pids.max"), "max");
}

TEST_F(CgroupFilesTest, V2RefusesALimitBelowUse) {
  Touch("root/c", {"memory.low", "memory.max", "memory.oom.group", "memory.swap.max"});
  std::ofstream(absl::StrCat(directory_, "/root/c/memory.current")) << "1000000";
  auto cgroups = MakeCgroupsV2(directory_, "root", {});

  EXPECT_TRUE(absl::IsFailedPrecondition(cgroups->SetMemory("c", {.limit_bytes = 999999})));
  EXPECT_EQ(Get("root/c/memory.max"), "");
}

TEST_F(CgroupFilesTest, V2EnablesControllersOnTheWholePath) {
  Touch("", {"cgroup.subtree_control"});
  Touch("meros", {"cgroup.subtree_control"});
  Touch("meros/node", {});
  ASSERT_TRUE(RemoveTree(absl::StrCat(directory_, "/meros/node")).ok());
  auto cgroups = MakeCgroupsV2(directory_, "meros/node", {"cpu", "memory"});

  // The stand-in directory has no control file for the innermost level, so creation reports it.
  EXPECT_FALSE(cgroups->Create("c").ok());

  EXPECT_EQ(Get("cgroup.subtree_control"), "+cpu +memory");
  EXPECT_EQ(Get("meros/cgroup.subtree_control"), "+cpu +memory");
}

TEST_F(CgroupFilesTest, V1RaisesSwapLimitBeforeMemoryLimit) {
  Touch("memory/root/c", {"memory.soft_limit_in_bytes", "memory.limit_in_bytes"});
  std::ofstream(absl::StrCat(directory_, "/memory/root/c/memory.memsw.limit_in_bytes")) << "1000";
  auto cgroups = MakeCgroupsV1({.cpu = absl::StrCat(directory_, "/cpu"),
                                .memory = absl::StrCat(directory_, "/memory"),
                                .pids = absl::StrCat(directory_, "/pids")},
                               "root");

  EXPECT_TRUE(cgroups->SetMemory("c", {.request_bytes = 500, .limit_bytes = 2000}).ok());

  EXPECT_EQ(Get("memory/root/c/memory.memsw.limit_in_bytes"), "2000");
  EXPECT_EQ(Get("memory/root/c/memory.limit_in_bytes"), "2000");
  EXPECT_EQ(Get("memory/root/c/memory.soft_limit_in_bytes"), "500");
}

TEST(CgroupNumbers, StayInsideTheKernelsBounds) {
  EXPECT_EQ(CpuSharesV1(0), 2u);
  EXPECT_EQ(CpuSharesV1(500), 512u);
  EXPECT_EQ(CpuSharesV1(1000000000), 262144u);
  EXPECT_EQ(CpuWeightV2(0), 1u);
  EXPECT_EQ(CpuWeightV2(128000), 10000u);
  EXPECT_EQ(CpuQuotaUs(1), 1000u);
  EXPECT_EQ(CpuQuotaUs(2500), 250000u);
}

}  // namespace
}  // namespace meros::os

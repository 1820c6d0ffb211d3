// Goal: the mount table is understood, with optional fields and escaped names.
#include "libs/linux/mountinfo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meros::os {
namespace {

TEST(MountInfo, ParsesOptionalFieldsAndEscapes) {
  const std::vector<MountEntry> entries = ParseMountInfo(
      "30 23 0:26 / /sys/fs/cgroup/cpu rw,relatime shared:9 master:2 - cgroup cgroup "
      "rw,cpu,cpuacct\n"
      "31 23 0:27 / /mnt/with\\040space rw - tmpfs tmpfs rw\n"
      "broken line\n");

  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].mount_point, "/sys/fs/cgroup/cpu");
  EXPECT_EQ(entries[0].file_system, "cgroup");
  EXPECT_THAT(entries[0].super_options, ::testing::ElementsAre("rw", "cpu", "cpuacct"));
  EXPECT_EQ(entries[1].mount_point, "/mnt/with space");
}

TEST(MountInfo, ReadsTheRealTable) {
  absl::StatusOr<std::vector<MountEntry>> entries = ReadMountInfo();

  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_FALSE(entries->empty());
}

}  // namespace
}  // namespace meros::os

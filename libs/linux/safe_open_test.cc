// Goal: no path that a user names leads out of the directory it is resolved in.
#include "libs/linux/safe_open.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "libs/linux/files.h"

namespace meros::os {
namespace {

class SafeOpenTest : public ::testing::Test {
 protected:
  SafeOpenTest() {
    char pattern[] = "/tmp/meros-open-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    fd_ = UniqueFd(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY));
  }
  ~SafeOpenTest() override { RemoveTree(directory_).IgnoreError(); }

  std::string directory_;
  UniqueFd fd_;
};

TEST_F(SafeOpenTest, RefusesParentAndAbsolutePaths) {
  for (const char* path : {"../escape", "/etc/passwd", "a/../../escape"}) {
    EXPECT_FALSE(OpenBeneath(fd_.get(), path, O_RDONLY, 0, Links::kRefuse).ok()) << path;
  }
}

TEST_F(SafeOpenTest, RefusesPlantedSymbolicLink) {
  ASSERT_EQ(::symlink("/etc/passwd", absl::StrCat(directory_, "/stdout").c_str()), 0);

  EXPECT_TRUE(absl::IsPermissionDenied(OpenForAppend(fd_.get(), "stdout").status()));
}

TEST_F(SafeOpenTest, LinksCanBeResolvedAsIfTheDirectoryWereTheRoot) {
  ASSERT_TRUE(MakeDirectories(absl::StrCat(directory_, "/etc")).ok());
  ASSERT_TRUE(WriteFileAtomically(absl::StrCat(directory_, "/etc/passwd"), "inside",
                                  Durability::kProcessCrash)
                  .ok());
  ASSERT_EQ(::symlink("/etc/passwd", absl::StrCat(directory_, "/link").c_str()), 0);

  absl::StatusOr<UniqueFd> fd = OpenBeneath(fd_.get(), "link", O_RDONLY, 0, Links::kResolveInRoot);

  ASSERT_TRUE(fd.ok()) << fd.status();
  char text[16] = {};
  EXPECT_EQ(::read(fd->get(), text, sizeof(text)), 6);
  EXPECT_STREQ(text, "inside");
}

TEST_F(SafeOpenTest, AppendsAndRefusesPipes) {
  for (const char* word : {"one ", "two"}) {
    absl::StatusOr<UniqueFd> fd = OpenForAppend(fd_.get(), "out");
    ASSERT_TRUE(fd.ok()) << fd.status();
    ASSERT_GT(::write(fd->get(), word, std::string(word).size()), 0);
  }
  ASSERT_EQ(::mkfifo(absl::StrCat(directory_, "/pipe").c_str(), 0600), 0);

  EXPECT_EQ(ReadFile(absl::StrCat(directory_, "/out")).value(), "one two");
  EXPECT_FALSE(OpenForAppend(fd_.get(), "pipe").ok());
}

}  // namespace
}  // namespace meros::os

// Goal: sandboxes are made, found, read without a way out, and deleted in time. Real files in a
// temporary directory; time is a parameter where it matters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "libs/runtime/clock.h"
#include "libs/testing/matchers.h"
#include "libs/testing/temp_dir.h"
#include "services/agent/shell/resource_detection.h"
#include "services/agent/shell/sandbox_files.h"
#include "services/agent/shell/sandbox_store.h"

namespace meros::agent {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

class SandboxTest : public ::testing::Test {
 protected:
  SandboxTest() : store_({.work_dir = directory_.path(), .disk_watch_interval = absl::Hours(1)}) {
    store_.Start([this](ContainerId, absl::Status status) {
      MutexLock lock(&mutex_);
      results_.push_back(std::move(status));
      changed_.Signal();
    });
  }

  std::string Directory(const std::string& task, const std::string& container) {
    return absl::StrCat(directory_.path(), "/agents/A/frameworks/F/tasks/", task, "/runs/",
                        container);
  }

  absl::Status Make(const std::string& task, const std::string& container,
                    const std::string& user = "") {
    MutexLock lock(&mutex_);
    const size_t before = results_.size();
    store_.Prepare({ContainerId(container), Directory(task, container), user});
    while (results_.size() == before) changed_.Wait(&mutex_);
    return results_.back();
  }

  testing::TempDir directory_;
  SandboxStore store_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<absl::Status> results_;
};

TEST_F(SandboxTest, NewestIsTheLastOneMade) {
  ASSERT_THAT(Make("t", "c1"), IsOk());
  ASSERT_THAT(Make("t", "c2"), IsOk());

  EXPECT_EQ(*store_.Newest("F", "t"), Directory("t", "c2"));
  EXPECT_THAT(store_.Newest("F", "other"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store_.Newest("..", "t"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(SandboxTest, UnknownUserIsAnError) {
  EXPECT_THAT(Make("t", "c1", "no-such-user"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no-such-user")));
}

TEST_F(SandboxTest, BelongsToTheTasksUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: giving files away needs root";
  ASSERT_THAT(Make("t", "c1", "nobody"), IsOk());

  struct stat status;
  ASSERT_EQ(::stat(Directory("t", "c1").c_str(), &status), 0);
  EXPECT_NE(status.st_uid, 0u);
}

TEST_F(SandboxTest, DiscardedIsDeletedAfterTheDelayAndLiveIsKept) {
  ASSERT_THAT(Make("old", "c1"), IsOk());
  ASSERT_THAT(Make("live", "c2"), IsOk());
  const absl::Time now = runtime::ProcessClock::Get().Now();
  store_.Discard(Directory("old", "c1"));

  store_.CollectForTest(now);
  EXPECT_TRUE(std::filesystem::exists(Directory("old", "c1")));
  store_.CollectForTest(now + absl::Hours(24 * 8));

  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/agents/A/frameworks/F/tasks/old"));
  EXPECT_TRUE(std::filesystem::exists(Directory("live", "c2")));
  EXPECT_EQ(store_.stats().removed, 1u);
}

TEST_F(SandboxTest, SweepFindsWhatAnEarlierProcessLeft) {
  ASSERT_THAT(Make("t1", "c1"), IsOk());
  ASSERT_THAT(Make("t2", "c2"), IsOk());
  SandboxStore next({.work_dir = directory_.path()});

  next.Sweep({Directory("t1", "c1")});

  EXPECT_TRUE(next.IsLive(Directory("t1", "c1")));
  EXPECT_EQ(next.stats().waiting, 1u);
}

TEST(AllowedAge, ShrinksAsTheDiskFills) {
  EXPECT_EQ(AllowedAge(absl::Hours(10), 0.1, 0.0), absl::Hours(9));
  EXPECT_EQ(AllowedAge(absl::Hours(10), 0.1, 0.4), absl::Hours(5));
  EXPECT_EQ(AllowedAge(absl::Hours(10), 0.1, 0.95), absl::ZeroDuration());
}

class SandboxFilesTest : public ::testing::Test {
 protected:
  SandboxFilesTest() : sandbox_(directory_.path() + "/sandbox") {
    std::filesystem::create_directory(sandbox_);
    std::ofstream(directory_.path() + "/secret") << "secret";
    std::ofstream(sandbox_ + "/stdout") << "0123456789";
  }

  testing::TempDir directory_;
  const std::string sandbox_;
};

TEST_F(SandboxFilesTest, ReadsAPart) {
  const auto read = ReadSandboxFile(sandbox_, "stdout", 3, 4);

  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->data(), "3456");
  EXPECT_EQ(read->size(), 10u);
}

TEST_F(SandboxFilesTest, DotDotIsRefused) {
  EXPECT_THAT(ReadSandboxFile(sandbox_, "../secret", 0, 10),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(BrowseSandbox(sandbox_, "a/../.."), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(SandboxFilesTest, LinksOutOfTheSandboxLeadNowhere) {
  std::filesystem::create_symlink(directory_.path() + "/secret", sandbox_ + "/absolute");
  std::filesystem::create_symlink("../secret", sandbox_ + "/relative");
  std::filesystem::create_symlink("/", sandbox_ + "/root");

  EXPECT_FALSE(ReadSandboxFile(sandbox_, "absolute", 0, 10).ok());
  EXPECT_FALSE(ReadSandboxFile(sandbox_, "relative", 0, 10).ok());
  EXPECT_FALSE(ReadSandboxFile(sandbox_, "root/etc/passwd", 0, 10).ok());
}

TEST_F(SandboxFilesTest, LinksInsideTheSandboxAreFollowed) {
  std::filesystem::create_symlink("stdout", sandbox_ + "/link");

  EXPECT_EQ(ReadSandboxFile(sandbox_, "link", 0, 2)->data(), "01");
}

TEST_F(SandboxFilesTest, APipeIsRefusedAndDoesNotBlock) {
  ASSERT_EQ(::mkfifo((sandbox_ + "/pipe").c_str(), 0600), 0);

  EXPECT_THAT(ReadSandboxFile(sandbox_, "pipe", 0, 10),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(SandboxFilesTest, BrowseListsByName) {
  std::ofstream(sandbox_ + "/a") << "x";
  const auto files = BrowseSandbox(sandbox_, "");

  ASSERT_THAT(files, IsOk());
  ASSERT_EQ(files->files_size(), 2);
  EXPECT_EQ(files->files(0).path(), "a");
  EXPECT_EQ(files->files(1).size(), 10u);
}

constexpr int64_t kGiB = int64_t{1} << 30;

TEST(ResourceDetection, FillsInWhatIsNotMentioned) {
  const NodeFacts facts{4, 16 * kGiB, 100 * kGiB};

  const auto total = ResourcesOf("cpus:2;disk:0", "*", facts);

  ASSERT_THAT(total, IsOk());
  EXPECT_EQ(total->Cpus(), resources::Scalar::FromUnits(2));
  EXPECT_EQ(total->Mem(), resources::Scalar::FromUnits(15 * 1024));
  EXPECT_TRUE(total->Disk().is_zero());
  EXPECT_FALSE(total->Ports().empty());
}

TEST(ResourceDetection, SmallNodesKeepHalf) {
  const auto total = ResourcesOf("", "*", {1, kGiB, 8 * kGiB});

  EXPECT_EQ(total->Mem(), resources::Scalar::FromUnits(512));
  EXPECT_EQ(total->Disk(), resources::Scalar::FromUnits(4 * 1024));
}

TEST(ResourceDetection, NonsenseNamesTheFlag) {
  EXPECT_THAT(ResourcesOf("cpus:-1", "*", {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--resources")));
}

}  // namespace
}  // namespace meros::agent

// Goal: records are replaced whole or not at all, and trees are deleted without leaving them.
#include "libs/linux/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"

namespace meros::os {
namespace {

using ::testing::ElementsAre;

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() {
    char pattern[] = "/tmp/meros-files-XXXXXX";
    directory_ = ::mkdtemp(pattern);
  }
  ~FilesTest() override { RemoveTree(directory_).IgnoreError(); }

  std::string At(absl::string_view name) const { return absl::StrCat(directory_, "/", name); }
  void Put(const std::string& path, const std::string& text) const { std::ofstream(path) << text; }

  std::string directory_;
};

TEST_F(FilesTest, AtomicWriteReplacesAndLeavesNoTemporary) {
  ASSERT_TRUE(WriteFileAtomically(At("record"), "one", Durability::kProcessCrash).ok());
  ASSERT_TRUE(WriteFileAtomically(At("record"), "two", Durability::kPowerLoss).ok());

  EXPECT_EQ(ReadFile(At("record")).value(), "two");
  EXPECT_THAT(ListDirectory(directory_).value(), ElementsAre("record"));
}

TEST_F(FilesTest, AtomicWriteIntoMissingDirectoryNamesThePath) {
  const absl::Status status =
      WriteFileAtomically(At("missing/record"), "x", Durability::kProcessCrash);

  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("missing/record"));
}

TEST_F(FilesTest, RenamingNeverReplaces) {
  Put(At("new"), "one");

  EXPECT_TRUE(RenameDurably(At("new"), At("final")).ok());
  EXPECT_EQ(ReadFile(At("final")).value(), "one");

  Put(At("new"), "two");
  EXPECT_TRUE(absl::IsAlreadyExists(RenameDurably(At("new"), At("final"))));
  EXPECT_EQ(ReadFile(At("final")).value(), "one");
  EXPECT_TRUE(absl::IsNotFound(RenameDurably(At("missing"), At("other"))));
}

TEST_F(FilesTest, ReadRefusesMoreThanItsBound) {
  Put(At("large"), std::string(5000, 'x'));

  EXPECT_TRUE(absl::IsResourceExhausted(ReadFile(At("large"), 4999).status()));
  EXPECT_EQ(ReadFile(At("large"), 5000).value().size(), 5000u);
}

TEST_F(FilesTest, NumbersAndKeys) {
  Put(At("number"), "42\n");
  Put(At("max"), "max\n");
  Put(At("stat"), "oom 1\noom_kill 3\n");

  EXPECT_EQ(ReadNumber(At("number")).value(), 42u);
  EXPECT_EQ(ReadNumber(At("max")).value(), UINT64_MAX);
  EXPECT_EQ(ReadKeyedNumber(At("stat"), "oom_kill").value(), 3u);
  EXPECT_TRUE(absl::IsNotFound(ReadKeyedNumber(At("stat"), "oom_group").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ReadNumber(At("stat")).status()));
}

TEST_F(FilesTest, MakeDirectoriesIsIdempotentAndRefusesAFile) {
  EXPECT_TRUE(MakeDirectories(At("a/b/c")).ok());
  EXPECT_TRUE(MakeDirectories(At("a/b/c")).ok());
  Put(At("file"), "");

  EXPECT_TRUE(absl::IsFailedPrecondition(MakeDirectories(At("file"))));
}

TEST_F(FilesTest, RemoveTreeDoesNotFollowLinks) {
  ASSERT_TRUE(MakeDirectories(At("kept")).ok());
  Put(At("kept/precious"), "p");
  ASSERT_TRUE(MakeDirectories(At("tree/below")).ok());
  Put(At("tree/below/file"), "f");
  ASSERT_EQ(::symlink(At("kept").c_str(), At("tree/link").c_str()), 0);

  EXPECT_TRUE(RemoveTree(At("tree")).ok());
  EXPECT_TRUE(RemoveTree(At("tree")).ok());

  EXPECT_FALSE(IsDirectory(At("tree")));
  EXPECT_EQ(ReadFile(At("kept/precious")).value(), "p");
}

}  // namespace
}  // namespace meros::os

// Goal: what is written is read back, what is broken is said to be, and one owner holds a
// directory.
#include "services/containerizer/shell/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "libs/linux/files.h"
#include "libs/testing/temp_dir.h"

namespace meros::containerizer {
namespace {

using ::testing::ElementsAre;

class RecordsTest : public ::testing::Test {
 protected:
  RecordsTest() : records_(Records::Open(directory_.path()).value()) {
    spec_.set_container_id("c");
    spec_.set_sandbox_directory("/tmp");
  }

  testing::TempDir directory_;
  std::unique_ptr<Records> records_;
  v1::LaunchSpec spec_;
};

TEST_F(RecordsTest, ReadsBackWhatWasWritten) {
  v1::Termination termination;
  termination.set_exit_code(7);
  ASSERT_TRUE(records_->WriteLaunch(spec_).ok());
  ASSERT_TRUE(records_->WriteProcess("c", {42, 4711, "boot"}).ok());
  ASSERT_TRUE(records_->WriteTermination("c", termination).ok());

  EXPECT_THAT(records_->List().value(), ElementsAre("c"));
  EXPECT_EQ(records_->ReadLaunch("c")->sandbox_directory(), "/tmp");
  EXPECT_EQ(records_->ReadProcess("c")->start_time, 4711u);
  EXPECT_EQ(records_->ReadProcess("c")->boot_id, "boot");
  EXPECT_EQ(records_->ReadTermination("c")->exit_code(), 7u);
  EXPECT_TRUE(records_->Remove("c").ok());
  EXPECT_TRUE(records_->Remove("c").ok());
  EXPECT_TRUE(absl::IsNotFound(records_->ReadLaunch("c").status()));
}

TEST_F(RecordsTest, BrokenRecordsAreDataLossAndCanBePutAside) {
  ASSERT_TRUE(records_->WriteLaunch(spec_).ok());
  std::ofstream(absl::StrCat(records_->DirectoryOf("c"), "/launch"));
  std::ofstream(absl::StrCat(records_->DirectoryOf("c"), "/process")) << "not three words";

  EXPECT_TRUE(absl::IsDataLoss(records_->ReadLaunch("c").status()));
  EXPECT_TRUE(absl::IsDataLoss(records_->ReadProcess("c").status()));
  EXPECT_TRUE(records_->Quarantine("c").ok());
  EXPECT_TRUE(records_->List()->empty());
  EXPECT_TRUE(os::IsDirectory(directory_ / "quarantine/c"));
}

TEST_F(RecordsTest, DirectoryHasOneOwner) {
  EXPECT_TRUE(absl::IsFailedPrecondition(Records::Open(directory_.path()).status()));
  records_.reset();
  EXPECT_TRUE(Records::Open(directory_.path()).ok());
}

}  // namespace
}  // namespace meros::containerizer

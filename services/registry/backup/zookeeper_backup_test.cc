// Goal: a backup becomes a store on ZooKeeper, whole or refused, and never over what is there.
// Method: a real ZooKeeper server; each test has a path of its own.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/coordination/zookeeper_url.h"
#include "libs/storage/zookeeper_store.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/zookeeper_ensemble.h"
#include "services/registry/backup/backup.h"

namespace meros::registry {
namespace {

class ZooKeeperBackupTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new testing::TempDir;
    ensemble_ = new testing::ZooKeeperEnsemble({.directory = directory_->path(), .servers = 1});
    const absl::Status started = ensemble_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }
  static void TearDownTestSuite() {
    delete ensemble_;
    delete directory_;
  }

  void SetUp() override {
    BackupSnapshot snapshot{.records = {}, .revision = 77};
    for (int i = 0; i < kAgents; ++i) {
      v1::Record& record = snapshot.records.emplace_back();
      record.mutable_key()->set_kind(v1::RECORD_KIND_AGENT);
      record.mutable_key()->set_name(absl::StrCat("a", i));
      record.set_value(std::string(300, 'x'));
      record.set_revision(i % 77 + 1);
    }
    v1::LeaseRecord lease;
    lease.set_epoch(5);
    v1::Record& record = snapshot.records.emplace_back();
    record.mutable_key()->set_kind(v1::RECORD_KIND_LEASE);
    record.mutable_key()->set_name("leader");
    record.set_value(lease.SerializeAsString());
    record.set_revision(1);
    const auto written = WriteBackup(snapshot, backup_);
    ASSERT_TRUE(written.ok()) << written.status();
  }

  std::unique_ptr<storage::Store> Open() const {
    auto store = storage::OpenZooKeeperStore({.url = *coordination::ParseZooKeeperUrl(store_),
                                              .name = "test",
                                              .claim_timeout = absl::Minutes(3)});
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  static constexpr int kAgents = 2500;  // several transactions
  static testing::TempDir* directory_;
  static testing::ZooKeeperEnsemble* ensemble_;
  testing::TempDir own_;
  const std::string backup_ = own_ / "backup.db";
  const std::string store_ =
      absl::StrCat("zk://", ensemble_->servers(), "/",
                   ::testing::UnitTest::GetInstance()->current_test_info()->name());
};
testing::TempDir* ZooKeeperBackupTest::directory_ = nullptr;
testing::ZooKeeperEnsemble* ZooKeeperBackupTest::ensemble_ = nullptr;

TEST_F(ZooKeeperBackupTest, ARestoredStoreHoldsEverythingAboveEveryEpochSince) {
  const auto restored = RestoreBackup(backup_, store_, 1000);
  ASSERT_TRUE(restored.ok()) << restored.status();

  const auto verified = VerifyStore(store_);

  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->epoch, 1005u);
  EXPECT_EQ(verified->revision, 10'000'000'000'077u);
  EXPECT_EQ(verified->records.at(v1::RECORD_KIND_AGENT), static_cast<size_t>(kAgents));
  EXPECT_EQ(verified->value_bytes, restored->value_bytes);
}

TEST_F(ZooKeeperBackupTest, NothingIsEverWrittenOver) {
  ASSERT_TRUE(RestoreBackup(backup_, store_, 1000).ok());

  const auto again = RestoreBackup(backup_, store_, 1000);

  EXPECT_TRUE(absl::IsAlreadyExists(again.status())) << again.status();
  EXPECT_EQ(VerifyStore(store_)->epoch, 1005u);
}

TEST_F(ZooKeeperBackupTest, WhatWasNotFinishedIsRefused) {
  const storage::Mutation left{"unfinished restore", ""};
  ASSERT_TRUE(Open()->Commit({&left, 1}).ok());

  const auto verified = VerifyStore(store_);

  EXPECT_TRUE(absl::IsDataLoss(verified.status())) << verified.status();
  EXPECT_TRUE(absl::StrContains(verified.status().message(), "unfinished restore"));
  EXPECT_TRUE(absl::IsAlreadyExists(RestoreBackup(backup_, store_, 1000).status()));
}

TEST_F(ZooKeeperBackupTest, AStoreThatIsServedIsLeftAlone) {
  const auto owner = Open();
  ASSERT_NE(owner, nullptr);

  EXPECT_FALSE(RestoreBackup(backup_, store_, 1000).ok());
  EXPECT_TRUE(owner->List("").ok()) << "it is still the owner's";
}

TEST_F(ZooKeeperBackupTest, APlaceThatCannotBeIsSaid) {
  EXPECT_TRUE(absl::IsInvalidArgument(RestoreBackup(backup_, "zk://host", 1000).status()));
}

}  // namespace
}  // namespace meros::registry

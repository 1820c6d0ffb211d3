// Goal: a backup holds what the snapshot held, a store made from one can never go back to an old
// epoch, and whatever is damaged or in the way is said instead of written over.
// Method: real SQLite files in a temporary folder.
#include "services/registry/backup/backup.h"

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/storage/sqlite_store.h"
#include "libs/testing/temp_dir.h"
#include "services/registry/shell/store_codec.h"

namespace meros::registry {
namespace {

class BackupTest : public ::testing::Test {
 protected:
  void Add(v1::RecordKind kind, const std::string& name, const std::string& value,
           uint64_t revision = 1) {
    v1::Record record;
    record.mutable_key()->set_kind(kind);
    record.mutable_key()->set_name(name);
    record.set_value(value);
    record.set_revision(revision);
    snapshot_.records.push_back(record);
  }
  void AddLease(uint64_t epoch) {
    v1::LeaseRecord lease;
    lease.set_epoch(epoch);
    lease.set_candidate_id("m1");
    lease.set_ttl_ms(10000);
    Add(v1::RECORD_KIND_LEASE, "leader", lease.SerializeAsString());
  }
  static StoredState Read(const std::string& path) {
    auto store = storage::OpenSqliteStore({.path = path});
    EXPECT_TRUE(store.ok()) << store.status();
    auto rows = (*store)->List("");
    EXPECT_TRUE(rows.ok()) << rows.status();
    auto state = DecodeStore(*rows);
    EXPECT_TRUE(state.ok()) << state.status();
    return *std::move(state);
  }
  static v1::LeaseRecord LeaseOf(const StoredState& state) {
    v1::LeaseRecord lease;
    for (const StoreChange& change : state.records) {
      if (change.key.first == v1::RECORD_KIND_LEASE) lease.ParseFromString(change.value->bytes());
    }
    return lease;
  }

  testing::TempDir directory_;
  const std::string backup_ = directory_ / "backup.db";
  const std::string store_ = directory_ / "registry.db";
  BackupSnapshot snapshot_{.records = {}, .revision = 77};
};

TEST_F(BackupTest, HoldsEveryRecordOfALargeSnapshot) {
  AddLease(5);
  for (int i = 0; i < 2500; ++i) {
    Add(v1::RECORD_KIND_AGENT, absl::StrCat("a", i), std::string(i % 50, 'x'), i % 77 + 1);
  }

  const auto written = WriteBackup(snapshot_, backup_);
  ASSERT_TRUE(written.ok()) << written.status();
  const auto verified = VerifyStore(backup_);

  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->revision, 77u);
  EXPECT_EQ(verified->epoch, 5u);
  EXPECT_EQ(verified->records, (std::map<v1::RecordKind, size_t>{{v1::RECORD_KIND_AGENT, 2500},
                                                                 {v1::RECORD_KIND_LEASE, 1}}));
  EXPECT_EQ(verified->value_bytes, written->value_bytes);
  const StoredState state = Read(backup_);
  ASSERT_EQ(state.records.size(), 2501u);
  for (const StoreChange& change : state.records) {
    if (change.key.second == "a49") {
      EXPECT_EQ(change.value->bytes(), std::string(49, 'x'));
      EXPECT_EQ(change.value->revision(), 50u);
    }
  }
}

TEST_F(BackupTest, ARestoredStoreBeginsAboveEveryEpochSinceAndIsLedByNobody) {
  AddLease(5);
  Add(v1::RECORD_KIND_ROLE, "web", "value", 3);
  ASSERT_TRUE(WriteBackup(snapshot_, backup_).ok());

  const auto restored = RestoreBackup(backup_, store_, 1000);

  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->epoch, 1005u);
  const StoredState state = Read(store_);
  EXPECT_EQ(state.revision, 10'000'000'000'077u) << "nobody who watched before goes on after it";
  EXPECT_EQ(restored->revision, state.revision);
  EXPECT_EQ(state.records.size(), 2u);
  EXPECT_EQ(LeaseOf(state).epoch(), 1005u);
  EXPECT_TRUE(LeaseOf(state).released());
  EXPECT_EQ(VerifyStore(backup_)->epoch, 5u) << "the backup itself stays as it is";
}

TEST_F(BackupTest, AnEmptyClusterHasABackupToo) {
  snapshot_.revision = 0;
  ASSERT_TRUE(WriteBackup(snapshot_, backup_).ok());

  const auto restored = RestoreBackup(backup_, store_, 1000);

  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_TRUE(restored->records.empty());
  EXPECT_EQ(restored->epoch, 0u);
}

TEST_F(BackupTest, NothingIsEverWrittenOver) {
  ASSERT_TRUE(WriteBackup(snapshot_, backup_).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(WriteBackup(snapshot_, backup_).status()));

  // The log of a store that was moved away would be replayed into the new one.
  std::ofstream(store_ + "-wal") << "log";
  const auto restored = RestoreBackup(backup_, store_, 1000);
  EXPECT_TRUE(absl::IsAlreadyExists(restored.status())) << restored.status();
  EXPECT_TRUE(absl::StrContains(restored.status().message(), store_ + "-wal"));
}

TEST_F(BackupTest, WhatAnInterruptedBackupLeftIsNoObstacle) {
  std::ofstream(backup_ + ".partial") << "half a file";

  ASSERT_TRUE(WriteBackup(snapshot_, backup_).ok());

  EXPECT_FALSE(std::ifstream(backup_ + ".partial").good());
}

TEST_F(BackupTest, DamageIsFound) {
  for (int i = 0; i < 200; ++i) Add(v1::RECORD_KIND_AGENT, absl::StrCat("agent-", i), "precious");
  ASSERT_TRUE(WriteBackup(snapshot_, backup_).ok());
  std::string bytes;
  {
    std::ifstream file(backup_, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  const size_t at = bytes.rfind("precious");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'P';
  std::ofstream(backup_, std::ios::binary | std::ios::trunc) << bytes;

  EXPECT_TRUE(absl::IsDataLoss(VerifyStore(backup_).status())) << VerifyStore(backup_).status();
  EXPECT_TRUE(absl::IsDataLoss(RestoreBackup(backup_, store_, 1000).status()));
  EXPECT_FALSE(std::ifstream(store_).good());
}

TEST_F(BackupTest, WhatIsNoBackupIsSaid) {
  EXPECT_TRUE(absl::IsNotFound(VerifyStore(directory_ / "missing").status()));
  std::ofstream(directory_ / "empty").flush();
  EXPECT_TRUE(absl::IsDataLoss(VerifyStore(directory_ / "empty").status()));
  std::ofstream(directory_ / "text") << std::string(5000, 'x');
  EXPECT_TRUE(absl::IsDataLoss(VerifyStore(directory_ / "text").status()));
  EXPECT_FALSE(VerifyStore(directory_.path()).ok());
}

TEST_F(BackupTest, ASnapshotThatContradictsItselfIsRefused) {
  Add(v1::RECORD_KIND_AGENT, "a", "x");
  Add(v1::RECORD_KIND_AGENT, "a", "y");
  EXPECT_TRUE(absl::IsDataLoss(WriteBackup(snapshot_, backup_).status()));
  snapshot_.records.clear();
  Add(v1::RECORD_KIND_AGENT, "", "x");
  EXPECT_TRUE(absl::IsDataLoss(WriteBackup(snapshot_, backup_).status()));
  snapshot_.records.clear();
  Add(v1::RECORD_KIND_AGENT, "a", "x", /*revision=*/78);
  EXPECT_TRUE(absl::IsDataLoss(WriteBackup(snapshot_, backup_).status()));
}

TEST_F(BackupTest, AnEpochThatCannotGrowIsRefused) {
  AddLease(5);
  ASSERT_TRUE(WriteBackup(snapshot_, backup_).ok());

  EXPECT_TRUE(absl::IsInvalidArgument(RestoreBackup(backup_, store_, UINT64_MAX).status()));
}

}  // namespace
}  // namespace meros::registry

// Goal: the store on ZooKeeper keeps the promises of store.h and its own: what was acknowledged is
// kept whatever servers die, one process serves at a time, and it returns by itself when a quorum
// does. Method: one real three-server ensemble for all tests; each store has a path of its own.
#include "libs/storage/zookeeper_store.h"

#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "libs/base/mutex.h"
#include "libs/coordination/zookeeper.h"
#include "libs/storage/test_store_conformance.h"
#include "libs/storage/zookeeper_layout.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/zookeeper_ensemble.h"

namespace meros::storage::testing {
namespace {

using coordination::NodeOp;
using coordination::ZooKeeper;
using ::testing::HasSubstr;

constexpr absl::Duration kLimit = absl::Seconds(180);

// The ensemble, from the first test that needs it to the end of the program.
class Ensemble : public ::testing::Environment {
 public:
  void SetUp() override {
    directory_ = std::make_unique<meros::testing::TempDir>();
    servers_ = std::make_unique<meros::testing::ZooKeeperEnsemble>(
        meros::testing::ZooKeeperEnsembleOptions{.directory = directory_->path()});
    const absl::Status started = servers_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }
  void TearDown() override {
    servers_ = nullptr;
    directory_ = nullptr;
  }
  meros::testing::ZooKeeperEnsemble& servers() { return *servers_; }
  std::string NewPath() { return absl::StrCat("/test/store", ++paths_); }

 private:
  std::unique_ptr<meros::testing::TempDir> directory_;
  std::unique_ptr<meros::testing::ZooKeeperEnsemble> servers_;
  int paths_ = 0;
};

Ensemble* const ensemble =
    static_cast<Ensemble*>(::testing::AddGlobalTestEnvironment(new Ensemble));

ZooKeeperStoreOptions OptionsFor(const std::string& path) {
  return {.url = {.servers = ensemble->servers().servers(), .path = path},
          .name = "registry at 127.0.0.1:7053",
          .session_timeout = absl::Seconds(10),
          .call_timeout = kLimit,
          .claim_timeout = kLimit};
}

class ZooKeeperMedium : public Medium {
 public:
  absl::StatusOr<std::unique_ptr<Store>> Open() override {
    return OpenZooKeeperStore(OptionsFor(path_));
  }

 private:
  const std::string path_ = ensemble->NewPath();
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance,
                         ::testing::Values(Implementation{
                             "ZooKeeper", [] { return std::make_unique<ZooKeeperMedium>(); }}),
                         NameOf);

class ZooKeeperStoreTest : public ::testing::Test {
 protected:
  void TearDown() override {
    store_.reset();
    const absl::Status healed = ensemble->servers().Heal();
    EXPECT_TRUE(healed.ok()) << healed;
  }
  void Reopen() {
    store_.reset();
    auto store = OpenZooKeeperStore(OptionsFor(path_));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  Content All() {
    Content all;
    auto rows = store_->List("");
    EXPECT_TRUE(rows.ok()) << rows.status();
    if (rows.ok()) {
      for (const Row& row : *rows) all[row.key] = row.value;
    }
    return all;
  }
  // Does something to the nodes beside the store.
  static absl::Status Meddle(const std::string& path, std::vector<NodeOp> ops) {
    for (NodeOp& op : ops) op.path = absl::StrCat(path, "/", op.path);
    auto session = ZooKeeper::Open({.url = OptionsFor(path).url}, nullptr);
    if (!session.ok()) return session.status();
    absl::Status result;
    meros::testing::Eventually(kLimit, [&] {
      std::atomic<bool> done{false};
      (*session)->Multi(ops, [&](const absl::Status& status) {
        result = status;
        done = true;
      });
      meros::testing::Eventually(kLimit, [&] { return done.load(); });
      return !absl::IsUnavailable(result);
    });
    return result;
  }

  const std::string path_ = ensemble->NewPath();
  std::unique_ptr<Store> store_;
};

TEST_F(ZooKeeperStoreTest, AcknowledgedMeansKeptWhateverServersDie) {
  Reopen();
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  std::atomic<bool> has_failed{false};
  absl::Status failed;
  std::thread writer([&] {
    while (!stop && !has_failed) {
      const std::string number = absl::StrCat(written.load());
      failed = store_->Commit(std::vector<Mutation>{{"k" + number, "v"}, {"last", number}});
      has_failed = !failed.ok();
      if (failed.ok()) ++written;
    }
  });
  const auto progress = [&] {
    const int before = written;
    EXPECT_TRUE(
        meros::testing::Eventually(kLimit, [&] { return written > before + 20 || has_failed; }));
  };
  for (int round = 0; round < 2; ++round) {
    progress();
    const int leader = ensemble->servers().Leader().value_or(0);
    ensemble->servers().Kill(round == 0 ? leader : (leader + 1) % 3);
    progress();
    ASSERT_TRUE(ensemble->servers().Heal().ok());
  }
  progress();
  stop = true;
  writer.join();

  EXPECT_TRUE(failed.ok()) << failed;
  Reopen();
  const Content all = All();
  EXPECT_EQ(all.size(), static_cast<size_t>(written.load()) + 1);
  EXPECT_EQ(all.at("last"), absl::StrCat(written.load() - 1));
}

TEST_F(ZooKeeperStoreTest, WithoutAQuorumItSaysSoAndReturnsByItself) {
  ZooKeeperStoreOptions options = OptionsFor(path_);
  options.call_timeout = absl::Seconds(1);
  auto store = OpenZooKeeperStore(options);
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE((*store)->Commit(std::vector<Mutation>{{"before", "1"}}).ok());

  for (const int i : {0, 1}) ensemble->servers().Kill(i);
  absl::Status failed;
  ASSERT_TRUE(meros::testing::Eventually(kLimit, [&] {
    failed = (*store)->Commit(std::vector<Mutation>{{"during", "1"}});
    return !failed.ok();
  }));
  EXPECT_TRUE(absl::IsUnavailable(failed)) << failed;
  ASSERT_TRUE(ensemble->servers().Heal().ok());
  ASSERT_TRUE(meros::testing::Eventually(kLimit, [&] {
    const absl::Status status = (*store)->Commit(std::vector<Mutation>{{"after", "1"}});
    if (status.ok()) return true;
    if (!absl::IsFailedPrecondition(status)) return false;
    // The batch in doubt was done after all: opened anew.
    store->reset();
    store = OpenZooKeeperStore(options);
    return false;
  }));
  store->reset();

  Reopen();
  Content all = All();
  all.erase("during");  // open
  EXPECT_EQ(all, (Content{{"before", "1"}, {"after", "1"}}));
}

TEST_F(ZooKeeperStoreTest, OneServesAndTheOthersAreToldWhich) {
  Reopen();
  ZooKeeperStoreOptions other = OptionsFor(path_);
  other.name = "another registry";
  other.claim_timeout = absl::Seconds(1);

  // A loaded machine may not even connect in that time, and says so first.
  absl::Status refused;
  meros::testing::Eventually(kLimit, [&] {
    refused = OpenZooKeeperStore(other).status();
    return absl::StrContains(refused.message(), "is served by");
  });

  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("registry at 127.0.0.1:7053"));
  store_.reset();
  other.claim_timeout = kLimit;
  EXPECT_TRUE(OpenZooKeeperStore(other).ok()) << "free when the first one closed it";
}

TEST_F(ZooKeeperStoreTest, WhoWasReplacedCanNoLongerWriteAndIsTold) {
  absl::Time owned_until = absl::InfinitePast();
  absl::Status over;
  Mutex mutex;
  ZooKeeperStoreOptions options = OptionsFor(path_);
  options.on_owned = [&](absl::Time until) {
    MutexLock lock(&mutex);
    owned_until = std::max(owned_until, until);
  };
  options.on_over = [&](absl::Status why) {
    MutexLock lock(&mutex);
    over = std::move(why);
  };
  auto old = OpenZooKeeperStore(options);
  ASSERT_TRUE(old.ok()) << old.status();
  ASSERT_TRUE((*old)->Commit(std::vector<Mutation>{{"a", "old"}}).ok());
  {
    MutexLock lock(&mutex);
    EXPECT_GT(owned_until, meros::testing::PollNow() - kLimit);
  }

  // As after the end of its session: the node of the owner goes, and another claims the store
  // first.
  ASSERT_TRUE(Meddle(path_, {{NodeOp::Type::kDelete, "owner"},
                             {NodeOp::Type::kCreate, "owner", "the other x"},
                             {NodeOp::Type::kSet, "fence", "the other x"}})
                  .ok());
  const absl::Status refused = (*old)->Commit(std::vector<Mutation>{{"a", "late"}});

  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("the other"));
  EXPECT_TRUE(absl::IsFailedPrecondition((*old)->List("").status()));
  {
    MutexLock lock(&mutex);
    EXPECT_TRUE(absl::IsFailedPrecondition(over)) << over;
  }
  old->reset();
  ASSERT_TRUE(Meddle(path_, {{NodeOp::Type::kDelete, "owner"}}).ok());
  Reopen();
  EXPECT_EQ(All(), (Content{{"a", "old"}}));
}

TEST_F(ZooKeeperStoreTest, BatchesLargerThanATransactionAreWholeToo) {
  Reopen();
  Content model;
  std::vector<Mutation> batch;
  for (int i = 0; i < 3000; ++i) batch.push_back({absl::StrCat("k", i), std::string(700, 'a')});
  batch.push_back({"large", std::string(5 << 20, 'l')});
  ASSERT_TRUE(store_->Commit(batch).ok());
  for (const Mutation& mutation : batch) model[mutation.key] = *mutation.value;
  EXPECT_EQ(All(), model);
  Reopen();
  EXPECT_EQ(All(), model);

  ASSERT_TRUE(store_->Commit(std::vector<Mutation>{{"large", "small"}, {"k7", std::nullopt}}).ok());
  model["large"] = "small";
  model.erase("k7");
  Reopen();
  EXPECT_EQ(All(), model);
}

TEST_F(ZooKeeperStoreTest, WhatWasDecidedIsFinishedAndWhatWasNotIsForgotten) {
  Reopen();
  ASSERT_TRUE(store_->Commit(std::vector<Mutation>{{"a", "1"}, {"b", "1"}}).ok());
  store_.reset();
  const std::string journal =
      EncodeBatch(std::vector<Mutation>{{"a", "2"}, {"b", std::nullopt}, {"c", "2"}});
  const std::vector<NodeOp> parts = {{NodeOp::Type::kCreate, "journal/0000", journal.substr(0, 10)},
                                     {NodeOp::Type::kCreate, "journal/0001", journal.substr(10)}};
  ASSERT_TRUE(Meddle(path_, parts).ok());

  Reopen();
  EXPECT_EQ(All(), (Content{{"a", "1"}, {"b", "1"}}));
  store_.reset();
  ASSERT_TRUE(Meddle(path_, parts).ok()) << "the parts are gone";
  ASSERT_TRUE(Meddle(path_, {{NodeOp::Type::kSet, "journal", "decided"}}).ok());

  Reopen();
  EXPECT_EQ(All(), (Content{{"a", "2"}, {"c", "2"}}));
  ASSERT_TRUE(Meddle(path_, parts).ok()) << "the parts are gone";
}

TEST_F(ZooKeeperStoreTest, DamagedAndForeignNodesAreRefusedByName) {
  Reopen();
  ASSERT_TRUE(store_->Commit(std::vector<Mutation>{{"a", "1"}}).ok());
  const std::string row = RowPath("", "a").substr(1);
  ASSERT_TRUE(Meddle(path_, {{NodeOp::Type::kSet, row, EncodeValue("a", "1")[0] + "x"}}).ok());

  const absl::Status damaged = store_->Get("a").status();
  EXPECT_EQ(damaged.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(damaged.message()), HasSubstr("'a'"));
  store_.reset();
  ASSERT_TRUE(Meddle(path_, {{NodeOp::Type::kSet, "format", "99"}}).ok());
  const auto newer = OpenZooKeeperStore(OptionsFor(path_));
  EXPECT_TRUE(absl::IsFailedPrecondition(newer.status())) << newer.status();
  EXPECT_THAT(std::string(newer.status().message()), HasSubstr("99"));
}

TEST_F(ZooKeeperStoreTest, WithCredentialsNobodyElseGetsIn) {
  ZooKeeperStoreOptions options = OptionsFor(path_);
  options.url.credentials = "meros:secret";
  {
    auto store = OpenZooKeeperStore(options);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->Commit(std::vector<Mutation>{{"a", "1"}}).ok());
  }
  options.url.credentials = "meros:wrong";

  const auto refused = OpenZooKeeperStore(options);

  EXPECT_TRUE(absl::IsPermissionDenied(refused.status())) << refused.status();
}

}  // namespace
}  // namespace meros::storage::testing

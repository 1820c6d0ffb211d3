// What every Store promises (store.h), as tests. An implementation's test includes this file and
// instantiates the suite with a Medium, which is what stays when a store is closed or its process
// dies:
//
//   INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance, Values(Implementation{"Name", make}),
//   NameOf);
//
// Thread rule: thread-compatible.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/base/rng.h"
#include "libs/storage/store.h"

namespace meros::storage::testing {

class Medium {
 public:
  virtual ~Medium() = default;
  virtual absl::StatusOr<std::unique_ptr<Store>> Open() = 0;
};

struct Implementation {
  std::string name;
  std::function<std::unique_ptr<Medium>()> make;
};

inline std::string NameOf(const ::testing::TestParamInfo<Implementation>& info) {
  return info.param.name;
}

class StoreConformance : public ::testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override {
    medium_ = GetParam().make();
    Reopen();
  }
  void Reopen() {
    store_.reset();
    auto store = medium_->Open();
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  absl::Status Commit(std::vector<Mutation> batch) { return store_->Commit(batch); }
  std::map<std::string, std::string> All(absl::string_view prefix = "") {
    std::map<std::string, std::string> all;
    auto rows = store_->List(prefix);
    EXPECT_TRUE(rows.ok()) << rows.status();
    for (const Row& row : *rows) {
      EXPECT_TRUE(all.empty() || all.rbegin()->first < row.key) << "not in order";
      all[row.key] = row.value;
    }
    return all;
  }

  std::unique_ptr<Medium> medium_;
  std::unique_ptr<Store> store_;
};

using Content = std::map<std::string, std::string>;

TEST_P(StoreConformance, IsEmptyAtFirst) {
  EXPECT_EQ(All(), Content());
  EXPECT_EQ(*store_->Get("a"), std::nullopt);
}

TEST_P(StoreConformance, CommitsAreVisibleAndSurviveReopening) {
  ASSERT_TRUE(Commit({{"a", "1"}, {"b", "2"}}).ok());
  ASSERT_TRUE(Commit({{"a", "3"}, {"b", std::nullopt}, {"c", ""}}).ok());

  EXPECT_EQ(All(), (Content{{"a", "3"}, {"c", ""}}));
  EXPECT_EQ(*store_->Get("c"), "");

  Reopen();

  EXPECT_EQ(All(), (Content{{"a", "3"}, {"c", ""}}));
}

TEST_P(StoreConformance, MutationsOfABatchApplyInOrder) {
  ASSERT_TRUE(
      Commit({{"a", "1"}, {"a", std::nullopt}, {"a", "2"}, {"b", "1"}, {"b", std::nullopt}}).ok());

  EXPECT_EQ(All(), (Content{{"a", "2"}}));
}

TEST_P(StoreConformance, DeletingWhatIsAbsentIsFine) {
  EXPECT_TRUE(Commit({{"a", std::nullopt}}).ok());
  EXPECT_TRUE(Commit({}).ok());
}

TEST_P(StoreConformance, ListsByPrefixInByteOrder) {
  const std::string high = "a\xff";
  ASSERT_TRUE(
      Commit({{"b", "1"}, {high, "2"}, {"a/1", "3"}, {"a", "4"}, {"a/", "5"}, {"A", "6"}}).ok());

  EXPECT_EQ(All("a/"), (Content{{"a/", "5"}, {"a/1", "3"}}));
  EXPECT_EQ(All("a").size(), 4u);
  EXPECT_EQ(All(high), (Content{{high, "2"}}));
  EXPECT_EQ(All("zz"), Content());
}

TEST_P(StoreConformance, KeysAndValuesAreBytes) {
  const std::string key("k\0\xff\n", 4);
  const std::string value("\0\0v", 3);
  ASSERT_TRUE(Commit({{key, value}}).ok());

  Reopen();

  EXPECT_EQ(*store_->Get(key), value);
}

TEST_P(StoreConformance, RefusesWhatIsOutOfBounds) {
  EXPECT_EQ(Commit({{"ok", "1"}, {"", "1"}}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Commit({{std::string(kKeyBytesMax + 1, 'k'), "1"}}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Commit({{"k", std::string(kValueBytesMax + 1, 'v')}}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(All(), Content()) << "a refused batch leaves nothing behind";
  EXPECT_TRUE(Commit({{std::string(kKeyBytesMax, 'k'), std::string(1 << 20, 'v')}}).ok());
}

TEST_P(StoreConformance, RefusesEverythingOnceClosed) {
  ASSERT_TRUE(store_->Close().ok());
  ASSERT_TRUE(store_->Close().ok());

  EXPECT_EQ(Commit({{"a", "1"}}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(store_->Get("a").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(store_->List("").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(StoreConformance, AgreesWithAMapOverRandomBatches) {
  Rng rng(42);
  Content model;
  for (int round = 0; round < 60; ++round) {
    std::vector<Mutation> batch;
    for (uint64_t n = rng.Uniform(0, 20); n > 0; --n) {
      Mutation mutation{absl::StrCat("key", rng.Uniform(0, 40)), std::nullopt};
      if (rng.Chance(0.7))
        mutation.value = std::string(rng.Uniform(0, 3000), static_cast<char>(rng.Next()));
      if (mutation.value.has_value()) {
        model[mutation.key] = *mutation.value;
      } else {
        model.erase(mutation.key);
      }
      batch.push_back(std::move(mutation));
    }
    ASSERT_TRUE(store_->Commit(batch).ok());
    if (rng.Chance(0.2)) Reopen();
    ASSERT_EQ(All(), model) << "round " << round;
  }
}

}  // namespace meros::storage::testing

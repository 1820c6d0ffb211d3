// Goal: histories that a register can have pass, those that it cannot have fail; also against a
// naive checker that tries all orders.
#include "libs/simulation/linearizability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "libs/base/rng.h"

namespace meros::simulation {
namespace {

using Value = RegisterHistory::Value;

absl::Time At(int64_t second) { return absl::FromUnixSeconds(second); }

class Register : public testing::Test {
 protected:
  void Write(int64_t from, int64_t to, Value value) {
    history_.Written(history_.Write(At(from), std::move(value)), At(to));
  }
  void Read(int64_t from, int64_t to, Value value) {
    history_.Read(At(from), At(to), std::move(value));
  }

  RegisterHistory history_;
};

TEST_F(Register, IsEmptyAtFirst) {
  Read(1, 2, std::nullopt);

  EXPECT_TRUE(history_.Check().ok());
}

TEST_F(Register, MayShowAWriteWhileItIsUnderWay) {
  Write(1, 10, "a");
  Read(2, 3, std::nullopt);
  Read(4, 5, "a");

  EXPECT_TRUE(history_.Check().ok());
}

TEST_F(Register, MayNotTakeBackWhatItHasShown) {
  Write(1, 10, "a");
  Read(2, 3, "a");
  Read(4, 5, std::nullopt);

  EXPECT_TRUE(absl::IsInternal(history_.Check()));
}

TEST_F(Register, MustShowWhatWasAnswered) {
  Write(1, 2, "a");
  Read(3, 4, std::nullopt);

  const absl::Status status = history_.Check();

  EXPECT_TRUE(absl::IsInternal(status));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("a read of no record"));
}

TEST_F(Register, MayNotInventValues) {
  Write(1, 2, "a");
  Read(3, 4, "b");

  EXPECT_TRUE(absl::IsInternal(history_.Check()));
}

TEST_F(Register, MayDoOverlappingWritesInAnyOrder) {
  Write(1, 5, "a");
  Write(2, 4, "b");
  Read(6, 7, "a");
  Read(8, 9, "a");

  EXPECT_TRUE(history_.Check().ok());
}

TEST_F(Register, MayNotDoOverlappingWritesInTwoOrders) {
  Write(1, 5, "a");
  Write(2, 4, "b");
  Read(6, 7, "a");
  Read(8, 9, "b");

  EXPECT_TRUE(absl::IsInternal(history_.Check()));
}

TEST_F(Register, MayLoseAWriteWithoutAnswerOrDoItLater) {
  history_.Write(At(1), "a");
  Read(2, 3, std::nullopt);
  Write(4, 5, "b");
  Read(6, 7, "b");
  Read(8, 9, "a");

  EXPECT_TRUE(history_.Check().ok());
}

TEST_F(Register, MayNotDoAWriteWithoutAnswerTwice) {
  history_.Write(At(1), "a");
  Read(2, 3, "a");
  Write(4, 5, "b");
  Read(6, 7, "a");

  EXPECT_TRUE(absl::IsInternal(history_.Check()));
}

TEST_F(Register, MayNotDoWhatItRefused) {
  history_.Refused(history_.Write(At(1), "a"));
  Read(2, 3, "a");

  EXPECT_TRUE(absl::IsInternal(history_.Check()));
}

TEST_F(Register, SaysWhenItCannotTell) {
  for (int i = 0; i < 20; ++i) history_.Write(At(1), absl::StrCat(i));
  Read(2, 3, "never written");

  EXPECT_TRUE(absl::IsResourceExhausted(history_.Check(/*states_max=*/1000)));
}

TEST_F(Register, ChecksLongHistoriesFast) {
  for (int i = 0; i < 300; ++i) {
    Write(3 * i, 3 * i + 4, absl::StrCat(i));
    Read(3 * i + 5, 3 * i + 6, absl::StrCat(i));
  }

  EXPECT_TRUE(history_.Check(/*states_max=*/3000).ok());
}

// All orders, each as a whole.
struct Naive {
  struct Operation {
    bool is_write;
    Value value;
    int64_t from;
    int64_t to;
  };
  std::vector<Operation> operations;

  bool Explains(const std::vector<size_t>& order) const {
    Value value;
    for (size_t i = 0; i < order.size(); ++i) {
      const Operation& operation = operations[order[i]];
      for (size_t later = i + 1; later < order.size(); ++later) {
        if (operations[order[later]].to < operation.from) return false;
      }
      if (operation.is_write) value = operation.value;
      if (!operation.is_write && operation.value != value) return false;
    }
    return true;
  }

  bool IsLinearizable() const {
    std::vector<size_t> order(operations.size());
    std::iota(order.begin(), order.end(), 0u);
    do {
      if (Explains(order)) return true;
    } while (std::next_permutation(order.begin(), order.end()));
    return false;
  }
};

TEST(RegisterHistory, AgreesWithANaiveCheckerOnRandomHistories) {
  Rng rng(7);
  int linearizable = 0;
  for (int round = 0; round < 300; ++round) {
    Naive naive;
    RegisterHistory history;
    for (int i = 0; i < 6; ++i) {
      const auto from = static_cast<int64_t>(rng.Uniform(0, 12));
      Naive::Operation operation = {rng.Chance(0.5), absl::StrCat(rng.Uniform(0, 2)), from,
                                    from + static_cast<int64_t>(rng.Uniform(1, 8))};
      naive.operations.push_back(operation);
      if (operation.is_write) {
        history.Written(history.Write(At(operation.from), operation.value), At(operation.to));
      } else {
        history.Read(At(operation.from), At(operation.to), operation.value);
      }
    }
    const bool expected = naive.IsLinearizable();
    linearizable += expected ? 1 : 0;
    ASSERT_EQ(history.Check().ok(), expected) << "round " << round;
  }
  EXPECT_GT(linearizable, 20);
  EXPECT_LT(linearizable, 280);
}

}  // namespace
}  // namespace meros::simulation

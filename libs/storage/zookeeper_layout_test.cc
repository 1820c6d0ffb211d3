// Goal: rows of any bytes become nodes that ZooKeeper takes, and come back; damage is seen.
#include "libs/storage/zookeeper_layout.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/base/rng.h"

namespace meros::storage {
namespace {

using coordination::NodeOp;
using Type = NodeOp::Type;

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

TEST(ZooKeeperLayout, KeysComeBackFromTheirNames) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  for (const std::string& key : {all, std::string("."), std::string(".."),
                                 std::string("0001/agent-7"), std::string("a!0001")}) {
    for (const size_t piece : {0, 1, 42}) {
      const std::string name = NameOf(RowPath("/root", key, piece));
      for (const char c : name) EXPECT_TRUE(c > ' ' && c < 127 && c != '/') << name;
      EXPECT_TRUE(name != "." && name != "..");
      const auto row = ParseRowName(name);
      ASSERT_TRUE(row.ok()) << row.status();
      EXPECT_EQ(row->first, key);
      EXPECT_EQ(row->second, piece);
    }
  }
}

TEST(ZooKeeperLayout, NamesThatAreNotOursAreRefused) {
  for (const char* name : {"", "a%", "a%4", "a%zz", "a!", "a!x", "a!0", "!0001"}) {
    EXPECT_FALSE(ParseRowName(name).ok()) << name;
  }
}

TEST(ZooKeeperLayout, ValuesOfEverySizeComeBackAndDamageIsSeen) {
  for (const size_t bytes :
       {size_t{0}, size_t{1}, kPieceBytes - 1, kPieceBytes, 3 * kPieceBytes + 5}) {
    const std::string value(bytes, 'v');
    std::vector<std::string> pieces = EncodeValue("key", value);
    for (const std::string& piece : pieces) EXPECT_LE(piece.size(), kPieceBytes + 8);
    EXPECT_EQ(*PieceCount(pieces[0]), pieces.size());
    ASSERT_TRUE(DecodeValue("key", pieces).ok());
    EXPECT_EQ(*DecodeValue("key", pieces), value);

    EXPECT_FALSE(DecodeValue("kex", pieces).ok());
    pieces.back().push_back('x');
    EXPECT_FALSE(DecodeValue("key", pieces).ok());
  }
  EXPECT_FALSE(PieceCount("M1").ok());
  EXPECT_FALSE(PieceCount("something else").ok());
}

TEST(ZooKeeperLayout, BatchesComeBackFromTheJournal) {
  Rng rng(3);
  std::vector<Mutation> batch;
  for (int i = 0; i < 50; ++i) {
    batch.push_back({absl::StrCat("key", i), std::nullopt});
    if (rng.Chance(0.7)) batch.back().value = std::string(rng.Uniform(0, 500), 'v');
  }
  std::string bytes = EncodeBatch(batch);
  const auto decoded = DecodeBatch(bytes);
  ASSERT_TRUE(decoded.ok());
  ASSERT_EQ(decoded->size(), batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    EXPECT_EQ((*decoded)[i].key, batch[i].key);
    EXPECT_EQ((*decoded)[i].value, batch[i].value);
  }
  for (size_t cut = 0; cut < bytes.size(); cut += 97)
    EXPECT_FALSE(DecodeBatch(bytes.substr(0, cut)).ok());
  bytes[bytes.size() / 2] ^= 1;
  EXPECT_FALSE(DecodeBatch(bytes).ok());
}

TEST(RowIndex, PlansCreationsChangesAndDeletionsFromWhatIsThere) {
  RowIndex index;
  index.Add("there", 1);
  index.Add("large", 3);

  const auto ops = index.Plan("/r", std::vector<Mutation>{{"there", "0"},
                                                          {"new", "1"},
                                                          {"there", "2"},
                                                          {"absent", std::nullopt},
                                                          {"large", "small"}});

  ASSERT_EQ(ops.size(), 5u);
  EXPECT_EQ(ops[0].type, Type::kSet);  // large's first piece; in the order of the keys
  EXPECT_EQ(ops[1].type, Type::kDelete);
  EXPECT_EQ(ops[1].path, RowPath("/r", "large", 2));
  EXPECT_EQ(ops[2].path, RowPath("/r", "large", 1));
  EXPECT_EQ(ops[3].type, Type::kCreate);
  EXPECT_EQ(ops[3].path, RowPath("/r", "new"));
  EXPECT_EQ(ops[4].type, Type::kSet);
  EXPECT_EQ(ops[4].data, EncodeValue("there", "2")[0]);
}

TEST(ZooKeeperLayout, TransactionsStayBelowWhatAServerTakes) {
  std::vector<NodeOp> ops;
  for (int i = 0; i < 5000; ++i)
    ops.push_back({Type::kCreate, absl::StrCat("/n", i), std::string(300, 'v')});

  const auto transactions = SplitIntoTransactions(ops);

  size_t count = 0;
  for (const Transaction& transaction : transactions) {
    size_t bytes = 0;
    for (const NodeOp& op : transaction) bytes += op.path.size() + op.data.size() + 128;
    EXPECT_LE(bytes, kTransactionBytes);
    count += transaction.size();
  }
  EXPECT_EQ(count, ops.size());
  EXPECT_GT(transactions.size(), 2u);
}

}  // namespace
}  // namespace meros::storage

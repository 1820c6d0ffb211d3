// Goal: the checksum is the one RFC 3720 describes, and a row's checksum covers all of the row.
#include "libs/storage/crc32c.h"

#include <string>

#include "gtest/gtest.h"

namespace meros::storage {
namespace {

TEST(Crc32c, MatchesTheVectorsOfRfc3720) {
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
}

TEST(Crc32c, ContinuesAcrossPieces) {
  EXPECT_EQ(Crc32c("6789", Crc32c("12345")), Crc32c("123456789"));
}

TEST(RowChecksum, TellsKeyFromValue) {
  EXPECT_NE(RowChecksum("ab", "c"), RowChecksum("a", "bc"));
  EXPECT_NE(RowChecksum("a", "b"), RowChecksum("b", "b"));
}

}  // namespace
}  // namespace meros::storage

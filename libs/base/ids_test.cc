#include "libs/base/ids.h"

#include "absl/container/flat_hash_set.h"
#include "gtest/gtest.h"

namespace meros {
namespace {

TEST(Ids, CompareAndHashByValue) {
  absl::flat_hash_set<AgentId> ids = {AgentId("a"), AgentId("b"), AgentId("a")};
  EXPECT_EQ(ids.size(), 2u);
  EXPECT_LT(AgentId("a"), AgentId("b"));
  EXPECT_TRUE(AgentId().empty());
}

TEST(Ids, RuleAcceptsWhatFrameworksUse) {
  for (const char* good : {"a", "web.1-x_Y", "0b7a-0001", "with space", "ünïcode", "..."}) {
    EXPECT_TRUE(ValidateId(good).ok()) << good;
  }
  EXPECT_TRUE(ValidateId(std::string(255, 'x')).ok());
}

TEST(Ids, RuleNamesWhatIsWrong) {
  EXPECT_EQ(ValidateId("").message(), "must not be empty");
  EXPECT_EQ(ValidateId(std::string(256, 'x')).message(), "must be at most 255 bytes, got 256");
  EXPECT_EQ(ValidateId("..").message(), "must not be '..'");
  EXPECT_EQ(ValidateId("a/b").message(), "must not contain '/' or '\\', found at 1");
  EXPECT_EQ(ValidateId("a\\b").message(), "must not contain '/' or '\\', found at 1");
  EXPECT_EQ(ValidateId("a\nb").message(),
            "must not contain control characters, found byte 10 at 1");
  EXPECT_FALSE(ValidateId(absl::string_view("a\0b", 3)).ok());
}

}  // namespace
}  // namespace meros

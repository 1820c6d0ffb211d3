// Goal: what was written as entries is read as those, and any other bytes as some.
#include "libs/testing/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/str_cat.h"

namespace meros::testing {
namespace {

using ::testing::ElementsAre;

enum class Who : uint8_t { kFirst, kSecond, kSilent, kCount };

std::vector<std::string> Read(const std::string& script) {
  std::vector<std::string> lines;
  ReadScript(script, Who::kSilent, Who::kCount,
             [&](Who who, uint16_t length, absl::string_view message) {
               lines.push_back(absl::StrCat(static_cast<int>(who), " ", length, " ", message));
             });
  return lines;
}

TEST(Script, EntriesAreReadAsWritten) {
  EXPECT_THAT(Read(Entry(Who::kSecond, "hello") + Entry(Who::kSilent, uint16_t{700}) +
                   Entry(Who::kFirst, "")),
              ElementsAre("1 5 hello", "2 700 ", "0 0 "));
}

TEST(Script, AnyBytesAreAScript) {
  EXPECT_THAT(Read(""), ElementsAre());
  EXPECT_THAT(Read("ab"), ElementsAre());
  // Speaker 4 of 3, and less than was announced.
  EXPECT_THAT(Read(std::string("\x04\xff\xff") + "rest"), ElementsAre("1 65535 rest"));
}

TEST(Script, EndsAtTheBound) {
  std::string script;
  for (int i = 0; i < 2 * kEntriesMax; ++i) script += Entry(Who::kSilent, uint16_t{1});
  EXPECT_EQ(Read(script).size(), kEntriesMax);
}

}  // namespace
}  // namespace meros::testing

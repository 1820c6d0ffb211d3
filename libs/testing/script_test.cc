// Goal: what was written as entries is read as those, and any other bytes as some; time passes from
// deadline to deadline.
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

TEST(Script, ThoseWhoSayNothingMayBeAmongTheOthers) {
  std::vector<std::string> said;
  ReadScript(Entry(Who::kFirst, uint16_t{5}) + Entry(Who::kSilent, "hello"),
             Silent<Who>{Who::kFirst, Who::kSecond}, Who::kCount,
             [&](Who, uint16_t, absl::string_view message) { said.emplace_back(message); });
  EXPECT_THAT(said, ElementsAre("", "hello"));
}

TEST(Script, EndsAtTheBound) {
  std::string script;
  for (int i = 0; i < 2 * kEntriesMax; ++i) script += Entry(Who::kSilent, uint16_t{1});
  EXPECT_EQ(Read(script).size(), kEntriesMax);
}

TEST(Script, WhatAFuzzerGivesIsReadAsAScript) {
  const std::string script = Entry(Who::kSecond, "hello");
  std::vector<std::string> said;
  PlayScript(reinterpret_cast<const uint8_t*>(script.data()), script.size(), Who::kSilent,
             Who::kCount,
             [&](Who, uint16_t, absl::string_view message) { said.emplace_back(message); });
  EXPECT_THAT(said, ElementsAre("hello"));
}

// Asks for the time every `period`, or again and again for the same moment when it is zero.
struct Clockwork {
  absl::Time NextDeadline() const { return next; }
  absl::Time next;
  absl::Duration period;
};

TEST(PassTime, TicksAtEachDeadlineUpToTheEnd) {
  absl::Time now = absl::UnixEpoch();
  Clockwork core{now - absl::Seconds(1), absl::Seconds(2)};
  std::vector<absl::Time> ticks;
  PassTime(core, absl::Seconds(4), &now, [&] {
    ticks.push_back(now);
    core.next += core.period;
  });

  const absl::Time begin = absl::UnixEpoch();  // where what is overdue ticks
  EXPECT_THAT(ticks, ElementsAre(begin, begin + absl::Seconds(1), begin + absl::Seconds(3)));
  EXPECT_EQ(now, begin + absl::Seconds(4));
}

TEST(PassTimeDeathTest, ACoreThatAsksForOneMomentAgainAndAgainIsABug) {
  absl::Time now = absl::UnixEpoch();
  Clockwork core{now, absl::ZeroDuration()};
  EXPECT_DEATH(PassTime(core, absl::Seconds(1), &now, [] {}), "again and again");
}

}  // namespace
}  // namespace meros::testing

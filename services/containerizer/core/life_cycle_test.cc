// Goal: the table that people read in life_cycle.h is the table that the code runs.
#include "services/containerizer/core/life_cycle.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace meros::containerizer {
namespace {

// The numbered lines of the header's comment, as "1 STARTING recorded PREPARING".
std::set<std::string> DocumentedTransitions() {
  std::ifstream header(
      absl::StrCat(::getenv("MEROS_SOURCE_DIR"), "/services/containerizer/core/life_cycle.h"));
  std::set<std::string> lines;
  for (std::string line; std::getline(header, line);) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int number = 0;
    if (words.size() < 6 || words[0] != "//" || !absl::SimpleAtoi(words[1], &number)) continue;
    if (words[2][0] < 'A' || words[2][0] > 'Z') continue;  // the numbers of the picture
    lines.insert(absl::StrCat(number, " ", words[2], " ", words[3], " ", words[4]));
  }
  return lines;
}

TEST(LifeCycle, TableAndDocumentationAreTheSame) {
  std::set<std::string> coded;
  for (const Transition& t : kTransitions) {
    coded.insert(absl::StrCat(t.number, " ", Name(t.from), " ", Name(t.event), " ", Name(t.to)));
  }

  EXPECT_EQ(DocumentedTransitions(), coded);
}

TEST(LifeCycle, NeverGoesBackAndEndsInTerminated) {
  for (const Transition& t : kTransitions) {
    EXPECT_LT(t.from, t.to) << t.number;
    EXPECT_EQ(Next(t.from, t.event), t.to);
  }
  EXPECT_EQ(Next(State::kTerminated, LifeEvent::kEnding), std::nullopt);
}

TEST(LifeCycle, EveryStateButTheLastCanEnd) {
  for (const State state :
       {State::kStarting, State::kPreparing, State::kRunning, State::kStopping}) {
    EXPECT_EQ(Next(state, LifeEvent::kEnding), State::kDestroying) << Name(state);
  }
}

}  // namespace
}  // namespace meros::containerizer

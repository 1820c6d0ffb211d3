// Goal: the diagram in write_state.h says what the transition table does. Method: its numbered
// arrows are read from the header's comment and compared with the table, both ways.
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/registry/core/write_state.h"

namespace meros::registry {
namespace {

using Arrows = std::set<std::tuple<std::string, std::string, std::string>>;

// Lines such as "//   (1) IDLE   write   GATHERING   remark".
Arrows ReadDiagram(const std::string& header) {
  const char* source = getenv("MEROS_SOURCE_DIR");
  std::ifstream file(absl::StrCat(source != nullptr ? source : ".", "/", header));
  EXPECT_TRUE(file.good()) << header;
  Arrows arrows;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string slashes, number, from, event, to;
    words >> slashes >> number >> from >> event >> to;
    if (slashes == "//" && number.size() == 3 && number[0] == '(' && isdigit(number[1]) != 0)
      arrows.emplace(from, event, to);
  }
  return arrows;
}

TEST(Transitions, DiagramMatchesTable) {
  Arrows table;
  for (const WriteTransition& t : WriteTransitions()) {
    table.emplace(std::string(WriteStateName(t.from)), std::string(WriteEventName(t.event)),
                  std::string(WriteStateName(t.to)));
  }
  EXPECT_EQ(ReadDiagram("services/registry/core/write_state.h"), table);
}

}  // namespace
}  // namespace meros::registry

// Plays testdata/session.txt and compares the whole trace. UPDATE_GOLDEN=1 in the environment
// writes the file anew.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "services/allocator/core/test_harness.h"

namespace meros::allocator {
namespace {

class Player {
 public:
  std::vector<std::string> Play(const std::string& command) {
    const std::vector<std::string> words = absl::StrSplit(command, ' ', absl::SkipEmpty());
    Dispatch(words);
    for (Proposal& proposal : harness_.TakeProposals()) proposals_[proposal.id] = proposal;
    std::vector<std::string> trace = harness_.TakeTrace();
    return trace;
  }

 private:
  using Words = std::vector<std::string>;

  void Dispatch(const Words& w) {
    const std::string& verb = w.at(0);
    if (verb == "hello") {
      stream_ = std::stoull(w.at(1));
      harness_.Open(stream_, w.at(2), std::stoull(w.at(3)));
    } else if (verb == "closed") {
      harness_.Step(StreamClosed{std::stoull(w.at(1))});
    } else if (verb == "begin") {
      in_snapshot_ = true;
      harness_.version = std::stoull(w.at(1));
      Send(SnapshotBegin{harness_.version});
    } else if (verb == "end") {
      in_snapshot_ = false;
      Send(SnapshotEnd{std::stoull(w.at(1))});
    } else if (verb == "lose") {
      ++harness_.version;
    } else if (verb == "advance") {
      absl::Duration duration;
      MEROS_CHECK(absl::ParseDuration(w.at(1), &duration)) << w.at(1);
      harness_.Advance(duration);
    } else if (verb == "accept") {
      harness_.Accept(proposals_.at(std::stoull(w.at(1))));
    } else if (verb == "reject") {
      const std::map<std::string, RejectReason> reasons = {
          {"not_free", RejectReason::kNotFree}, {"too_many_offers", RejectReason::kTooManyOffers}};
      Send(ProposalResult{std::stoull(w.at(1)), reasons.at(w.at(2))});
    } else {
      Send(Delta{in_snapshot_ ? 0 : ++harness_.version, ReadChange(w)});
    }
  }

  static Change ReadChange(const Words& w) {
    const std::string& verb = w.at(0);
    if (verb == "framework") {
      const Words roles = absl::StrSplit(w.at(2), ',');
      return UpsertFramework{AFramework(w.at(1), {roles.begin(), roles.end()})};
    }
    if (verb == "agent") return UpsertAgent{AnAgent(w.at(1), w.at(2))};
    if (verb == "revive") return Revive{FrameworkId(w.at(1)), {}};
    if (verb == "suppress") return Suppress{FrameworkId(w.at(1)), {}};
    MEROS_CHECK(verb == "recover") << verb;
    return Recover{{FrameworkId(w.at(1)), w.at(2)},
                   AgentId(w.at(3)),
                   Text(w.at(4)),
                   absl::Seconds(std::stoi(w.at(5)))};
  }

  void Send(MasterMessage message) { harness_.Send(stream_, {std::move(message)}); }

  Harness harness_;
  StreamId stream_ = 1;
  bool in_snapshot_ = false;
  std::map<uint64_t, Proposal> proposals_;
};

TEST(Golden, Session) {
  const char* root = std::getenv("MEROS_SOURCE_DIR");
  const std::string path =
      absl::StrCat(root == nullptr ? "." : root, "/services/allocator/core/testdata/session.txt");
  std::ifstream in(path);
  ASSERT_TRUE(in) << path;
  Player player;
  std::vector<std::string> found, expected;
  for (std::string line; std::getline(in, line);) {
    expected.push_back(line);
    absl::string_view command = line;
    if (absl::ConsumePrefix(&command, "> ")) {
      found.push_back(line);
      for (const std::string& answer : player.Play(std::string(command))) found.push_back(answer);
    } else if (line.empty() || line[0] == '#') {
      found.push_back(line);
    }
  }
  in.close();
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << absl::StrJoin(found, "\n") << "\n";
    return;
  }
  EXPECT_EQ(absl::StrJoin(found, "\n"), absl::StrJoin(expected, "\n"));
}

}  // namespace
}  // namespace meros::allocator

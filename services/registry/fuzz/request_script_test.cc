// Goal: scripts do what they say, and thousands of spoiled ones find the registry's promises kept,
// in every build. Method: a good script of every kind of request, changed at random; the fuzz
// target of the same name goes further where it is built.
#include "services/registry/fuzz/request_script.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "libs/base/rng.h"
#include "libs/testing/script.h"
#include "meros/registry/v1/registry_service.pb.h"

namespace meros::registry {
namespace {

using meros::testing::Entry;

std::string Ask(Voice voice, const std::string& requests) {
  v1::SessionRequest frame;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(requests, &frame)) << requests;
  return Entry(voice, frame.SerializeAsString());
}
std::string AskForLeader(uint64_t known_epoch, int64_t wait_ms) {
  v1::GetLeaderRequest request;
  request.set_known_epoch(known_epoch);
  request.set_wait_ms(wait_ms);
  return Entry(Voice::kLeader, request.SerializeAsString());
}

std::string Watch(uint64_t after_revision, const std::vector<v1::RecordKind>& kinds = {}) {
  v1::WatchRequest request;
  request.set_after_revision(after_revision);
  for (const v1::RecordKind kind : kinds) request.add_kinds(kind);
  return Entry(Voice::kWatch, request.SerializeAsString());
}

// An entry, and how many requests have been answered with OK when the script ends with it.
struct Good {
  std::string entry;
  int answered;
};

std::vector<Good> GoodScript() {
  return {
      {Entry(Voice::kOwned, uint16_t{60000}), 0},
      {Ask(Voice::kFirst, "requests { id: 1 acquire_lease { candidate_id: 'a' ttl_ms: 5000 } }"),
       1},
      {Watch(0), 1},
      {Entry(Voice::kStore, uint16_t{0}), 1},
      {Ask(Voice::kFirst,
           "requests { id: 2 commit { epoch: 1 mutations { key { kind: RECORD_KIND_AGENT name: "
           "'x' } put: 'one' expected_revision: 0 } mutations { key { kind: "
           "RECORD_KIND_FRAMEWORK name: 'y' } put: 'two' } } }"
           "requests { id: 3 renew_lease { epoch: 1 } }"),
       3},
      {Entry(Voice::kStore, uint16_t{0}), 3},
      {Ask(Voice::kSecond,
           "requests { id: 4 get { key { kind: RECORD_KIND_AGENT name: 'x' } } }"
           "requests { id: 5 list {} }"
           "requests { id: 6 list { kinds: RECORD_KIND_AGENT } }"),
       6},
      {Watch(1, {v1::RECORD_KIND_AGENT, v1::RECORD_KIND_LEASE}), 6},
      {AskForLeader(0, 0), 7},
      {AskForLeader(1, 60000), 8},
      {Ask(Voice::kSecond,
           "requests { id: 7 acquire_lease { candidate_id: 'b' ttl_ms: 60000 wait_ms: 60000 } }"),
       9},
      {Entry(Voice::kStatus, uint16_t{0}), 9},
      {Entry(Voice::kTime, uint16_t{60}), 9},
      {Entry(Voice::kStore, uint16_t{0}), 9},
      {Ask(Voice::kSecond,
           "requests { id: 8 commit { epoch: 2 mutations { key { kind: RECORD_KIND_AGENT name: "
           "'x' } remove: true expected_revision: 2 } } }"),
       10},
      {Entry(Voice::kWatchEnds, uint16_t{1}), 10},
      {Entry(Voice::kRestart, uint16_t{1}), 9},  // who asked last has no answer any more
      {Watch(0), 9},
      {Watch(4), 9},
      {Ask(Voice::kThird,
           "requests { id: 9 acquire_lease { candidate_id: 'c' ttl_ms: 1000 wait_ms: 3600000 won { "
           "election: 'e' number: 1 } } }"),
       10},
      {Entry(Voice::kTime, uint16_t{700}), 10},
      {Entry(Voice::kStore, uint16_t{1}), 10},  // fails, and is tried again
      {Entry(Voice::kTime, uint16_t{20}), 10},
      {Entry(Voice::kStore, uint16_t{0}), 10},  // a probe
      {Entry(Voice::kStore, uint16_t{0}), 10},
      {Ask(Voice::kFirst,
           "requests { id: 10 acquire_lease { candidate_id: 'd' ttl_ms: 1000 won { election: 'e' "
           "number: 2 } } }"),
       11},
      {Entry(Voice::kStore, uint16_t{0}), 11},
      {Ask(Voice::kFirst, "requests { id: 11 release_lease { epoch: 4 } }"), 12},
      {Entry(Voice::kSessionEnds, uint16_t{0}), 12},
      {Entry(Voice::kStore, uint16_t{0}), 12},
  };
}

int Live(const std::string& bytes) {
  return RunRequestScript(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

TEST(RequestScript, EveryRequestOfTheGoodOneIsAnsweredWithOk) {
  std::string all;
  for (const auto& [entry, answered] : GoodScript()) {
    all += entry;
    EXPECT_EQ(Live(all), answered) << "after " << all.size() << " bytes";
  }
}

TEST(RequestScript, BytesOfAnyKindAreSurvived) {
  EXPECT_EQ(Live(""), 0);
  Rng rng(1);
  for (int i = 0; i < 200; ++i) Live(meros::testing::Noise(&rng));
}

// Entries left out, doubled and moved, bytes changed.
std::string Spoil(const std::vector<Good>& good, Rng* rng) {
  std::string script;
  for (uint64_t n = rng->Uniform(5, 60); n > 0; --n) {
    std::string entry = good[rng->Uniform(0, good.size() - 1)].entry;
    if (rng->Chance(0.3)) {
      entry[rng->Uniform(1, entry.size() - 1)] = static_cast<char>(rng->Uniform(0, 255));
    }
    script += entry;
  }
  return script;
}

TEST(RequestScript, SpoiledOnesFindAllPromisesKept) {
  const std::vector<Good> good = GoodScript();
  Rng rng(2);
  int answered = 0;
  for (int i = 0; i < 4000; ++i) answered += Live(Spoil(good, &rng));
  EXPECT_GT(answered, 10000);  // most requests do get as far as the core
}

}  // namespace
}  // namespace meros::registry

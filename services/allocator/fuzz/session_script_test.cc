// Goal: scripts do what they say, and thousands of spoiled ones leave the allocator's books in
// balance, in every build. Method: a good script of every kind of message, changed at random; the
// fuzz target of the same name goes further where it is built.
#include "services/allocator/fuzz/session_script.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/base/rng.h"
#include "libs/testing/script.h"
#include "meros/allocator/v1/allocator_service.pb.h"

namespace meros::allocator {
namespace {

using meros::testing::Entry;

template <typename Message>
std::string Of(Voice voice, const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return Entry(voice, message.SerializeAsString());
}
std::string Delta(const std::string& text) { return Of<v1::Delta>(Voice::kDelta, text); }

std::string Of(Voice voice, int length) { return Entry(voice, static_cast<uint16_t>(length)); }

// None of it costs the allocator its mirror.
std::vector<std::string> GoodScript() {
  return {
      Of(Voice::kTime, 1500),
      Of(Voice::kGrant, 0),
      Of(Voice::kGrant, 1),
      Of(Voice::kReject, 2),
      Of(Voice::kTime, 1500),
      Of(Voice::kGiveBack, 100),
      Of(Voice::kGiveBack, 0),
      Of<v1::ExplainRequest>(
          Voice::kExplain,
          "framework_id: 'f-2' role: 'ops' wanted { milli { key: 'cpus' value: 900 } }"),
      Delta("upsert_framework { framework_id: 'f-4' roles: 'eng' active: true "
            "min_allocatable { key: 'eng' value { any_of { milli { key: 'mem' value: 9 } } } } }"),
      Delta("suppress { framework_id: 'f-4' roles: 'eng' }"),
      Delta("revive { framework_id: 'f-4' }"),
      Delta("upsert_agent { agent_id: 'a-4' active: true info { hostname: 'h' } "
            "total { name: 'cpus' type: SCALAR scalar { value: 3 } } "
            "total { name: 'gpus' type: SCALAR scalar { value: 1 } } }"),
      Delta("allocate { framework_id: 'f-4' role: 'eng' agent_id: 'a-4' "
            "resources { name: 'cpus' type: SCALAR scalar { value: 2 } } }"),
      Delta("weight { role: 'eng' weight: 2.5 }"),
      Delta("quota { role: 'eng' limits { milli { key: 'cpus' value: 5000 } } }"),
      Delta("role_config { role: 'ops' priority: 5 placement: PLACEMENT_PACK sorter: "
            "SORTER_RANDOM offer_split: OFFER_SPLIT_BY_DEMAND }"),
      Delta("whitelist { enabled: true hostnames: 'h-1' hostnames: 'h' }"),
      Delta("upsert_gang { framework_id: 'f-4' gang_id: 'h' role: 'eng' remaining_ms: 5000 "
            "distinct_agents: true bundles { amount { milli { key: 'cpus' value: 500 } } "
            "count: 2 } }"),
      Of(Voice::kTime, 2500),
      Of(Voice::kGrant, 3),
      Delta("inverse_offer_result { framework_id: 'f-1' agent_id: 'a-3' refuse_ms: 1000 }"),
      Delta("whitelist {}"),
      Of(Voice::kTime, 2900),
      Delta("remove_gang { framework_id: 'f-4' gang_id: 'h' }"),
      Delta("remove_agent { agent_id: 'a-3' }"),
      Delta("remove_framework { framework_id: 'f-1' }"),
      Of<v1::MasterFrame>(Voice::kOther, "messages { hello { master_id: 'x' epoch: 1 } }"),
      Of(Voice::kEnds, 1),
      Of<v1::MasterFrame>(Voice::kFrame, "messages { result { proposal_id: 0 } }"),
      Of(Voice::kSnapshot, 900),
      Of(Voice::kTime, 2000),
      Of(Voice::kSession, 2),
      Of(Voice::kSnapshot, 3),
      Of(Voice::kTime, 2000),
  };
}

SessionOutcome Live(const std::string& bytes) {
  return RunSessionScript(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

TEST(SessionScript, NothingOfTheGoodOneIsRefused) {
  std::string all;
  int entries = 0;
  for (const std::string& entry : GoodScript()) {
    all += entry;
    EXPECT_EQ(Live(all).resets, 0) << "entry " << entries;
    ++entries;
  }
  const SessionOutcome outcome = Live(all);
  EXPECT_GT(outcome.proposals, 10);
  EXPECT_EQ(outcome.answers, 1);
  EXPECT_EQ(outcome.snapshots, 3);
}

TEST(SessionScript, BytesOfAnyKindAreSurvived) {
  EXPECT_EQ(Live("").snapshots, 1);
  Rng rng(1);
  for (int i = 0; i < 200; ++i) Live(meros::testing::Noise(&rng));
}

// Entries left out, doubled and moved, bytes changed.
std::string Spoil(const std::vector<std::string>& good, Rng* rng) {
  std::string script;
  for (uint64_t n = rng->Uniform(5, 40); n > 0; --n) {
    std::string entry = good[rng->Uniform(0, good.size() - 1)];
    if (rng->Chance(0.3)) {
      entry[rng->Uniform(1, entry.size() - 1)] = static_cast<char>(rng->Uniform(0, 255));
    }
    script += entry;
  }
  return script;
}

TEST(SessionScript, SpoiledOnesLeaveTheBooksInBalance) {
  const std::vector<std::string> good = GoodScript();
  Rng rng(2);
  SessionOutcome all;
  for (int i = 0; i < 300; ++i) {
    const SessionOutcome outcome = Live(Spoil(good, &rng));
    all.proposals += outcome.proposals;
    all.resets += outcome.resets;
  }
  EXPECT_GT(all.proposals, 1000);  // scripts do get as far as runs
  EXPECT_GT(all.resets, 100);
}

}  // namespace
}  // namespace meros::allocator

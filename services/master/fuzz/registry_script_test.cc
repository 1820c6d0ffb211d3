// Goal: scripts do what they say, and thousands of spoiled ones leave the master's books in
// balance, in every build. Method: a good script of a leader who finds every kind of record,
// changed at random; the fuzz target goes further where it is built.
#include "services/master/fuzz/registry_script.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/base/rng.h"
#include "libs/testing/script.h"
#include "meros/agent_link/v1/agent_link.pb.h"
#include "meros/registry/v1/registry_service.pb.h"
#include "meros/v1/maintenance/maintenance.pb.h"
#include "meros/v1/scheduler/scheduler.pb.h"

namespace meros::master {
namespace {

using meros::testing::Entry;
using Voice = RegistryVoice;

template <typename Message>
std::string Of(Voice voice, const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return Entry(voice, message.SerializeAsString());
}
std::string Of(Voice voice, int length) { return Entry(voice, static_cast<uint16_t>(length)); }

std::vector<std::string> GoodScript() {
  return {
      Of<registry::v1::AgentRecord>(
          Voice::kAgent,
          "state: AGENT_RECORD_STATE_ADMITTED registration_key: 'key-0' ip: '10.0.0.1' "
          "info { hostname: 'h-0' id { value: 'm-S0' } }"),
      Of<registry::v1::AgentRecord>(
          Voice::kAgent,
          "state: AGENT_RECORD_STATE_UNREACHABLE since_ns: 5 deactivated: true drain { state: "
          "DRAINING config { mark_gone: true } } info { hostname: 'h-1' id { value: 'm-S1' } }"),
      Of<registry::v1::AgentRecord>(Voice::kAgent,
                                    "state: AGENT_RECORD_STATE_GONE info { id { value: 'm-S2' } }"),
      Of<registry::v1::FrameworkRecord>(
          Voice::kFramework,
          "info { user: 'u' name: 'n' role: 'eng' id { value: 'm-0000' } failover_timeout: 60 } "
          "roles: 'eng' failover_timeout_ms: 60000 registered_at_ns: 7"),
      Of<registry::v1::FrameworkRecord>(Voice::kFramework, "removed_at_ns: 9"),
      Of<registry::v1::RoleRecord>(Voice::kRole,
                                   "guarantees_milli { key: 'cpus' value: 1000 } weight: 2 "
                                   "version: 3 min_allocatable { any_of { milli { key: 'mem' "
                                   "value: 5 } } } offer_timeout_ns: 0"),
      Of<registry::v1::MachineRecord>(Voice::kMachine,
                                      "info { id { hostname: 'h-9' } mode: DOWN }"),
      Of<v1::maintenance::Schedule>(Voice::kSchedule,
                                    "windows { machine_ids { hostname: 'h-0' } unavailability { "
                                    "start { nanoseconds: 5 } } }"),
      Of<registry::v1::LeaseResult>(Voice::kLease, "epoch: 3 ttl_ms: 10000"),
      Of(Voice::kRead, 0),
      Of<agent_link::v1::AgentMessage>(
          Voice::kMessage,
          "reregister { agent { registration_key: 'key-0' info { hostname: 'h-0' id { value: "
          "'m-S0' } } } }"),
      Of<v1::scheduler::Call>(
          Voice::kCall,
          "framework_id { value: 'm-0000' } type: SUBSCRIBE subscribe { framework_info { user: "
          "'u' name: 'n' role: 'eng' id { value: 'm-0000' } failover_timeout: 60 } }"),
      Of(Voice::kAnswer, 0),
      Of(Voice::kTime, 30),
      Of<registry::v1::LeaseResult>(Voice::kLease, "epoch: 3 ttl_ms: 10000"),
      Of(Voice::kEnds, 0),
      Of(Voice::kAnswer, 28),
      Of(Voice::kTime, 700),
      Of(Voice::kLost, 0),
      Of(Voice::kTime, 20),
      Of<registry::v1::Response>(Voice::kResponse,
                                 "code: 9 lease { epoch: 4 ttl_ms: 10000 candidate_id: 'x' }"),
      Of(Voice::kTime, 20),
      Of<registry::v1::LeaseResult>(Voice::kLease, "epoch: 5 ttl_ms: 10000"),
      Of<registry::v1::ListResult>(Voice::kRecords,
                                   "records { key { kind: RECORD_KIND_ROLE name: 'ops' } }"),
  };
}

RegistryOutcome Live(const std::string& bytes) {
  return RunRegistryScript(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

TEST(RegistryScript, TheGoodOneLeadsTwice) {
  std::string all;
  for (const std::string& entry : GoodScript()) all += entry;
  const RegistryOutcome outcome = Live(all);
  EXPECT_EQ(outcome.led, 2);
  EXPECT_GE(outcome.answers, 6);
}

TEST(RegistryScript, BytesOfAnyKindAreSurvived) {
  EXPECT_EQ(Live("").led, 0);
  Rng rng(1);
  for (int i = 0; i < 200; ++i) Live(meros::testing::Noise(&rng));
}

// Bytes changed, some entries doubled; mostly in their order, so that it gets to lead.
std::string Spoil(const std::vector<std::string>& good, Rng* rng) {
  std::string script;
  for (const std::string& next : good) {
    if (rng->Chance(0.1)) script += good[rng->Uniform(0, good.size() - 1)];
    std::string entry = next;
    if (rng->Chance(0.2)) {
      entry[rng->Uniform(1, entry.size() - 1)] = static_cast<char>(rng->Uniform(0, 255));
    }
    script += entry;
  }
  return script;
}

TEST(RegistryScript, SpoiledOnesLeaveTheBooksInBalance) {
  const std::vector<std::string> good = GoodScript();
  Rng rng(2);
  int led = 0;
  for (int i = 0; i < 1000; ++i) led += Live(Spoil(good, &rng)).led;
  EXPECT_GT(led, 200);
}

}  // namespace
}  // namespace meros::master

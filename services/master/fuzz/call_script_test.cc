// Goal: scripts do what they say, and thousands of spoiled ones leave the books in balance, in
// every build. Method: a good script of every kind of message, changed at random; the fuzz target
// of the same name goes further where it is built. It begins with these good scripts, kept in
// tests/fuzz/corpus: MEROS_UPDATE_GOLDEN=1 rewrites them.
#include "services/master/fuzz/call_script.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/rng.h"
#include "libs/testing/script.h"
#include "meros/agent_link/v1/agent_link.pb.h"
#include "meros/allocator/v1/allocator_service.pb.h"
#include "meros/allocator/v1/snapshot.pb.h"
#include "meros/v1/master/operator/agents.pb.h"
#include "meros/v1/master/operator/cluster.pb.h"
#include "meros/v1/master/operator/executors.pb.h"
#include "meros/v1/master/operator/explain.pb.h"
#include "meros/v1/master/operator/frameworks.pb.h"
#include "meros/v1/master/operator/maintenance.pb.h"
#include "meros/v1/master/operator/offers.pb.h"
#include "meros/v1/master/operator/operations.pb.h"
#include "meros/v1/master/operator/roles.pb.h"
#include "meros/v1/master/operator/tasks.pb.h"
#include "meros/v1/master/operator/watch.pb.h"
#include "meros/v1/scheduler/scheduler.pb.h"
#include "meros/v1/scheduler/scheduler_service.pb.h"

namespace meros::master {
namespace {

using meros::testing::Entry;

template <typename Message>
std::string Of(Speaker speaker, const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return Entry(speaker, message.SerializeAsString());
}
std::string Call(const std::string& text, Speaker speaker = Speaker::kScheduler) {
  return Of<v1::scheduler::Call>(speaker, "framework_id { value: 'm-0000' } " + text);
}
std::string Agent(const std::string& text, Speaker speaker = Speaker::kAgent) {
  return Of<agent_link::v1::AgentMessage>(speaker, text);
}

constexpr char kOneCpu[] = "resources { name: 'cpus' type: SCALAR scalar { value: 1 } } ";
constexpr char kReserved[] =
    "{ name: 'disk' type: SCALAR scalar { value: 100 } "
    "reservations { type: DYNAMIC role: 'eng' principal: 'p' } } ";
constexpr char kVolume[] =
    "{ name: 'disk' type: SCALAR scalar { value: 50 } "
    "reservations { type: DYNAMIC role: 'eng' principal: 'p' } disk { persistence { id: 'v' "
    "principal: 'p' } volume { container_path: 'd' mode: RW } } } ";
constexpr char kUuid[] = "uuid: '0123456789abcdef' ";

// Frameworks, agents and allocators.
std::vector<std::string> GoodWork() {
  return {
      Call(absl::StrCat(
          "type: ACCEPT accept { offer_ids { value: '#1' } operations { type: RESERVE id { value: "
          "'r' } reserve { resources ",
          kReserved, "} } operations { type: CREATE create { volumes ", kVolume,
          "} } operations { type: LAUNCH launch { task_infos { name: 't' task_id { value: 't' } "
          "agent_id { value: 'm-S0' } command { value: 'x' } ",
          kOneCpu, "} } } }")),
      Agent(absl::StrCat("status_update { framework_id: 'm-0000' latest_state: 1 status { task_id "
                         "{ value: 't' } state: TASK_RUNNING ",
                         kUuid, "} }")),
      Call(absl::StrCat("type: ACKNOWLEDGE acknowledge { agent_id { value: 'm-S0' } task_id { "
                        "value: 't' } ",
                        kUuid, "}")),
      Call("type: RECONCILE reconcile {}"),
      Call("type: KILL kill { task_id { value: 't' } }", Speaker::kUnary),
      Call("type: SUPPRESS"),
      Call("type: REVIVE"),
      Call(absl::StrCat("type: REQUEST request { gang_id: 'g' requests { count: 2 ", kOneCpu,
                        "} }")),
      Of<v1::scheduler::Call>(
          Speaker::kOtherStream,
          "type: SUBSCRIBE subscribe { framework_info { user: 'u' name: 'n' role: 'eng' } }"),
      Entry(Speaker::kRegistry, uint16_t{0}),
      Of<allocator::v1::AllocatorFrame>(
          Speaker::kAllocator,
          "messages { proposal { proposal_id: 7 framework_id: 'm-0001' role: 'eng' agent_id: "
          "'m-S1' resources { name: 'cpus' type: SCALAR scalar { value: 1 } } } } "
          "messages { inverse_offer { framework_id: 'm-0000' agent_id: 'm-S0' } } "
          "messages { preemption { framework_id: 'm-0000' role: 'eng' agent_id: 'm-S0' for_role: "
          "'x' amount { milli { key: 'cpus' value: 1000 } } } } messages { need_snapshot {} } "
          "messages { gang_proposal { framework_id: 'm-0000' gang_id: 'g' role: 'eng' parts { "
          "proposal_id: 8 agent_id: 'm-S1' resources { name: 'cpus' type: SCALAR scalar { value: "
          "1 } } } } }"),
      Agent("agent_update { total { name: 'cpus' type: SCALAR scalar { value: 2 } } }",
            Speaker::kOtherAgent),
      Agent("heartbeat {}", Speaker::kOtherAgent),
      Agent(
          "reregister { agent { registration_key: 'key-0' info { hostname: 'h' id { value: 'm-S0' "
          "} } } frameworks { user: 'u' name: 'f' id { value: 'm-0000' } } tasks { name: 't' "
          "task_id { value: 't' } framework_id { value: 'm-0000' } agent_id { value: 'm-S0' } "
          "state: TASK_RUNNING } }"),
      Agent("register { registration_key: 'key-2' info { hostname: 'h2' resources { name: 'cpus' "
            "type: SCALAR scalar { value: 8 } } } }",
            Speaker::kNewAgent),
      Entry(Speaker::kRegistry, uint16_t{0}),
  };
}

// What operators do after that.
std::vector<std::string> GoodOrders() {
  return {
      Of<v1::master::ReserveResourcesRequest>(
          Speaker::kReserve, absl::StrCat("agent_id { value: 'm-S1' } resources ", kReserved)),
      Of<v1::master::CreateVolumesRequest>(
          Speaker::kCreateVolumes, absl::StrCat("agent_id { value: 'm-S1' } volumes ", kVolume)),
      Of<v1::master::UpdateQuotaRequest>(
          Speaker::kUpdateQuota,
          "configs { role: 'eng' limits { key: 'cpus' value { value: 9 } } }"),
      Of<v1::master::UpdateMaintenanceScheduleRequest>(
          Speaker::kSchedule,
          "schedule { windows { machine_ids { hostname: 'host-key-1' } unavailability { start { "
          "nanoseconds: 5 } } } }"),
      Entry(Speaker::kRegistry, uint16_t{0}),
      Entry(Speaker::kTime, uint16_t{20}),
      Entry(Speaker::kRegistry, uint16_t{0}),
      Entry(Speaker::kStreamEnds, uint16_t{0}),
      Entry(Speaker::kTime, uint16_t{200}),
      Entry(Speaker::kRegistry, uint16_t{0}),
      Of<v1::master::TeardownRequest>(Speaker::kTeardown, "framework_id { value: 'm-0001' }"),
      Entry(Speaker::kRegistry, uint16_t{0}),
      Of<v1::master::KillTaskRequest>(Speaker::kKillTask, "task_id { value: 't' }"),
      Of<v1::master::DeactivateAgentRequest>(Speaker::kDeactivate, "agent_id { value: 'm-S1' }"),
      Entry(Speaker::kRegistry, uint16_t{0}),
      Of<v1::master::ReactivateAgentRequest>(Speaker::kReactivate, "agent_id { value: 'm-S1' }"),
      Of<v1::master::DrainAgentRequest>(
          Speaker::kDrain, "agent_id { value: 'm-S0' } max_grace_period { nanoseconds: 9 }"),
      Of<v1::master::MarkAgentGoneRequest>(Speaker::kMarkGone, "agent_id { value: 'm-S1' }"),
      Entry(Speaker::kRegistry, uint16_t{0}),
      Entry(Speaker::kWhitelist, uint16_t{1}),
      Entry(Speaker::kFailOver, uint16_t{1}),
      Entry(Speaker::kTime, uint16_t{30}),
  };
}

// One life of everything, each entry good where it stands.
std::vector<std::string> GoodScript() {
  std::vector<std::string> script = GoodWork();
  for (std::string& order : GoodOrders()) script.push_back(std::move(order));
  return script;
}

// Each is answered with OK after the good script's first entries.
std::vector<std::string> Questions() {
  return {
      Of<v1::master::ExplainRequest>(
          Speaker::kExplain, absl::StrCat("framework_id { value: 'm-0000' } role: 'eng' wanted { ",
                                          "name: 'cpus' type: SCALAR scalar { value: 1 } }")),
      Of<allocator::v1::ExplainResponse>(
          Speaker::kExplained,
          "stages { stage: STAGE_REFUSED agents: 1 examples { agent_id: 'a' refused_ms: 5 } }"),
      Of<v1::master::ListAgentsRequest>(Speaker::kListAgents, "page_size: 1"),
      Of<v1::master::ListFrameworksRequest>(Speaker::kListFrameworks, ""),
      Of<v1::master::ListTasksRequest>(Speaker::kListTasks, "framework_id { value: 'm-0000' }"),
      Of<v1::master::ListRolesRequest>(Speaker::kListRoles, ""),
      Of<v1::master::ListQuotasRequest>(Speaker::kListQuotas, ""),
      Of<v1::master::ListWeightsRequest>(Speaker::kListWeights, ""),
      Of<v1::master::GetMaintenanceScheduleRequest>(Speaker::kGetSchedule, ""),
      Of<v1::master::ListOperationsRequest>(Speaker::kListOperations, ""),
      Of<v1::master::ListExecutorsRequest>(Speaker::kListExecutors, ""),
      Of<v1::master::GetAgentRequest>(Speaker::kGetAgent, "agent_id { value: 'm-S0' }"),
      Of<v1::master::GetFrameworkRequest>(Speaker::kGetFramework,
                                          "framework_id { value: 'm-0000' }"),
      Of<v1::master::GetTaskRequest>(Speaker::kGetTask, "task_id { value: 't' }"),
      Of<v1::master::GetMaintenanceStatusRequest>(Speaker::kGetMaintenance, ""),
      Of<v1::master::ListOffersRequest>(Speaker::kListOffers, ""),
      Of<v1::master::WatchRequest>(Speaker::kWatch, ""),
      Of<v1::master::GetMasterRequest>(Speaker::kGetMaster, ""),
      Of<v1::master::GetVersionRequest>(Speaker::kGetVersion, ""),
      Of<v1::master::GetFlagsRequest>(Speaker::kGetFlags, ""),
      Of<v1::master::SetLogLevelRequest>(
          Speaker::kSetLogLevel,
          "level: 'debug' duration { nanoseconds: 1000000 } request_id: 'r'"),
      Of<v1::master::GetLogLevelRequest>(Speaker::kGetLogLevel, ""),
      Of<allocator::v1::GetSnapshotRequest>(Speaker::kGetSnapshot, ""),
  };
}

// Frames of several messages, and a call with a request id.
std::vector<std::string> GoodFrames() {
  return {
      Of<v1::scheduler::Calls>(
          Speaker::kCalls,
          absl::StrCat("calls { framework_id { value: 'm-0000' } type: ACCEPT accept { offer_ids { "
                       "value: '#1' } operations { type: LAUNCH launch { task_infos { name: 't' "
                       "task_id { value: 't' } agent_id { value: 'm-S0' } command { value: 'x' } ",
                       kOneCpu,
                       "} } } } } calls { framework_id { value: 'm-0000' } type: SUPPRESS } calls "
                       "{ framework_id { value: 'm-0000' } type: REVIVE }")),
      Of<v1::scheduler::Calls>(
          Speaker::kOtherCalls,
          "calls { type: SUBSCRIBE subscribe { framework_info { user: 'u' name: 'n' role: 'eng' } "
          "} }"),
      Entry(Speaker::kRegistry, uint16_t{0}),
      Of<agent_link::v1::AgentFrame>(
          Speaker::kAgentFrame,
          absl::StrCat("messages { heartbeat {} } messages { status_update { framework_id: "
                       "'m-0000' latest_state: 1 status { task_id { value: 't' } state: "
                       "TASK_RUNNING ",
                       kUuid, "} } }")),
      Of<agent_link::v1::AgentFrame>(
          Speaker::kNewAgentFrame,
          "messages { register { registration_key: 'key-2' info { hostname: 'h2' resources { "
          "name: 'cpus' type: SCALAR scalar { value: 8 } } } } } messages { heartbeat {} }"),
      Entry(Speaker::kRegistry, uint16_t{0}),
      Of<v1::scheduler::CallRequest>(
          Speaker::kCallRequest,
          "request_id: 'k' call { framework_id { value: 'm-0000' } type: KILL kill { task_id { "
          "value: 't' } } }"),
  };
}

// The orders that are not in the life above.
std::vector<std::string> MoreOrders() {
  const std::string at_s1 = "agent_id { value: 'm-S1' } ";
  return {
      Of<v1::master::ReserveResourcesRequest>(Speaker::kReserve,
                                              absl::StrCat(at_s1, "resources ", kReserved)),
      Of<v1::master::CreateVolumesRequest>(Speaker::kCreateVolumes,
                                           absl::StrCat(at_s1, "volumes ", kVolume)),
      Of<v1::master::GrowVolumeRequest>(
          Speaker::kGrowVolume,
          absl::StrCat(at_s1, "volume ", kVolume,
                       "addition { name: 'disk' type: SCALAR scalar { value: 10 } reservations { "
                       "type: DYNAMIC role: 'eng' principal: 'p' } }")),
      Of<v1::master::ShrinkVolumeRequest>(Speaker::kShrinkVolume,
                                          absl::StrCat(at_s1, "subtract_mb: 5 volume ", kVolume)),
      Of<v1::master::DestroyVolumesRequest>(Speaker::kDestroyVolumes,
                                            absl::StrCat(at_s1, "volumes ", kVolume)),
      Of<v1::master::UnreserveResourcesRequest>(Speaker::kUnreserve,
                                                absl::StrCat(at_s1, "resources ", kReserved)),
      Of<v1::master::UpdateWeightsRequest>(Speaker::kUpdateWeights,
                                           "weights { role: 'eng' weight: 2 }"),
      Of<v1::master::UpdateRolesRequest>(Speaker::kUpdateRoles,
                                         "settings { role: 'eng' offer_timeout { timeout { "
                                         "nanoseconds: 60000000000 } } }"),
      Entry(Speaker::kRegistry, uint16_t{0}),
      Of<v1::master::UpdateMaintenanceScheduleRequest>(
          Speaker::kSchedule,
          "schedule { windows { machine_ids { hostname: 'host-key-1' } unavailability { start { "
          "nanoseconds: 5 } } } }"),
      Entry(Speaker::kRegistry, uint16_t{0}),
      Of<v1::master::StartMaintenanceRequest>(Speaker::kStartMaintenance,
                                              "machines { hostname: 'host-key-1' }"),
      Entry(Speaker::kRegistry, uint16_t{0}),
      Of<v1::master::StopMaintenanceRequest>(Speaker::kStopMaintenance,
                                             "machines { hostname: 'host-key-1' }"),
      Entry(Speaker::kRegistry, uint16_t{0}),
  };
}

int Live(const std::string& bytes) {
  return RunCallScript(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

void ExpectEachIsTaken(const std::vector<std::string>& entries) {
  std::string all;
  for (size_t i = 0; i < entries.size(); ++i) {
    const int before = Live(all);
    all += entries[i];
    EXPECT_EQ(Live(all), before + 1)
        << "entry " << i << ", speaker " << static_cast<int>(entries[i][0]);
  }
}

TEST(CallScript, EveryEntryOfTheGoodOnesIsTaken) {
  ExpectEachIsTaken(GoodScript());
  ExpectEachIsTaken(MoreOrders());
  ExpectEachIsTaken(GoodFrames());
}

TEST(CallScript, EveryQuestionIsAnswered) {
  const std::string task = GoodScript()[0];
  for (const std::string& question : Questions()) {
    EXPECT_EQ(Live(task + question), 2) << "speaker " << static_cast<int>(question[0]);
  }
}

// Found by the spoiled ones below: the leader fell over an allocator that sent this.
TEST(CallScript, AGangProposalWithoutPartsIsRefused) {
  EXPECT_EQ(
      Live(Of<allocator::v1::AllocatorFrame>(Speaker::kAllocator, "messages { gang_proposal {} }")),
      1);
}

// What a service refuses before the core hears of it.
TEST(CallScript, WhatIsWrongInAWrapperIsRefused) {
  const std::string long_id(256, 'x');
  const std::string kill =
      "call { framework_id { value: 'm-0000' } type: KILL kill { task_id { value: 't' } } } ";
  for (const std::string& refused : {
           Of<v1::scheduler::CallRequest>(Speaker::kCallRequest, "request_id: 'k'"),
           Of<v1::scheduler::CallRequest>(Speaker::kCallRequest,
                                          absl::StrCat(kill, "request_id: '", long_id, "'")),
           Of<v1::scheduler::Calls>(Speaker::kCalls,
                                    "calls { framework_id { value: 'm-0000' } type: SUPPRESS } "
                                    "calls { framework_id { value: 'm-0000' } type: KILL }"),
           Of<agent_link::v1::AgentFrame>(Speaker::kAgentFrame,
                                          "messages { heartbeat {} } messages {}"),
           Of<v1::master::SetLogLevelRequest>(Speaker::kSetLogLevel, "level: 'loud'"),
           Of<v1::master::SetLogLevelRequest>(Speaker::kSetLogLevel,
                                              "level: 'info' duration { nanoseconds: -1 }"),
           Of<v1::master::SetLogLevelRequest>(
               Speaker::kSetLogLevel, absl::StrCat("level: 'info' request_id: '", long_id, "'")),
       }) {
    EXPECT_EQ(Live(refused), 0) << "speaker " << static_cast<int>(refused[0]);
  }
  EXPECT_EQ(Live(Of<v1::scheduler::CallRequest>(Speaker::kCallRequest,
                                                absl::StrCat(kill, "request_id: 'k'"))),
            1);
}

// Scripts that are kept say what they said when they were written: the numbers of those who speak
// have not changed meanwhile.
void ExpectKept(const std::string& name, const std::vector<std::string>& entries) {
  const char* root = std::getenv("MEROS_SOURCE_DIR");
  const std::string path =
      absl::StrCat(root == nullptr ? "." : root, "/tests/fuzz/corpus/master_calls_fuzz/", name);
  const std::string script = absl::StrJoin(entries, "");
  if (std::getenv("MEROS_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << script;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  std::stringstream kept;
  kept << file.rdbuf();
  EXPECT_TRUE(kept.str() == script) << "MEROS_UPDATE_GOLDEN=1 rewrites " << path;
  EXPECT_EQ(Live(kept.str()), static_cast<int>(entries.size())) << path;
}

TEST(CallScript, TheFuzzerBeginsWithAllThatIsGood) {
  std::vector<std::string> questions = Questions();
  questions.insert(questions.begin(), GoodScript()[0]);

  ExpectKept("one_life_of_everything", GoodScript());
  ExpectKept("every_question", questions);
  ExpectKept("orders_that_undo_each_other", MoreOrders());
  ExpectKept("frames_of_several_messages", GoodFrames());
}

TEST(CallScript, EveryoneSpeaksInSomeGoodOne) {
  std::set<int> heard;
  for (const auto& script : {GoodScript(), MoreOrders(), GoodFrames(), Questions()}) {
    for (const std::string& entry : script) heard.insert(entry[0]);
  }
  for (int speaker = 0; speaker < static_cast<int>(Speaker::kCount); ++speaker) {
    EXPECT_TRUE(heard.contains(speaker)) << "speaker " << speaker;
  }
}

TEST(CallScript, BytesOfAnyKindAreSurvived) {
  EXPECT_EQ(Live(""), 0);
  EXPECT_EQ(Live("ab"), 0);
  Rng rng(1);
  for (int i = 0; i < 200; ++i) Live(meros::testing::Noise(&rng));
}

// Entries left out, doubled and moved, bytes changed.
std::string Spoil(const std::vector<std::string>& good, Rng* rng) {
  std::string script;
  for (uint64_t n = rng->Uniform(5, 40); n > 0; --n) {
    std::string entry = good[rng->Uniform(0, good.size() - 1)];
    if (rng->Chance(0.3)) {
      for (uint64_t changes = rng->Uniform(1, 4); changes > 0; --changes) {
        entry[rng->Uniform(3, std::max<uint64_t>(3, entry.size() - 1)) % entry.size()] =
            static_cast<char>(rng->Uniform(0, 255));
      }
    }
    if (rng->Chance(0.1)) entry[0] = static_cast<char>(rng->Uniform(0, 255));
    script += entry;
  }
  return script;
}

TEST(CallScript, SpoiledOnesLeaveTheBooksInBalance) {
  std::vector<std::string> good = GoodScript();
  for (std::string& question : Questions()) good.push_back(std::move(question));
  for (std::string& order : MoreOrders()) good.push_back(std::move(order));
  for (std::string& frame : GoodFrames()) good.push_back(std::move(frame));
  Rng rng(2);
  int taken = 0;
  for (int i = 0; i < 1000; ++i) taken += Live(Spoil(good, &rng));
  EXPECT_GT(taken, 5000);  // most entries do get as far as the core
}

}  // namespace
}  // namespace meros::master

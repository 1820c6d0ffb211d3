// What crosses the wire: what is read from it is checked, and what is written says what was meant.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/shell/allocator_codec.h"
#include "services/master/shell/decode_agent.h"
#include "services/master/shell/decode_scheduler.h"
#include "services/master/shell/encode_agent.h"
#include "services/master/shell/encode_scheduler.h"
#include "services/master/shell/registry_codec.h"
#include "services/master/shell/role_codec.h"

namespace meros::master {
namespace {

namespace link = ::meros::agent_link::v1;
using resources::Resources;
using ::testing::HasSubstr;
using v1::scheduler::Call;

void AddCpus(double value, google::protobuf::RepeatedPtrField<v1::Resource>* out) {
  v1::Resource* resource = out->Add();
  resource->set_name("cpus");
  resource->set_type(v1::Value::SCALAR);
  resource->mutable_scalar()->set_value(value);
}

Call AcceptOf(double cpus) {
  Call call;
  call.set_type(Call::ACCEPT);
  call.mutable_framework_id()->set_value("f");
  call.mutable_accept()->add_offer_ids()->set_value("o");
  v1::Offer::Operation* operation = call.mutable_accept()->add_operations();
  operation->set_type(v1::Offer::Operation::LAUNCH);
  v1::TaskInfo* task = operation->mutable_launch()->add_task_infos();
  task->set_name("t");
  task->mutable_task_id()->set_value("t");
  task->mutable_agent_id()->set_value("a");
  task->mutable_command()->set_value("true");
  AddCpus(cpus, task->mutable_resources());
  return call;
}

TEST(DecodeCall, ATaskBecomesResourcesAndKeepsItsDescription) {
  auto input = DecodeCall(AcceptOf(1.5), {.stream = 7}, "call");

  ASSERT_TRUE(input.ok()) << input.status();
  const auto& accept = std::get<Accept>(std::get<SchedulerCall>(*input).body);
  const auto& task = std::get<LaunchOperation>(accept.operations[0]).tasks[0];
  EXPECT_TRUE(task.fault.ok()) << task.fault;
  EXPECT_EQ(task.resources.Cpus().millis(), 1500);
  EXPECT_EQ(task.info->command().value(), "true");
  EXPECT_EQ(accept.refuse, absl::Seconds(5));
}

TEST(DecodeCall, AFaultyTaskDoesNotFailTheCall) {
  auto input = DecodeCall(AcceptOf(-1), {.stream = 7}, "call");

  ASSERT_TRUE(input.ok()) << input.status();
  const auto& accept = std::get<Accept>(std::get<SchedulerCall>(*input).body);
  const auto& task = std::get<LaunchOperation>(accept.operations[0]).tasks[0];
  EXPECT_THAT(task.fault.message(), HasSubstr("resources[0]"));
  EXPECT_EQ(task.fault_rule, 7);
}

TEST(DecodeCall, SubscribeOutsideOfAStreamIsRefused) {
  Call call;
  call.set_type(Call::SUBSCRIBE);
  call.mutable_subscribe()->mutable_framework_info()->set_name("f");
  call.mutable_subscribe()->mutable_framework_info()->set_user("u");

  EXPECT_TRUE(absl::IsInvalidArgument(DecodeCall(call, {.call = 1}, "call").status()));
  EXPECT_TRUE(DecodeCall(call, {.stream = 1}, "call").ok());
}

TEST(DecodeAgentMessage, ReportsMustFitTogether) {
  link::AgentMessage message;
  link::Reregister* report = message.mutable_reregister();
  report->mutable_agent()->mutable_info()->set_hostname("h");
  report->mutable_agent()->mutable_info()->mutable_id()->set_value("a");
  AddCpus(4, report->mutable_agent()->mutable_info()->mutable_resources());
  v1::Task* task = report->add_tasks();
  task->set_name("t");
  task->mutable_task_id()->set_value("t");
  task->mutable_framework_id()->set_value("f");
  task->mutable_agent_id()->set_value("a");
  task->set_state(v1::TASK_RUNNING);
  AddCpus(1, task->mutable_resources());

  EXPECT_THAT(DecodeAgentMessage(message, 1).status().message(), HasSubstr("tasks[0]"));
  v1::FrameworkInfo* framework = report->add_frameworks();
  framework->set_name("f");
  framework->set_user("u");
  framework->mutable_id()->set_value("f");
  auto input = DecodeAgentMessage(message, 1);
  ASSERT_TRUE(input.ok()) << input.status();
  const auto& decoded = std::get<AgentReregister>(*input);
  EXPECT_EQ(decoded.tasks[0].resources.Cpus().millis(), 1000);
  EXPECT_EQ(decoded.tasks[0].name, "t");  // made up from the report
  *report->add_tasks() = *task;
  EXPECT_THAT(DecodeAgentMessage(message, 1).status().message(), HasSubstr("tasks[1]"));
}

TEST(DecodeAgentMessage, UpdatesNeedAUuidAndAState) {
  link::AgentMessage message;
  message.mutable_status_update()->set_framework_id("f");
  message.mutable_status_update()->mutable_status()->mutable_task_id()->set_value("t");
  message.mutable_status_update()->mutable_status()->set_state(v1::TASK_RUNNING);
  message.mutable_status_update()->set_latest_state(v1::TASK_RUNNING);
  EXPECT_THAT(DecodeAgentMessage(message, 1).status().message(), HasSubstr("uuid"));
  message.mutable_status_update()->mutable_status()->set_uuid("0123456789abcdef");
  EXPECT_TRUE(DecodeAgentMessage(message, 1).ok());
  message.mutable_status_update()->set_latest_state(99);
  EXPECT_THAT(DecodeAgentMessage(message, 1).status().message(), HasSubstr("latest_state"));
}

TEST(EncodeForAgent, ResourcesOfATaskAreAllocatedToTheOffersRole) {
  auto task = std::make_shared<v1::TaskInfo>();
  AddCpus(1, task->mutable_resources());
  link::MasterMessage message;

  ASSERT_TRUE(EncodeForAgent(
      RunTaskMessage{std::make_shared<v1::FrameworkInfo>(), task, "eng", true, "version"}, "m",
      &message));

  EXPECT_EQ(message.run_tasks().tasks(0).resources(0).allocation_info().role(), "eng");
  EXPECT_FALSE(EncodeForAgent(AliveMessage{}, "m", &message));
}

TEST(EncodeEvent, OffersShowWhatTheFrameworkCanRead) {
  auto offer = std::make_shared<Offer>();
  offer->id = OfferId("o");
  offer->role = "eng";
  offer->resources = Resources::Of(1, 64);
  offer->agent_info = std::make_shared<v1::AgentInfo>();

  const auto aware = EncodeEvent(OffersEvent{{offer}, true, true}, {}).offers().offers(0);
  const auto legacy = EncodeEvent(OffersEvent{{offer}, false, false}, {}).offers().offers(0);

  EXPECT_EQ(aware.allocation_info().role(), "eng");
  EXPECT_EQ(aware.resources(0).allocation_info().role(), "eng");
  EXPECT_FALSE(legacy.has_allocation_info());
  EXPECT_FALSE(legacy.resources(0).has_allocation_info());
}

TEST(DecodeProposal, AFaultyOneIsKeptWithItsFault) {
  allocator::v1::Proposal message;
  message.set_proposal_id(3);
  EXPECT_FALSE(DecodeProposal(message).fault.ok());
  AddCpus(1, message.mutable_resources());
  EXPECT_TRUE(DecodeProposal(message).fault.ok());
  EXPECT_EQ(DecodeProposal(message).id, 3u);
}

TEST(DecodePreemption, WhatIsAskedForMustBeAmounts) {
  allocator::v1::Preemption message;
  message.set_framework_id("f");
  message.set_role("low");
  message.set_agent_id("a");
  message.set_for_role("high");
  EXPECT_EQ(DecodePreemption(message).fault.message(), "amount: is empty");
  (*message.mutable_amount()->mutable_milli())["cpus"] = 1500;
  EXPECT_TRUE(DecodePreemption(message).fault.ok());
  EXPECT_EQ(DecodePreemption(message).amount.ToString(), "cpus:1.5");
  EXPECT_EQ(DecodePreemption(message).for_role, "high");
  (*message.mutable_amount()->mutable_milli())["mem"] = -1;
  EXPECT_EQ(DecodePreemption(message).fault.message(), "amount.milli[\"mem\"]: -1 is out of range");
}

TEST(EncodeForAgent, AKillSaysForWhomItIs) {
  agent_link::v1::MasterMessage message;
  ASSERT_TRUE(EncodeForAgent(KillTaskMessage{FrameworkId("f"), TaskId("t"), nullptr, "high"}, "m",
                             &message));
  EXPECT_EQ(message.kill_task().preempted_for(), "high");
}

// What one leader writes the next one reads.
TEST(RegistryRecords, RoundTrip) {
  const absl::Time now = absl::UnixEpoch() + absl::Seconds(5000);
  auto info = std::make_shared<v1::AgentInfo>();
  info->set_hostname("h");
  auto framework = std::make_shared<v1::FrameworkInfo>();
  framework->set_name("f");
  framework->set_user("u");
  framework->mutable_id()->set_value("f");
  const RegistryRecord records[] = {
      AdmitAgentRecord{AgentId("a"), "key", info},
      UnreachableAgentRecord{AgentId("b"), "key-b", info, now},
      PutFrameworkRecord{
          FrameworkId("f"), framework, {"*"}, absl::Seconds(7), now, now + absl::Seconds(9)},
      RemoveFrameworkRecord{FrameworkId("g")},
  };
  std::vector<registry::v1::Record> stored;
  for (const RegistryRecord& record : records) {
    const registry::v1::Mutation mutation = EncodeRecord(record, now)[0];
    stored.emplace_back();
    *stored.back().mutable_key() = mutation.key();
    stored.back().set_value(mutation.put());
  }

  auto snapshot = DecodeRecords(stored);

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->agents[0].registration_key, "key");
  EXPECT_EQ(snapshot->agents[1].state, RegistrySnapshot::AgentEntry::State::kUnreachable);
  EXPECT_EQ(snapshot->agents[1].unreachable_since, now);
  EXPECT_EQ(snapshot->frameworks[0].failover_deadline, now + absl::Seconds(9));
  EXPECT_TRUE(snapshot->frameworks[1].removed);
  EXPECT_TRUE(EncodeRecord(RemoveAgentRecord{AgentId("a")}, now)[0].remove());
  EXPECT_TRUE(EncodeRecord(ForgetFrameworkRecord{FrameworkId("g")}, now)[0].remove());
  stored[0].set_value("\xff\xff");
  EXPECT_TRUE(absl::IsDataLoss(DecodeRecords(stored).status()));
}

RoleConfigRef ARoleConfig() {
  auto config = std::make_shared<RoleConfig>();
  config->role = "eng/web";
  config->quota.guarantees.Add(resources::ResourceName::Cpus(), resources::Scalar::FromMillis(1));
  config->quota.limits.Set(resources::ResourceName("gpus"), resources::Scalar());
  config->weight = 2.5;
  config->policy = {.priority = -7,
                    .preemptible = true,
                    .placement = RolePlacement::kPack,
                    .sorter = RoleSorter::kRandom};
  config->policy.offer_max.Add(resources::ResourceName::Cpus(), resources::Scalar::FromUnits(8));
  config->version = 12;
  return config;
}

TEST(RoleRecords, ComeBackAsTheyWereAndDefaultOnesAreDeleted) {
  auto none = std::make_shared<RoleConfig>();
  none->role = "ops";
  const auto mutations = EncodeRecord(PutRolesRecord{{ARoleConfig(), none}}, absl::UnixEpoch());
  ASSERT_EQ(mutations.size(), 2u);
  EXPECT_TRUE(mutations[1].remove());
  EXPECT_EQ(mutations[1].key().name(), "ops");

  registry::v1::Record record;
  *record.mutable_key() = mutations[0].key();
  record.set_value(mutations[0].put());
  auto snapshot = DecodeRecords({record});

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  ASSERT_EQ(snapshot->roles.size(), 1u);
  const RoleConfig& back = *snapshot->roles[0];
  EXPECT_EQ(back.role, "eng/web");
  EXPECT_EQ(back.quota, ARoleConfig()->quota);
  EXPECT_EQ(back.weight, 2.5);
  EXPECT_EQ(back.policy, ARoleConfig()->policy);
  EXPECT_EQ(back.version, 12u);
  record.set_value("\xff");
  EXPECT_TRUE(absl::IsDataLoss(DecodeRecords({record}).status()));
}

TEST(RoleCalls, SetOnlyWhatTheyNameAndNameTheFieldOfWhatIsWrong) {
  v1::master::UpdateRolesRequest request;
  v1::master::RoleSettings* settings = request.add_settings();
  settings->set_role("eng");
  settings->set_preemptible(true);
  settings->mutable_offer_max();
  settings->set_version(0);

  const auto call = DecodeCall(request);

  ASSERT_TRUE(call.ok()) << call.status();
  const RoleChange& change = call->changes[0];
  EXPECT_TRUE(change.preemptible.value());
  EXPECT_TRUE(change.offer_max.has_value() && change.offer_max->empty());
  EXPECT_EQ(change.version, 0u);
  EXPECT_FALSE(change.priority.has_value() || change.quota.has_value() ||
               change.weight.has_value() || change.placement.has_value());
  settings->set_priority(1001);
  EXPECT_THAT(DecodeCall(request).status().message(), HasSubstr("settings[0].priority"));
  v1::master::UpdateWeightsRequest weights;
  weights.add_weights()->set_role("a b");
  EXPECT_THAT(DecodeCall(weights).status().message(), HasSubstr("weights[0].role"));
}

}  // namespace
}  // namespace meros::master

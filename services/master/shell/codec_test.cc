// What crosses the wire: what is read from it is checked, and what is written says what was meant.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/shell/allocator_codec.h"
#include "services/master/shell/decode_agent.h"
#include "services/master/shell/decode_scheduler.h"
#include "services/master/shell/encode_agent.h"
#include "services/master/shell/encode_scheduler.h"

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

absl::StatusOr<Input> Decoded(link::AgentMessage message) {
  return DecodeAgentMessage(&message, 1);
}

TEST(LostMaster, ReachesTheCoreUnlessItIsTooLong) {
  Call call;
  call.set_type(Call::SUBSCRIBE);
  call.mutable_subscribe()->mutable_framework_info()->set_name("f");
  call.mutable_subscribe()->mutable_framework_info()->set_user("u");
  link::AgentMessage message;
  link::Register* agent = message.mutable_register_();
  agent->set_registration_key("key");
  agent->mutable_info()->set_hostname("h");
  const auto lose = [&](const std::string& master) {
    call.mutable_subscribe()->set_lost_master(master);
    agent->set_lost_master(master);
  };

  lose("m1:7050");
  auto subscribe = DecodeCall(call, {.stream = 1}, "call");
  ASSERT_TRUE(subscribe.ok()) << subscribe.status();
  EXPECT_EQ(std::get<Subscribe>(*subscribe).lost_master, "m1:7050");
  auto registration = Decoded(message);
  ASSERT_TRUE(registration.ok()) << registration.status();
  EXPECT_EQ(std::get<AgentRegister>(*registration).agent.lost_master, "m1:7050");

  lose(std::string(kMaxIdBytes + 1, 'm'));
  EXPECT_THAT(DecodeCall(call, {.stream = 1}, "call").status().message(),
              HasSubstr("call.subscribe.lost_master: must have at most 255 bytes, has 256"));
  EXPECT_THAT(Decoded(message).status().message(), HasSubstr("lost_master: must have at most 255"));
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

  EXPECT_THAT(Decoded(message).status().message(), HasSubstr("tasks[0]"));
  v1::FrameworkInfo* framework = report->add_frameworks();
  framework->set_name("f");
  framework->set_user("u");
  framework->mutable_id()->set_value("f");
  auto input = Decoded(message);
  ASSERT_TRUE(input.ok()) << input.status();
  const auto& decoded = std::get<AgentReregister>(*input);
  EXPECT_EQ(decoded.tasks[0].resources.Cpus().millis(), 1000);
  EXPECT_EQ(decoded.tasks[0].name, "t");  // made up from the report

  task->mutable_executor_id()->set_value("e");
  EXPECT_THAT(Decoded(message).status().message(),
              HasSubstr("tasks[0].executor_id: is not among executors: e"));
  task->set_state(v1::TASK_FINISHED);
  EXPECT_TRUE(Decoded(message).ok()) << "its executor may have ended with it";
  task->set_state(v1::TASK_RUNNING);
  v1::ExecutorInfo* executor = report->add_executors();
  executor->mutable_executor_id()->set_value("e");
  executor->mutable_framework_id()->set_value("f");
  EXPECT_TRUE(Decoded(message).ok());
  *report->add_tasks() = *task;
  EXPECT_THAT(Decoded(message).status().message(), HasSubstr("tasks[1]"));
}

TEST(DecodeAgentMessage, UpdatesNeedAUuidAndAState) {
  link::AgentMessage message;
  message.mutable_status_update()->set_framework_id("f");
  message.mutable_status_update()->mutable_status()->mutable_task_id()->set_value("t");
  message.mutable_status_update()->mutable_status()->set_state(v1::TASK_RUNNING);
  message.mutable_status_update()->set_latest_state(v1::TASK_RUNNING);
  EXPECT_THAT(Decoded(message).status().message(), HasSubstr("uuid"));
  message.mutable_status_update()->mutable_status()->set_uuid("0123456789abcdef");
  EXPECT_TRUE(Decoded(message).ok());
  message.mutable_status_update()->set_latest_state(99);
  EXPECT_THAT(Decoded(message).status().message(), HasSubstr("latest_state"));
}

TEST(DecodeAgentMessage, AStatusAloneSharesTheArenaOfItsMessage) {
  auto arena = std::make_shared<google::protobuf::Arena>();
  auto* message = google::protobuf::Arena::CreateMessage<link::AgentMessage>(arena.get());
  v1::TaskStatus* status = message->mutable_status_update()->mutable_status();
  status->mutable_task_id()->set_value("t");
  status->set_uuid("0123456789abcdef");
  status->set_state(v1::TASK_RUNNING);
  message->mutable_status_update()->set_latest_state(v1::TASK_RUNNING);

  auto input = DecodeAgentMessage(message, 1, arena);
  ASSERT_TRUE(input.ok()) << input.status();
  const AgentStatusUpdate shared = std::get<AgentStatusUpdate>(*input);
  EXPECT_EQ(shared.status.get(), status);
  EXPECT_EQ(arena.use_count(), 3);  // its own, the input's, and the copy's

  input = DecodeAgentMessage(message, 1);  // without: on the heap
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(std::get<AgentStatusUpdate>(*input).status->GetArena(), nullptr);

  v1::AgentInfo* info = message->mutable_register_()->mutable_info();
  message->mutable_register_()->set_registration_key("key");
  info->set_hostname("h");
  AddCpus(4, info->mutable_resources());
  input = DecodeAgentMessage(message, 1, arena);
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(std::get<AgentRegister>(*input).agent.info->GetArena(), nullptr);
  EXPECT_EQ(std::get<AgentRegister>(*input).agent.info->hostname(), "h");
}

TEST(EncodeForAgent, ResourcesOfATaskAreAllocatedToTheOffersRole) {
  auto task = std::make_shared<v1::TaskInfo>();
  AddCpus(1, task->mutable_resources());
  link::MasterMessage message;

  EncodeForAgent(
      RunTaskMessage{std::make_shared<v1::FrameworkInfo>(), task, "eng", true, "version"}, "m",
      &message);

  EXPECT_EQ(message.run_tasks().tasks(0).resources(0).allocation_info().role(), "eng");
}

TEST(EncodeEvent, OffersShowWhatTheFrameworkCanRead) {
  auto offer = std::make_shared<Offer>();
  offer->id = OfferId("o");
  offer->role = "eng";
  offer->resources = Resources::Of(1, 64);
  offer->agent_info = std::make_shared<v1::AgentInfo>();

  v1::scheduler::Event event;
  EncodeEvent(OffersEvent{{offer}, true, true}, {}, &event);
  const v1::Offer& aware = event.offers().offers(0);
  EXPECT_EQ(aware.allocation_info().role(), "eng");
  EXPECT_EQ(aware.resources(0).allocation_info().role(), "eng");

  event.Clear();
  EncodeEvent(OffersEvent{{offer}, false, false}, {}, &event);
  const v1::Offer& legacy = event.offers().offers(0);
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
  EncodeForAgent(KillTaskMessage{FrameworkId("f"), TaskId("t"), nullptr, "high"}, "m", &message);
  EXPECT_EQ(message.kill_task().preempted_for(), "high");
}

TEST(SetIp, ReadsWhatGrpcCallsAPeer) {
  const auto ip_of = [](absl::string_view peer) {
    Input input = AgentRegister{};
    SetIp(peer, &input);
    return std::get<AgentRegister>(input).agent.ip;
  };
  EXPECT_EQ(ip_of("ipv4:10.0.0.1:4711"), "10.0.0.1");
  EXPECT_EQ(ip_of("ipv6:%5B::1%5D:4711"), "::1");
  EXPECT_EQ(ip_of("ipv6:[::1]:4711"), "::1");
  EXPECT_EQ(ip_of("unix:/run/x"), "");
}

TEST(EncodeForAgent, TheWelcomeSaysWhenToBeat) {
  agent_link::v1::MasterMessage message;
  EncodeForAgent(RegisteredMessage{.heartbeat_interval = absl::Seconds(2),
                                   .first_heartbeat = absl::Seconds(16),
                                   .unreachable_after = absl::Seconds(10)},
                 "m", &message);
  EXPECT_EQ(message.registered().heartbeat_interval_ms(), 2000);
  EXPECT_EQ(message.registered().first_heartbeat_ms(), 16000);
  EXPECT_EQ(message.registered().unreachable_after_ms(), 10000);
}

TEST(EncodeForAgent, ADrainIsToldAtRegistrationAndOnItsOwn) {
  agent_link::v1::MasterMessage message;
  EncodeForAgent(RegisteredMessage{}, "m", &message);
  EXPECT_FALSE(message.registered().has_drain());
  EncodeForAgent(RegisteredMessage{.drain = DrainMessage{absl::ZeroDuration(), true}}, "m",
                 &message);
  EXPECT_TRUE(message.registered().drain().has_max_grace_ms());
  EXPECT_TRUE(message.registered().drain().mark_gone());
  EncodeForAgent(DrainMessage{std::nullopt, false}, "m", &message);
  EXPECT_FALSE(message.drain().has_max_grace_ms());
}

Call SubscribeWithin(const std::string& regex) {
  Call call;
  call.set_type(Call::SUBSCRIBE);
  auto* subscribe = call.mutable_subscribe();
  subscribe->mutable_framework_info()->set_user("u");
  subscribe->mutable_framework_info()->set_name("n");
  subscribe->mutable_framework_info()->add_roles("eng");
  subscribe->mutable_framework_info()->add_capabilities()->set_type(
      v1::FrameworkInfo::Capability::MULTI_ROLE);
  auto* constraint = (*subscribe->mutable_offer_constraints()->mutable_role_constraints())["eng"]
                         .add_groups()
                         ->add_attribute_constraints();
  constraint->mutable_selector()->set_attribute_name("rack");
  constraint->mutable_predicate()->mutable_text_matches()->set_regex(regex);
  return call;
}

TEST(DecodeCall, OfferConstraintsReachTheAllocator) {
  auto input = DecodeCall(SubscribeWithin("r[0-9]+"), {.stream = 7}, "call");
  ASSERT_TRUE(input.ok()) << input.status();
  const Subscription& subscription = std::get<Subscribe>(*input).subscription;

  const auto message = EncodeForAllocator(
      {1, 2, UpsertFrameworkDelta{FrameworkId("f"), true, subscription}}, "master");

  const auto& constraints =
      message.delta().upsert_framework().offer_constraints().role_constraints();
  ASSERT_TRUE(constraints.contains("eng"));
  EXPECT_EQ(
      constraints.at("eng").groups(0).attribute_constraints(0).predicate().text_matches().regex(),
      "r[0-9]+");
}

TEST(EncodeForAllocator, AWhitelistOfNobodyIsNotNone) {
  const auto encode = [](WhitelistRef list) {
    return EncodeForAllocator({1, 2, WhitelistDelta{std::move(list)}}, "master").delta();
  };

  EXPECT_TRUE(encode(nullptr).has_whitelist());
  EXPECT_FALSE(encode(nullptr).whitelist().enabled());
  const auto nobody = encode(std::make_shared<const std::vector<std::string>>());
  EXPECT_TRUE(nobody.whitelist().enabled());
  EXPECT_EQ(nobody.whitelist().hostnames_size(), 0);
  const auto two =
      encode(std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"a", "b"}));
  EXPECT_THAT(two.whitelist().hostnames(), ::testing::ElementsAre("a", "b"));
}

TEST(DecodeCall, TheOperatorsLimitsOfExpressionsCount) {
  const std::string large = "(abc){100}";

  EXPECT_THAT(DecodeCall(SubscribeWithin(large), {.stream = 7}, "call").status().message(),
              HasSubstr("attribute_constraints[0].predicate"));
  EXPECT_TRUE(
      DecodeCall(SubscribeWithin(large),
                 {.stream = 7, .regex = {.memory_bytes_max = 1 << 20, .program_size_max = 1000}},
                 "call")
          .ok());
  EXPECT_FALSE(DecodeCall(SubscribeWithin("abcdefgh"),
                          {.stream = 7, .regex = {.program_size_max = 3}}, "call")
                   .ok());
}

TEST(DecodeCall, AnExpressionBeyondTheLimitsIsRefusedByItsPath) {
  const std::string field =
      "subscribe.offer_constraints.role_constraints[\"eng\"].groups[0].attribute_constraints[0]."
      "predicate";
  EXPECT_THAT(
      DecodeCall(SubscribeWithin("(x{1000}){1000}"), {.stream = 7}, "call").status().message(),
      HasSubstr(field));
  EXPECT_THAT(DecodeCall(SubscribeWithin("("), {.stream = 7}, "call").status().message(),
              HasSubstr(field));
}

TEST(EncodeForAllocator, OffersAreToldAsSuchAndWhoIsAwaited) {
  const Resources cpus = Resources::Of(1, 64);
  const auto made = EncodeForAllocator(
      {1, 2, AllocateDelta{FrameworkId("f"), "*", AgentId("a"), cpus, 5, 1}}, "m");
  EXPECT_EQ(made.delta().allocate().offers(), 1u);
  const auto ended = EncodeForAllocator(
      {1, 3, RecoverDelta{FrameworkId("f"), "*", AgentId("a"), cpus, {}, 5, 1}}, "m");
  EXPECT_EQ(ended.delta().recover().allocation().offers(), 1u);
  const auto awaited = EncodeForAllocator({1, 0, RecoveryDelta{12}}, "m");
  EXPECT_EQ(awaited.delta().recovery().agents_expected(), 12u);
  const auto hello = EncodeForAllocator({1, 0, HelloMessage{3, "eu"}}, "m");
  EXPECT_EQ(hello.hello().region(), "eu");
  RolePolicy wanted;
  wanted.min_allocatable.emplace().emplace_back().Add(resources::ResourceName::Cpus(),
                                                      resources::Scalar::FromUnits(8));
  wanted.max_offers_in_flight = 7;
  wanted.offer_split = RoleOfferSplit::kByDemand;
  const auto policy = EncodeForAllocator({1, 4, RolePolicyDelta{"eng", wanted}}, "m");
  const auto& config = policy.delta().role_config();
  EXPECT_EQ(config.min_allocatable().any_of(0).milli().at("cpus"), 8000);
  EXPECT_EQ(config.max_offers_in_flight(), 7u);
  EXPECT_EQ(config.offer_split(), allocator::v1::OFFER_SPLIT_BY_DEMAND);
}

}  // namespace
}  // namespace meros::master

// What frameworks of Mesos rely on, row by row of the checklist of
// docs/reference/mesos-checklist.md, as far as the master's core decides it. Method: inputs in,
// effects out; what goes over HTTP is tested with the gateway.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Kind = v1::Offer::Operation;

resources::Resource Disk(int64_t mib, bool is_volume) {
  resources::Metadata metadata;
  metadata.reservations.push_back({resources::Reservation::Kind::kDynamic, "eng", "p", {}});
  if (is_volume) {
    metadata.disk =
        resources::Disk{resources::Persistence{"v", "p"}, resources::DiskVolume{"data", false}, {}};
  }
  return resources::Resource(resources::ResourceName::Disk(), resources::Scalar::FromUnits(mib),
                             resources::MetadataRef(std::move(metadata)));
}
ResourceOperation AnOperation(const std::string& id, Kind::Type type,
                              resources::Operation content) {
  ResourceOperation operation;
  operation.id = id;
  operation.name = Kind::Type_Name(type);
  auto info = std::make_shared<Kind>();
  info->set_type(type);
  if (!id.empty()) info->mutable_id()->set_value(id);
  operation.info = std::move(info);
  operation.content = std::move(content);
  return operation;
}
ResourceOperation Reserve(int64_t mib, const std::string& id = "reserve") {
  return AnOperation(id, Kind::RESERVE, resources::Reserve{Disk(mib, false), {}});
}
ResourceOperation Create(int64_t mib) {
  return AnOperation("create", Kind::CREATE, resources::CreateVolumes{Disk(mib, true)});
}

// Framework m-0000 of role eng on stream 1, agent m-S0 on stream 2, an allocator.
class MesosChecklist : public ::testing::Test {
 protected:
  MesosChecklist() {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1, Again(true, ""));
    driver_.CommitWrites();
    driver_.Register(2, "k", kAll);
  }

  AFramework Again(bool partition_aware = true, const std::string& id = "m-0000") {
    AFramework framework;
    framework.id = id;
    framework.roles = {"eng"};
    framework.principal = "p";
    framework.partition_aware = partition_aware;
    framework.failover_timeout = failover_timeout_;
    return framework;
  }
  void Offer(const Resources& resources) {
    driver_.Propose(++proposals_, "m-0000", "m-S0", resources, "eng");
  }
  std::vector<std::string> Accept(std::vector<OfferId> offers,
                                  std::vector<AcceptedOperation> operations) {
    return driver_.Call(1, "m-0000",
                        master::Accept{std::move(offers), std::move(operations), absl::Seconds(5)});
  }
  void RunATask() {
    Offer(kAll);
    Accept({driver_.Offer(1)}, {LaunchOperation{{ATask("t", "m-S0", Resources::Of(1, 64))}}});
    driver_.Update(2, "m-0000", "t", v1::TASK_RUNNING, "u1");
  }
  std::vector<std::string> LoseTheAgent() {
    driver_.Advance(driver_.options().agent_unreachable_timeout + absl::Seconds(1));
    return driver_.CommitWrites();
  }
  // On stream 3, with its task.
  std::vector<std::string> ReturnTheAgent() {
    AgentReregister message;
    message.stream = 3;
    message.agent_id = AgentId("m-S0");
    message.agent = DescriptionOf("k", kAll, "m-S0");
    message.frameworks.push_back({FrameworkId("m-0000"), SubscriptionOf(Again())});
    message.tasks = {AReportedTask("t", "m-0000", v1::TASK_RUNNING, Resources::Of(1, 64))};
    std::vector<std::string> lines = driver_.Do(std::move(message));
    for (std::string& line : driver_.CommitWrites()) lines.push_back(std::move(line));
    return lines;
  }
  const v1::FrameworkInfo& Info() {
    return *driver_.books().frameworks.Find(FrameworkId("m-0000"))->record.subscription.info;
  }
  std::vector<std::string> Reconcile(const std::string& task, const std::string& agent) {
    return driver_.Call(1, "m-0000", ReconcileCall{{{TaskId(task), AgentId(agent)}}});
  }

  const Resources kAll = Resources::Of(4, 4096, 1000);
  const absl::Duration failover_timeout_ = absl::Seconds(100);
  CoreDriver driver_;
  uint64_t proposals_ = 0;
};

TEST_F(MesosChecklist, Row1AHeartbeatFollowsSubscribedAtOnce) {
  for (const AFramework& framework : {Again(), AFramework()}) {
    const auto lines = driver_.Subscribe(5, framework);

    const auto subscribed = std::find_if(lines.begin(), lines.end(), [](const std::string& line) {
      return absl::StartsWith(line, "scheduler 5: SUBSCRIBED");
    });
    ASSERT_NE(subscribed, lines.end());
    ASSERT_NE(subscribed + 1, lines.end());
    EXPECT_EQ(subscribed[1], "scheduler 5: HEARTBEAT");
    driver_.Do(SchedulerStreamClosed{5});
  }
}

TEST_F(MesosChecklist, Row2ASecondSubscriptionEndsTheFirstAndItsOffers) {
  Offer(Resources::Of(1, 64));
  const OfferId offer = driver_.Offer(1);

  const auto lines = driver_.Subscribe(5, Again());

  EXPECT_THAT(lines, Contains("scheduler 1: ERROR \"Framework failed over\""));
  EXPECT_THAT(lines, Contains(HasSubstr("close 1")));
  EXPECT_THAT(lines, Contains("scheduler 5: SUBSCRIBED m-0000"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("scheduler 5: RESCIND"))));
  const auto late =
      driver_.Call(5, "m-0000",
                   master::Accept{{offer},
                                  {LaunchOperation{{ATask("t", "m-S0", Resources::Of(1, 64))}}},
                                  absl::Seconds(5)});
  EXPECT_THAT(late, Contains(HasSubstr("UPDATE t TASK_DROPPED REASON_INVALID_OFFERS")));
}

TEST(MesosChecklistOfFrameworks, Row3WithoutFailoverTimeoutAFrameworkEndsWithItsStream) {
  CoreDriver driver;
  driver.Lead();
  AFramework framework;
  framework.failover_timeout = absl::ZeroDuration();
  driver.Subscribe(1, framework);
  driver.CommitWrites();

  driver.Do(SchedulerStreamClosed{1});
  driver.Advance(absl::Milliseconds(1));
  driver.CommitWrites();

  framework.id = "m-0000";
  EXPECT_THAT(driver.Subscribe(2, framework),
              Contains("scheduler 2: ERROR \"Framework has been removed\""));
}

TEST_F(MesosChecklist, Row4OneStaleOfferDropsAllTasksAndReturnsTheOtherOffers) {
  Offer(Resources::Of(1, 64));

  const auto lines = Accept({driver_.Offer(1), OfferId("stale")},
                            {LaunchOperation{{ATask("t1", "m-S0", Resources::Of(1, 32)),
                                              ATask("t2", "m-S0", Resources::Of(1, 32))}}});

  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE t1 TASK_DROPPED REASON_INVALID_OFFERS")));
  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE t2 TASK_DROPPED REASON_INVALID_OFFERS")));
  EXPECT_THAT(lines, Contains(HasSubstr("RECOVER m-0000 eng m-S0 cpus:1;mem:64 refuse=0")));
}

TEST_F(MesosChecklist, Row5ReserveCreateAndLaunchAreJudgedOneByOneInOneCall) {
  Offer(kAll);
  const Resources task = Resources::Of(1, 64) + Resources(Disk(100, true));
  const auto all = Accept({driver_.Offer(1)},
                          {Reserve(200), Create(100), LaunchOperation{{ATask("t", "m-S0", task)}}});
  EXPECT_THAT(all, Contains(HasSubstr("APPLY RESERVE")));
  EXPECT_THAT(all, Contains(HasSubstr("APPLY CREATE")));
  EXPECT_THAT(all, Contains("agent 2: RUN t role=eng"));

  Offer(Resources::Of(1, 64, 300));
  const auto failing = Accept({driver_.Offer(2)},
                              {Reserve(100, "second"), Create(500),
                               LaunchOperation{{ATask("t2", "m-S0", Resources::Of(1, 64)),
                                                ATask("t3", "m-S0", Resources(Disk(500, true)))}}});
  EXPECT_THAT(failing, Contains(HasSubstr("APPLY RESERVE")));
  EXPECT_THAT(failing, Contains(HasSubstr("OPERATION_ERROR create")));
  EXPECT_THAT(failing, Contains("agent 2: RUN t2 role=eng"));
  EXPECT_THAT(failing, Contains(HasSubstr("UPDATE t3 TASK_ERROR")));
}

TEST_F(MesosChecklist, Row8SuppressingAnUnknownRoleChangesNothing) {
  EXPECT_THAT(driver_.Call(0, "m-0000", Suppress{{"eng", "other"}}, 5),
              ElementsAre(HasSubstr("reply 5: INVALID_ARGUMENT")));
}

TEST_F(MesosChecklist, Row9OnlyUpdatesOfAgentsHaveAUuid) {
  RunATask();
  EXPECT_THAT(driver_.Update(2, "m-0000", "t", v1::TASK_RUNNING, "u2"),
              Contains(HasSubstr("uuid=")));
  EXPECT_THAT(Reconcile("t", "m-S0"), ElementsAre(Not(HasSubstr("uuid="))));
  EXPECT_THAT(LoseTheAgent(),
              Contains(AllOf(HasSubstr("UPDATE t TASK_UNREACHABLE"), Not(HasSubstr("uuid=")))));
}

TEST_F(MesosChecklist, Row10ReconciliationAnswersByTheTableAndLeavesUnreachableTasksOut) {
  RunATask();
  EXPECT_THAT(Reconcile("t", ""), ElementsAre(HasSubstr("t TASK_RUNNING")));
  EXPECT_THAT(Reconcile("x", "m-S0"), ElementsAre(HasSubstr("x TASK_GONE")));
  EXPECT_THAT(Reconcile("x", "nobody"), ElementsAre(HasSubstr("x TASK_UNKNOWN")));

  LoseTheAgent();

  EXPECT_THAT(Reconcile("t", "m-S0"), ElementsAre(HasSubstr("t TASK_UNREACHABLE")));
  EXPECT_THAT(driver_.Call(1, "m-0000", ReconcileCall{}), IsEmpty());
}

TEST(MesosChecklistOfNewLeaders, Row10NothingIsAnsweredWhileAgentsRecover) {
  CoreDriver driver;
  RegistrySnapshot snapshot;
  RegistrySnapshot::AgentEntry agent;
  agent.id = AgentId("a");
  agent.info = DescriptionOf("k", Resources::Of(4, 4096), "a").info;
  snapshot.agents.push_back(std::move(agent));
  driver.Lead(1, std::move(snapshot));
  driver.Subscribe(1);
  driver.CommitWrites();

  EXPECT_THAT(driver.Call(1, "m-0000", ReconcileCall{{{TaskId("x"), AgentId("a")}}}), IsEmpty());
  EXPECT_THAT(driver.Call(1, "m-0000", ReconcileCall{{{TaskId("x"), AgentId()}}}), IsEmpty());
}

TEST_F(MesosChecklist, Row11TasksOfAPartitionedAgentAreUnreachableAndReturnWithIt) {
  RunATask();

  EXPECT_THAT(LoseTheAgent(), Contains(AllOf(HasSubstr("UPDATE t TASK_UNREACHABLE"),
                                             HasSubstr("unreachable_time"))));

  const auto back = ReturnTheAgent();

  EXPECT_THAT(back, Contains(AllOf(HasSubstr("UPDATE t TASK_RUNNING REASON_AGENT_REREGISTERED"),
                                   Not(HasSubstr("uuid=")))));
  EXPECT_THAT(back, Not(Contains(HasSubstr("KILL"))));
}

TEST(MesosChecklistOfOldFrameworks, Row11TasksOfAPartitionedAgentAreLost) {
  CoreDriver driver;
  driver.Lead();
  driver.ConnectAllocator();
  AFramework framework;
  framework.partition_aware = false;
  driver.Subscribe(1, framework);
  driver.CommitWrites();
  driver.Register(2, "k", Resources::Of(4, 4096));
  driver.Propose(1, "m-0000", "m-S0", Resources::Of(4, 4096));
  driver.Call(1, "m-0000",
              Accept{{driver.Offer(1)},
                     {LaunchOperation{{ATask("t", "m-S0", Resources::Of(1, 64))}}},
                     absl::Seconds(5)});

  driver.Advance(driver.options().agent_unreachable_timeout + absl::Seconds(1));

  EXPECT_THAT(driver.CommitWrites(), Contains(HasSubstr("UPDATE t TASK_LOST")));
}

// Mesos takes the tasks of such frameworks for lost as soon as the agent's session ends. Here
// agents keep records of all tasks, so that an agent which restarts or is cut off finds them again.
TEST_F(MesosChecklist, Row12TasksOutliveTheAgentsSessionWithoutCheckpointToo) {
  ASSERT_FALSE(Info().checkpoint());
  RunATask();

  EXPECT_THAT(driver_.Do(AgentStreamClosed{2}), Not(Contains(HasSubstr("UPDATE t"))));
  EXPECT_THAT(driver_.Advance(absl::Seconds(1)), Not(Contains(HasSubstr("UPDATE t"))));

  const auto back = ReturnTheAgent();
  EXPECT_THAT(back, Contains(HasSubstr("agent 3: REREGISTERED m-S0")));
  EXPECT_THAT(back, Not(Contains(HasSubstr("KILL"))));
  EXPECT_THAT(Reconcile("t", "m-S0"), ElementsAre(HasSubstr("t TASK_RUNNING")));
}

TEST_F(MesosChecklist, Row15OperationsThatAreRefusedAnsweredAndAcknowledged) {
  Offer(kAll);
  const auto lines = Accept({driver_.Offer(1)}, {Create(100), Reserve(200)});
  // The master's own word has neither uuid nor agent, nor needs it an acknowledgement.
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("OPERATION_ERROR create"), Not(HasSubstr("uuid=")))));
  for (const Effect& effect : driver_.effects()) {
    const auto* told = std::get_if<ToScheduler>(&effect);
    const auto* event = told == nullptr ? nullptr : std::get_if<OperationEvent>(&told->event);
    if (event == nullptr) continue;
    EXPECT_FALSE(event->status->has_agent_id());
  }
  EXPECT_THAT(driver_.Call(1, "m-0000", ReconcileOperationsCall{}),
              ElementsAre("scheduler 1: OPERATION_PENDING reserve"));

  const Operation* operation =
      driver_.books().operations.FindByName(FrameworkId("m-0000"), "reserve");
  ASSERT_NE(operation, nullptr);
  auto status = std::make_shared<v1::OperationStatus>();
  status->set_state(v1::OPERATION_FINISHED);
  status->mutable_operation_id()->set_value("reserve");
  status->mutable_uuid()->set_value("u");
  EXPECT_THAT(driver_.Do(AgentOperationUpdate{2, operation->uuid, status}),
              ElementsAre("scheduler 1: OPERATION_FINISHED reserve uuid=u"));
  driver_.Call(1, "m-0000", AcknowledgeOperationCall{AgentId("m-S0"), "u", "reserve"});
  EXPECT_TRUE(driver_.books().operations.all().empty());
}

TEST_F(MesosChecklist, Row16UpdateFrameworkRefusesWhatSubscribeLeavesAsItWas) {
  const auto changed = [this](auto change) {
    Subscription subscription = SubscriptionOf(Again());
    auto info = std::make_shared<v1::FrameworkInfo>(*subscription.info);
    change(info.get());
    subscription.info = std::move(info);
    return subscription;
  };
  const Subscription renamed = changed([](v1::FrameworkInfo* info) { info->set_name("new"); });
  const Subscription user = changed([](v1::FrameworkInfo* info) { info->set_user("another"); });
  const Subscription checkpoint =
      changed([](v1::FrameworkInfo* info) { info->set_checkpoint(true); });

  EXPECT_THAT(driver_.Call(0, "m-0000", UpdateFrameworkCall{renamed}, 3), Contains("reply 3: OK"));
  EXPECT_THAT(driver_.Do(SchedulerCall{0, 4, FrameworkId("m-0000"), "", "mallory",
                                       UpdateFrameworkCall{renamed}}),
              ElementsAre(HasSubstr("reply 4: PERMISSION_DENIED")));
  EXPECT_THAT(driver_.Call(0, "m-0000", UpdateFrameworkCall{user}, 5),
              ElementsAre(HasSubstr("reply 5: INVALID_ARGUMENT: framework_info.user cannot")));
  EXPECT_THAT(
      driver_.Call(0, "m-0000", UpdateFrameworkCall{checkpoint}, 6),
      ElementsAre(HasSubstr("reply 6: INVALID_ARGUMENT: framework_info.checkpoint cannot")));

  EXPECT_THAT(driver_.Do(Subscribe{5, FrameworkId("m-0000"), user, ""}),
              Contains("scheduler 5: SUBSCRIBED m-0000"));
  EXPECT_EQ(Info().user(), "nobody");
  EXPECT_THAT(driver_.Do(Subscribe{6, FrameworkId("m-0000"), checkpoint, ""}),
              Contains("scheduler 6: SUBSCRIBED m-0000"));
  EXPECT_FALSE(Info().checkpoint());
}

TEST_F(MesosChecklist, Row17OperatorsReserveWhatNobodyUsesAlsoFromAnotherReservation) {
  EXPECT_THAT(driver_.Do(OperatorOperation{7, "", AgentId("m-S0"), Reserve(200, "")}),
              Contains("reply 7: OK"));
  resources::Metadata metadata;
  metadata.reservations.push_back({resources::Reservation::Kind::kDynamic, "ops", "p", {}});
  const resources::Resource other(resources::ResourceName::Disk(),
                                  resources::Scalar::FromUnits(200),
                                  resources::MetadataRef(std::move(metadata)));
  EXPECT_THAT(driver_.Do(OperatorOperation{
                  8, "", AgentId("m-S0"),
                  AnOperation("", Kind::RESERVE, resources::Reserve{other, Disk(200, false)})}),
              Contains("reply 8: OK"));
  Offer(Resources::Of(4, 4096));
  Accept({driver_.Offer(1)}, {LaunchOperation{{ATask("t", "m-S0", Resources::Of(1, 64))}}});
  ResourceOperation all =
      AnOperation("", Kind::RESERVE,
                  resources::Reserve{Resources::Of(4, 0).PushReservation(
                                         {resources::Reservation::Kind::kDynamic, "eng", "p", {}}),
                                     {}});
  EXPECT_THAT(driver_.Do(OperatorOperation{9, "", AgentId("m-S0"), std::move(all)}),
              ElementsAre(AllOf(HasSubstr("FAILED_PRECONDITION"), HasSubstr("in use"))));
}

TEST_F(MesosChecklist, Row20AnAgentIsDrainedWhenTheEndsAreAcknowledgedAndGoneForGood) {
  RunATask();
  OperatorAgentOrder drain;
  drain.call = 4;
  drain.agent_id = AgentId("m-S0");
  drain.kind = OperatorAgentOrder::Kind::kDrain;
  driver_.Do(drain);
  driver_.CommitWrites();
  const auto drained = [this] {
    driver_.Advance(absl::Milliseconds(1));
    driver_.CommitWrites();
    return driver_.books().agents.Find(AgentId("m-S0"))->record.orders.drain ==
           AgentOrders::Drain::kDrained;
  };
  driver_.Update(2, "m-0000", "t", v1::TASK_KILLED, "u2");
  EXPECT_FALSE(drained());
  driver_.Call(1, "m-0000", AcknowledgeCall{AgentId("m-S0"), TaskId("t"), "u2"});
  EXPECT_TRUE(drained());

  OperatorAgentOrder gone = drain;
  gone.kind = OperatorAgentOrder::Kind::kMarkGone;
  for (uint64_t call : {5u, 6u}) {  // idempotent
    gone.call = call;
    driver_.Do(gone);
    driver_.CommitWrites();
  }
  EXPECT_EQ(driver_.books().agents.Find(AgentId("m-S0"))->record.state, AgentState::kGone);
  gone.call = 7;
  gone.agent_id = AgentId("nobody");
  EXPECT_THAT(driver_.Do(gone), ElementsAre(HasSubstr("reply 7: NOT_FOUND")));
}

}  // namespace
}  // namespace meros::master::testing

// Maintenance of machines: what a plan is, who may change it, and what happens to agents.
#include "services/master/core/maintenance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

using Kind = OperatorMaintenance::Kind;

Unavailability At(int seconds) {
  return {absl::UnixEpoch() + absl::Seconds(seconds), absl::Hours(1)};
}

MaintenancePlan::Windows Windows(std::vector<MachineId> machines, int start = 5000) {
  return {{std::move(machines), At(start)}};
}

MachineId Host(const std::string& name) { return {name, ""}; }

// ---- Plans ----

TEST(MaintenancePlan, AgentsBelongToMachinesThatNameNothingElse) {
  const MaintenancePlan plan({{{Host("a"), {"b", "10.0.0.2"}}, At(1)}, {{{"", "10.0.0.3"}}, At(2)}},
                             {});

  EXPECT_EQ(plan.Find("A", "10.0.0.9")->unavailability, At(1));
  EXPECT_EQ(plan.Find("b", "10.0.0.2")->unavailability, At(1));
  EXPECT_EQ(plan.Find("b", "10.0.0.9"), nullptr);
  EXPECT_EQ(plan.Find("c", "10.0.0.3")->unavailability, At(2));
  EXPECT_EQ(plan.Find("c", ""), nullptr);
}

TEST(MaintenancePlan, OfSeveralMachinesTheOneThatIsDownCountsThenTheFirstToGo) {
  const MaintenancePlan::Windows windows = {{{Host("a")}, At(2)}, {{{"", "10.0.0.1"}}, At(1)}};

  EXPECT_EQ(MaintenancePlan(windows, {}).Find("a", "10.0.0.1")->unavailability, At(1));
  EXPECT_TRUE(MaintenancePlan(windows, {Host("a")}).Find("a", "10.0.0.1")->is_down);
}

TEST(MaintenancePlan, MachinesGoFromModeToModeInOrder) {
  const MaintenancePlan none;
  const MaintenanceRef planned = *Reschedule(none, Windows({Host("a"), Host("b")}));
  EXPECT_THAT(BringDown(none, {Host("a")}).status().message(),
              HasSubstr("machine a is not in the maintenance schedule"));
  EXPECT_THAT(BringUp(*planned, {Host("a")}).status().message(),
              HasSubstr("machine a is not down"));

  const MaintenanceRef down = *BringDown(*planned, {Host("a")});

  EXPECT_TRUE(down->machines().at(Host("a")).is_down);
  EXPECT_FALSE(down->machines().at(Host("b")).is_down);
  EXPECT_THAT(BringDown(*down, {Host("b"), Host("a")}).status().message(),
              HasSubstr("machine a is down already"));
  EXPECT_THAT(Reschedule(*down, Windows({Host("b")})).status().message(),
              HasSubstr("machine a is down and must stay in the schedule"));
  EXPECT_TRUE((*Reschedule(*down, Windows({Host("a")}, 9)))->machines().at(Host("a")).is_down);
  const MaintenanceRef up = *BringUp(*down, {Host("a")});
  EXPECT_FALSE(up->machines().contains(Host("a")));
  const MaintenanceRef nothing = *BringUp(**BringDown(*up, {Host("b")}), {Host("b")});
  EXPECT_THAT(nothing->windows(), IsEmpty());
}

// ---- In the master ----

// Framework m-0000 on stream 1; agent m-S0 of host-k on stream 2 has 4 cpus and runs task "t".
class Maintenance : public ::testing::Test {
 protected:
  Maintenance() {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1);
    driver_.Register(2, "k", Resources::Of(4, 4096));
    driver_.Propose(1, "m-0000", "m-S0", Resources::Of(2, 1024));
    driver_.Call(1, "m-0000",
                 Accept{{driver_.Offer(1)},
                        {LaunchOperation{{ATask("t", "m-S0", Resources::Of(2, 1024))}}},
                        absl::Seconds(5)});
    driver_.Update(2, "m-0000", "t", v1::TASK_RUNNING, "u1");
    driver_.CommitWrites();
  }

  // Asked as call 7 (or another) and committed.
  std::vector<std::string> Change(OperatorMaintenance change, uint64_t call = 7) {
    change.call = call;
    std::vector<std::string> lines = driver_.Do(std::move(change));
    for (std::string& line : driver_.CommitWrites()) lines.push_back(std::move(line));
    return lines;
  }
  std::vector<std::string> Plan(std::vector<MachineId> machines, int start = 5000) {
    return Change({.kind = Kind::kSchedule, .windows = Windows(std::move(machines), start)});
  }
  std::vector<std::string> Start(const std::string& host) {
    return Change({.kind = Kind::kStart, .machines = {Host(host)}});
  }
  std::vector<std::string> Stop(const std::string& host) {
    return Change({.kind = Kind::kStop, .machines = {Host(host)}});
  }
  const AgentRecord& Record() { return driver_.books().agents.Find(AgentId("m-S0"))->record; }
  // The agent comes back on the stream, as it is.
  std::vector<std::string> Return(StreamId stream) {
    AgentReregister message;
    message.stream = stream;
    message.agent_id = AgentId("m-S0");
    message.agent = DescriptionOf("k", Resources::Of(4, 4096), "m-S0");
    std::vector<std::string> lines = driver_.Do(std::move(message));
    for (std::string& line : driver_.CommitWrites()) lines.push_back(std::move(line));
    return lines;
  }

  CoreDriver driver_;
};

TEST_F(Maintenance, APlanIsDurableBeforeItActs) {
  driver_.Propose(2, "m-0000", "m-S0", Resources::Of(1, 64));

  EXPECT_THAT(driver_.Do(OperatorMaintenance{
                  .call = 7, .kind = Kind::kSchedule, .windows = Windows({Host("host-k")})}),
              ElementsAre(HasSubstr("PUT_MAINTENANCE [host-k/ away from 5000 for 1h]")));

  EXPECT_THAT(driver_.CommitWrites(),
              ElementsAre("scheduler 1: RESCIND #2", HasSubstr("RECOVER m-0000 * m-S0"),
                          HasSubstr("AGENT m-S0 active cpus:4;mem:4096 away from 5000 for 1h"),
                          "reply 7: OK"));
  EXPECT_EQ(Record().unavailability, At(5000));
  EXPECT_THAT(driver_.Propose(3, "m-0000", "m-S0", Resources::Of(1, 64)),
              Contains(HasSubstr("OFFERS [#3 m-S0 * cpus:1;mem:64 away from 5000 for 1h]")));
}

TEST_F(Maintenance, Row19AScheduleIsInOffersAndInverseOffersAndOnlyWhatDrainsGoesDown) {
  EXPECT_THAT(Start("host-k"),
              ElementsAre(HasSubstr("reply 7: FAILED_PRECONDITION: machine host-k is not in")));
  Plan({Host("host-k")});

  EXPECT_THAT(driver_.Propose(2, "m-0000", "m-S0", Resources::Of(1, 64)),
              Contains(HasSubstr("OFFERS [#2 m-S0 * cpus:1;mem:64 away from 5000 for 1h]")));
  EXPECT_THAT(driver_.Do(AllocatorInverseOffers{900, {{FrameworkId("m-0000"), AgentId("m-S0")}}}),
              Contains("scheduler 1: INVERSE_OFFERS [#3 m-S0 away from 5000 for 1h]"));

  EXPECT_THAT(Start("host-k"), Contains("reply 7: OK"));
  EXPECT_THAT(Start("host-k"),
              ElementsAre(HasSubstr("reply 7: FAILED_PRECONDITION: machine host-k is down")));
  EXPECT_THAT(Return(3), ElementsAre(HasSubstr("agent 3: SHUTDOWN"),
                                     HasSubstr("close 3: FAILED_PRECONDITION")));
}

TEST_F(Maintenance, OnlyAgentsWhoseTimeChangesAreTouched) {
  Plan({Host("host-k")});
  driver_.Propose(2, "m-0000", "m-S0", Resources::Of(1, 64));

  EXPECT_THAT(Plan({Host("host-k"), Host("other")}),
              ElementsAre(HasSubstr("PUT_MAINTENANCE"), "reply 7: OK"));
  EXPECT_THAT(Plan({Host("host-k"), Host("other")}), ElementsAre("reply 7: OK"))
      << "what is in force already needs no record";

  EXPECT_THAT(Plan({Host("host-k")}, 6000), Contains("scheduler 1: RESCIND #2"));
  EXPECT_THAT(Plan({Host("other")}), Contains(HasSubstr("AGENT m-S0 active cpus:4;mem:4096")));
  EXPECT_EQ(Record().unavailability, std::nullopt);
}

TEST_F(Maintenance, ChangesAreJudgedByWhatThoseBeforeThemLeave) {
  driver_.Do(OperatorMaintenance{
      .call = 7, .kind = Kind::kSchedule, .windows = Windows({Host("host-k")})});
  EXPECT_THAT(driver_.Do(OperatorMaintenance{
                  .call = 8, .kind = Kind::kStart, .machines = {Host("host-k")}}),
              IsEmpty());
  driver_.Do(OperatorMaintenance{.call = 9, .kind = Kind::kStop, .machines = {Host("other")}});

  const auto lines = driver_.CommitWrites();

  EXPECT_THAT(lines, Contains("reply 7: OK"));
  EXPECT_THAT(lines, Contains("reply 8: OK"));
  EXPECT_THAT(lines, Contains(HasSubstr("reply 9: FAILED_PRECONDITION: machine other")));
}

TEST_F(Maintenance, ARepeatedCallIsAnsweredOnce) {
  const OperatorMaintenance plan = {
      .call = 7, .request_id = "r", .kind = Kind::kSchedule, .windows = Windows({Host("host-k")})};
  OperatorMaintenance again = plan;
  again.call = 8;
  driver_.Do(plan);
  EXPECT_THAT(driver_.Do(again), IsEmpty());

  const auto lines = driver_.CommitWrites();

  EXPECT_THAT(lines, Contains("reply 7: OK"));
  EXPECT_THAT(lines, Contains("reply 8: OK"));
  again.call = 9;
  EXPECT_THAT(driver_.Do(again), ElementsAre("reply 9: OK"));
}

TEST_F(Maintenance, WhatTheRegistryRefusesDoesNotHappen) {
  driver_.Do(OperatorMaintenance{
      .call = 7, .kind = Kind::kSchedule, .windows = Windows({Host("host-k")})});

  EXPECT_THAT(driver_.CommitWrites(absl::InvalidArgumentError("too large")),
              ElementsAre(HasSubstr("reply 7: INTERNAL: the registry refused it: too large")));
  EXPECT_EQ(Record().unavailability, std::nullopt);
  EXPECT_THAT(Plan({Host("host-k")}), Contains("reply 7: OK"));
}

TEST_F(Maintenance, TooManyThatWaitAreRefused) {
  MasterOptions options = TestOptions();
  options.max_pending_maintenance = 1;
  CoreDriver driver(options);
  driver.Lead();
  driver.Do(
      OperatorMaintenance{.call = 7, .kind = Kind::kSchedule, .windows = Windows({Host("a")})});

  EXPECT_THAT(driver.Do(OperatorMaintenance{.call = 8, .kind = Kind::kSchedule}),
              ElementsAre(HasSubstr("reply 8: RESOURCE_EXHAUSTED")));
}

TEST_F(Maintenance, AMachineThatGoesDownLosesItsAgentsAndTheirTasks) {
  Plan({Host("host-k")});

  const auto lines = Start("host-k");

  EXPECT_THAT(lines, Contains("agent 2: SHUTDOWN \"its machine is down for maintenance\""));
  EXPECT_THAT(lines, Contains(HasSubstr("REMOVE_AGENT m-S0")));
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("scheduler 1: UPDATE t TASK_GONE_BY_OPERATOR "
                                              "REASON_AGENT_REMOVED_BY_OPERATOR"),
                                    HasSubstr("maintenance of the agent's machine has started"))));
  EXPECT_THAT(lines, Contains("scheduler 1: FAILURE m-S0"));
  EXPECT_THAT(lines, Contains(HasSubstr("close 2:")));
  EXPECT_EQ(driver_.books().agents.Find(AgentId("m-S0")), nullptr);
}

TEST_F(Maintenance, AgentsOfADownMachineAreRefusedUntilItIsUp) {
  Plan({Host("host-k")});
  Start("host-k");

  EXPECT_THAT(Return(3), ElementsAre(HasSubstr("agent 3: SHUTDOWN"),
                                     HasSubstr("close 3: FAILED_PRECONDITION")));
  EXPECT_THAT(
      driver_.Do(AgentRegister{4, DescriptionOf("k", Resources::Of(4, 4096))}),
      ElementsAre(HasSubstr("agent 4: SHUTDOWN"), HasSubstr("close 4: FAILED_PRECONDITION")));
  EXPECT_THAT(Stop("host-k"), ElementsAre(HasSubstr("PUT_MAINTENANCE"), "reply 7: OK"));

  EXPECT_THAT(Return(5), Contains(HasSubstr("agent 5: REREGISTERED m-S0")));
  EXPECT_EQ(Record().unavailability, std::nullopt);
}

TEST_F(Maintenance, AnAgentThatIsAwayWhenItsMachineGoesDownIsRemoved) {
  Plan({Host("host-k")});
  driver_.Do(AgentStreamClosed{2});

  const auto lines = Start("host-k");

  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE t TASK_GONE_BY_OPERATOR")));
  EXPECT_EQ(driver_.books().agents.Find(AgentId("m-S0")), nullptr);
}

TEST_F(Maintenance, AnAgentThatIsBeingAdmittedWhenItsMachineGoesDownIsSentAway) {
  Plan({Host("host-k2")});
  driver_.Do(AgentRegister{4, DescriptionOf("k2", Resources::Of(1, 64))});
  driver_.Do(OperatorMaintenance{.call = 7, .kind = Kind::kStart, .machines = {Host("host-k2")}});

  const auto lines = driver_.CommitWrites();

  EXPECT_THAT(lines, Contains(HasSubstr("agent 4: SHUTDOWN")));
  EXPECT_EQ(driver_.books().agents.size(), 1u);
}

TEST_F(Maintenance, AnAgentThatReturnsWhileItsMachineGoesDownIsSentAway) {
  Plan({Host("host-k")});
  driver_.Do(AgentStreamClosed{2});
  driver_.Advance(absl::Seconds(30));
  driver_.CommitWrites();
  ASSERT_EQ(Record().state, AgentState::kUnreachable);
  AgentReregister message;
  message.stream = 3;
  message.agent_id = AgentId("m-S0");
  message.agent = DescriptionOf("k", Resources::Of(4, 4096), "m-S0");
  driver_.Do(std::move(message));  // its record is on its way
  driver_.Do(OperatorMaintenance{.call = 7, .kind = Kind::kStart, .machines = {Host("host-k")}});

  const auto lines = driver_.CommitWrites();

  EXPECT_THAT(lines, Contains(HasSubstr("agent 3: SHUTDOWN")));
  EXPECT_EQ(driver_.books().agents.Find(AgentId("m-S0")), nullptr);
}

TEST_F(Maintenance, AnAgentThatNamesAnotherMachineGoesAwayAtThatOnesTime) {
  Plan({Host("host-k"), {"", "10.0.0.7"}});
  AgentReregister message;
  message.stream = 3;
  message.agent_id = AgentId("m-S0");
  message.agent = DescriptionOf("renamed", Resources::Of(4, 4096), "m-S0");
  message.agent.registration_key = "k";
  message.tasks = {AReportedTask("t", "m-0000", v1::TASK_RUNNING, Resources::Of(2, 1024))};

  driver_.Do(message);

  EXPECT_EQ(Record().unavailability, std::nullopt);
  message.stream = 4;
  message.agent.ip = "10.0.0.7";
  driver_.Do(message);
  EXPECT_EQ(Record().unavailability, At(5000));
}

TEST_F(Maintenance, IsKnownToTheNextLeaderBeforeItsAgentsAre) {
  RegistrySnapshot snapshot;
  snapshot.maintenance = std::make_shared<const MaintenancePlan>(
      MaintenancePlan::Windows{{{Host("host-k")}, At(5000)}, {{Host("host-d")}, At(6000)}},
      absl::btree_set<MachineId>{Host("host-d")});
  for (const std::string& key : {std::string("k"), std::string("d")}) {
    RegistrySnapshot::AgentEntry entry;
    entry.id = AgentId("old-" + key);
    entry.info = DescriptionOf(key, Resources::Of(4, 4096), "old-" + key).info;
    entry.registration_key = key;
    snapshot.agents.push_back(std::move(entry));
  }
  CoreDriver driver;
  driver.Lead(2, std::move(snapshot));

  EXPECT_EQ(driver.books().agents.Find(AgentId("old-k"))->record.unavailability, At(5000));
  AgentReregister message;
  message.stream = 3;
  message.agent_id = AgentId("old-d");
  message.agent = DescriptionOf("d", Resources::Of(4, 4096), "old-d");
  const auto lines = driver.Do(std::move(message));
  EXPECT_THAT(lines, Contains(HasSubstr("agent 3: SHUTDOWN")));
  // Nobody waits for it any more.
  EXPECT_THAT(lines, Contains(HasSubstr("UNREACHABLE old-d")));
  driver.CommitWrites();
  EXPECT_EQ(driver.books().agents.recovering(), 1u);
}

TEST_F(Maintenance, CallsThatWaitLearnThatLeadershipIsLost) {
  driver_.Do(OperatorMaintenance{
      .call = 7, .kind = Kind::kSchedule, .windows = Windows({Host("host-k")})});
  driver_.Do(OperatorMaintenance{.call = 8, .kind = Kind::kStart, .machines = {Host("host-k")}});

  const auto lines = driver_.CommitWrites(absl::AbortedError("another leads"));

  EXPECT_THAT(lines, Contains(HasSubstr("reply 7: UNAVAILABLE: the master lost leadership")));
  EXPECT_THAT(lines, Contains(HasSubstr("reply 8: UNAVAILABLE: the master lost leadership")));
}

TEST_F(Maintenance, AMachineCanBeDrainedWhileItIsScheduled) {
  Plan({Host("host-k")});

  driver_.Do(OperatorAgentOrder{8, "", AgentId("m-S0"), OperatorAgentOrder::Kind::kDrain});
  EXPECT_THAT(driver_.CommitWrites(), AllOf(Contains("agent 2: DRAIN"), Contains("reply 8: OK")));

  EXPECT_THAT(Start("host-k"), Contains(HasSubstr("agent 2: SHUTDOWN")));
}

}  // namespace
}  // namespace meros::master::testing

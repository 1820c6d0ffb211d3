// Goal: operations of an ACCEPT and of operators change what an agent has, for the books and for
// the allocator alike, in order, each judged by itself; results reach who waits for them, and
// nothing is lost when agents, masters and frameworks go. Method: inputs in, effects out.
#include "services/master/core/operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Disk;
using resources::Metadata;
using resources::MetadataRef;
using resources::Reservation;
using resources::Resource;
using resources::ResourceName;
using resources::Resources;
using resources::Scalar;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Kind = v1::Offer::Operation;

Resource Reserved(int64_t mib, const std::string& principal = "p",
                  const std::string& role = "eng") {
  Metadata metadata;
  metadata.reservations.push_back({Reservation::Kind::kDynamic, role, principal, {}});
  return Resource(ResourceName::Disk(), Scalar::FromUnits(mib), MetadataRef(std::move(metadata)));
}

Resource Volume(int64_t mib, const std::string& id = "v", const std::string& principal = "p") {
  Metadata metadata = *Reserved(mib).metadata();
  metadata.disk =
      Disk{resources::Persistence{id, principal}, resources::DiskVolume{"data", false}, {}};
  return Resource(ResourceName::Disk(), Scalar::FromUnits(mib), MetadataRef(std::move(metadata)));
}

Resources DiskOf(int64_t mib) { return Resources::Of(0, 0, mib); }

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
  return AnOperation(id, Kind::RESERVE, resources::Reserve{Reserved(mib), {}});
}
ResourceOperation Unreserve(int64_t mib) {
  return AnOperation("unreserve", Kind::UNRESERVE, resources::Unreserve{Reserved(mib)});
}
ResourceOperation Create(int64_t mib, const std::string& volume = "v") {
  return AnOperation("create", Kind::CREATE, resources::CreateVolumes{Volume(mib, volume)});
}
ResourceOperation Destroy(int64_t mib) {
  return AnOperation("destroy", Kind::DESTROY, resources::DestroyVolumes{Volume(mib)});
}

// A framework of role eng on stream 1, an agent of 4 cpus and 1000 MiB of disk on stream 2, and an
// allocator.
class Operations : public ::testing::Test {
 protected:
  Operations() {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1, {.roles = {"eng"}, .principal = "p"});
    driver_.Register(2, "k", kAll);
  }

  std::vector<std::string> Offer(const Resources& resources) {
    return driver_.Propose(++proposals_, "m-0000", "m-S0", resources, "eng");
  }
  std::vector<std::string> Accept(std::vector<AcceptedOperation> operations) {
    return driver_.Call(
        1, "m-0000",
        master::Accept{{driver_.Offer(++offers_)}, std::move(operations), absl::Seconds(5)});
  }
  std::vector<std::string> OfferAndAccept(std::vector<AcceptedOperation> operations) {
    Offer(driver_.books().agents.Find(AgentId("m-S0"))->record.Free());
    return Accept(std::move(operations));
  }
  std::vector<std::string> Operate(ResourceOperation operation) {
    operation.id.clear();
    return driver_.Do(OperatorOperation{77, "", AgentId("m-S0"), std::move(operation)});
  }
  // The agent's result for the operation of this type that is in the books.
  std::vector<std::string> Result(Kind::Type type, v1::OperationState state,
                                  const std::string& uuid) {
    for (const auto& [sequence, operation] : driver_.books().operations.all()) {
      if (operation->info->type() != type) continue;
      auto status = std::make_shared<v1::OperationStatus>();
      status->set_state(state);
      status->mutable_uuid()->set_value(uuid);
      if (!operation->id.empty()) status->mutable_operation_id()->set_value(operation->id);
      return driver_.Do(AgentOperationUpdate{2, operation->uuid, status});
    }
    return {"no such operation"};
  }
  std::vector<std::string> Acknowledge(const std::string& id, const std::string& uuid,
                                       const std::string& agent = "m-S0") {
    return driver_.Call(0, "m-0000", AcknowledgeOperationCall{AgentId(agent), uuid, id}, 5);
  }
  const AgentRecord& agent() const { return driver_.books().agents.Find(AgentId("m-S0"))->record; }
  size_t open() const { return driver_.books().operations.all().size(); }

  const Resources kAll = Resources::Of(4, 4096, 1000);
  CoreDriver driver_;
  uint64_t proposals_ = 0;
  uint64_t offers_ = 0;
};

TEST_F(Operations, ReserveCreateAndLaunchInOneAccept) {
  Offer(kAll);
  const Resources task = Resources::Of(1, 64) + Resources(Volume(100));

  const auto lines =
      Accept({Reserve(200), Create(100), LaunchOperation{{ATask("t", "m-S0", task)}}});

  EXPECT_THAT(lines, Contains("agent 2: APPLY RESERVE role=eng"));
  EXPECT_THAT(lines, Contains("agent 2: APPLY CREATE role=eng"));
  EXPECT_THAT(lines, Contains("agent 2: RUN t role=eng"));
  EXPECT_EQ(agent().total.PersistentVolumes(), Resources(Volume(100)));
  EXPECT_EQ(agent().total.Unreserved().Disk(), Scalar::FromUnits(800));
  EXPECT_EQ(agent().used, task);
  // What operations made is free without filter, what was offered and not wanted with.
  EXPECT_THAT(lines, Contains(::testing::AllOf(HasSubstr("RECOVER m-0000 eng m-S0 disk("),
                                               HasSubstr(":100 refuse=0"))));
  EXPECT_THAT(lines,
              Contains(HasSubstr("RECOVER m-0000 eng m-S0 cpus:3;mem:4032;disk:800 refuse=5s")));
}

TEST_F(Operations, OrdersReachTheAgentInTheOrderOfTheCall) {
  Offer(kAll);

  const auto lines = Accept(
      {Reserve(200), Create(100), LaunchOperation{{ATask("t", "m-S0", Resources(Volume(100)))}}});

  std::vector<std::string> to_agent;
  for (const std::string& line : lines) {
    if (line.starts_with("agent 2:")) to_agent.push_back(line);
  }
  EXPECT_THAT(to_agent, ElementsAre("agent 2: APPLY RESERVE role=eng",
                                    "agent 2: APPLY CREATE role=eng", "agent 2: RUN t role=eng"));
}

TEST_F(Operations, AFailingOperationDoesNotStopTheNext) {
  Offer(kAll);

  const auto lines = Accept({Create(100), Reserve(200), Unreserve(500), Unreserve(50)});

  EXPECT_THAT(lines, Contains(HasSubstr("OPERATION_ERROR create \"CREATE needs disk")));
  EXPECT_THAT(lines, Contains(HasSubstr("OPERATION_ERROR unreserve \"UNRESERVE needs disk")));
  EXPECT_EQ(agent().total.Reserved(), Resources(Reserved(150)));
}

TEST_F(Operations, OffersOfOthersAreNotTouched) {
  driver_.Subscribe(3, {.name = "other", .roles = {"eng"}});
  driver_.Propose(1, "m-0001", "m-S0", DiskOf(300), "eng");
  ++proposals_;
  ++offers_;
  Offer(DiskOf(500));

  const auto lines = Accept({Reserve(200)});

  EXPECT_THAT(lines, Not(Contains(HasSubstr("RESCIND"))));
  EXPECT_EQ(agent().offered, DiskOf(300));
}

TEST_F(Operations, DestroyAndUnreserveGiveEverythingBack) {
  OfferAndAccept({Reserve(200), Create(100)});
  OfferAndAccept({Destroy(100), Unreserve(200)});

  EXPECT_EQ(agent().total, kAll);
  EXPECT_EQ(agent().Free(), kAll);
}

TEST_F(Operations, ResizedVolumesAreNotForTheRestOfTheCall) {
  OfferAndAccept({Reserve(200), Create(100)});
  Offer(agent().Free());

  const auto lines = Accept(
      {AnOperation("grow", Kind::GROW_VOLUME, resources::GrowVolume{Volume(100), Reserved(50)}),
       AnOperation("late", Kind::DESTROY, resources::DestroyVolumes{Volume(150)})});

  EXPECT_THAT(lines, Contains("agent 2: APPLY GROW_VOLUME role=eng"));
  EXPECT_THAT(lines, Contains(HasSubstr("OPERATION_ERROR late")));
  EXPECT_EQ(agent().total.PersistentVolumes(), Resources(Volume(150)));

  OfferAndAccept({AnOperation("shrink", Kind::SHRINK_VOLUME,
                              resources::ShrinkVolume{Volume(150), Scalar::FromUnits(110)})});
  EXPECT_EQ(agent().total.PersistentVolumes(), Resources(Volume(40)));
  EXPECT_EQ(agent().total.Disk(), Scalar::FromUnits(1000));
}

// One rule a row: what is asked for, and the words of the refusal.
TEST_F(Operations, WhatBreaksARuleIsRefusedInWords) {
  OfferAndAccept(
      {Reserve(200, ""), AnOperation("", Kind::CREATE, resources::CreateVolumes{Volume(100)})});
  ResourceOperation faulty = Reserve(1);
  faulty.fault = absl::InvalidArgumentError("resources[0]: is wrong");
  ResourceOperation elsewhere = Reserve(1);
  elsewhere.allocation_role = "ops";
  Metadata shared = *Volume(10, "s").metadata();
  shared.shared = true;
  const struct {
    ResourceOperation operation;
    const char* words;
  } rows[] = {
      {faulty, "resources[0]: is wrong"},
      {elsewhere, "allocated to role 'ops'"},
      {AnOperation("x", Kind::RESERVE, resources::Reserve{Reserved(1, "q"), {}}), "principal"},
      {AnOperation("x", Kind::RESERVE, resources::Reserve{Reserved(1, "p", "ops"), {}}),
       "to be reserved for role 'ops'"},
      {AnOperation("x", Kind::RESERVE, resources::Reserve{Reserved(1), Reserved(1)}),
       "reserve.source is for operators"},
      {AnOperation("x", Kind::RESERVE, resources::Reserve{DiskOf(1), {}}),
       "is not dynamically reserved"},
      {AnOperation("x", Kind::UNRESERVE, resources::Unreserve{Volume(100)}),
       "must be destroyed first"},
      {AnOperation("x", Kind::CREATE, resources::CreateVolumes{Volume(10)}),
       "role 'eng' has a volume 'v' on agent m-S0"},
      {AnOperation("x", Kind::CREATE, resources::CreateVolumes{Volume(10, "w", "q")}),
       "the principal of a volume"},
      {AnOperation("x", Kind::CREATE,
                   resources::CreateVolumes{Volume(10).WithMetadata(MetadataRef(shared))}),
       "without capability SHARED_RESOURCES"},
      {AnOperation("x", Kind::DESTROY, resources::DestroyVolumes{Volume(10, "none")}),
       "DESTROY needs"},
      {AnOperation("x", Kind::SHRINK_VOLUME,
                   resources::ShrinkVolume{Volume(100), Scalar::FromUnits(100)}),
       "subtract must be"},
  };
  const Resources before = agent().total;

  for (const auto& row : rows) {
    EXPECT_THAT(OfferAndAccept({row.operation}),
                Contains(::testing::AllOf(HasSubstr("scheduler 1: OPERATION_ERROR"),
                                          HasSubstr(row.words))));
    EXPECT_EQ(agent().total, before) << row.words;
  }
}

TEST_F(Operations, AnAgentThatKnowsNoOperationsGetsNone) {
  AgentDescription old = DescriptionOf("old", kAll);
  old.capabilities.Remove(v1::AgentInfo::Capability::AGENT_OPERATION_FEEDBACK);
  driver_.Do(AgentRegister{4, old});
  driver_.CommitWrites();
  driver_.Propose(1, "m-0000", "m-S1", kAll, "eng");
  ++proposals_;

  EXPECT_THAT(Accept({Reserve(1)}), Contains(HasSubstr("AGENT_OPERATION_FEEDBACK")));
}

TEST_F(Operations, LaunchesMayNotHaveAnOperationId) {
  Offer(kAll);

  const auto lines =
      Accept({LaunchOperation{{ATask("t", "m-S0", Resources::Of(1, 64))}, "launch"}});

  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE t TASK_ERROR REASON_TASK_INVALID")));
}

TEST_F(Operations, AResultIsToldUntilItIsAcknowledged) {
  OfferAndAccept({Reserve(200)});

  EXPECT_THAT(Result(Kind::RESERVE, v1::OPERATION_FINISHED, "u"),
              ElementsAre("scheduler 1: OPERATION_FINISHED reserve uuid=u"));
  EXPECT_THAT(Result(Kind::RESERVE, v1::OPERATION_FINISHED, "u"),
              ElementsAre("scheduler 1: OPERATION_FINISHED reserve uuid=u"));
  EXPECT_THAT(Acknowledge("reserve", "other"), ElementsAre(HasSubstr("FAILED_PRECONDITION")));
  EXPECT_THAT(Acknowledge("reserve", "u", "m-S9"), ElementsAre(HasSubstr("NOT_FOUND")));
  EXPECT_THAT(Acknowledge("none", "u"), ElementsAre(HasSubstr("NOT_FOUND")));
  EXPECT_EQ(open(), 1u);

  EXPECT_THAT(Acknowledge("reserve", "u"),
              ElementsAre("agent 2: ACKNOWLEDGE_OPERATION uuid=u", "reply 5: OK"));
  EXPECT_EQ(open(), 0u);
}

TEST_F(Operations, ResultsThatNobodyWaitsForAreAcknowledgedByTheMaster) {
  OfferAndAccept({Reserve(200, "")});

  EXPECT_THAT(Result(Kind::RESERVE, v1::OPERATION_FINISHED, "u"),
              ElementsAre("agent 2: ACKNOWLEDGE_OPERATION uuid=u"));
  EXPECT_EQ(open(), 0u);
  EXPECT_THAT(
      driver_.Do(AgentOperationUpdate{2, "of-nobody", std::make_shared<v1::OperationStatus>()}),
      ElementsAre("agent 2: ACKNOWLEDGE_OPERATION uuid="));
}

TEST_F(Operations, OperationsOfAFrameworkThatEndsAreAcknowledgedForIt) {
  OfferAndAccept({Reserve(200), Create(100)});
  Result(Kind::RESERVE, v1::OPERATION_FINISHED, "u");

  EXPECT_THAT(driver_.Teardown("m-0000"), Contains("agent 2: ACKNOWLEDGE_OPERATION uuid=u"));

  EXPECT_THAT(Result(Kind::CREATE, v1::OPERATION_FINISHED, "w"),
              ElementsAre("agent 2: ACKNOWLEDGE_OPERATION uuid=w"));
  EXPECT_EQ(open(), 0u);
}

TEST_F(Operations, AnIdIsNotUsedTwiceAtATime) {
  OfferAndAccept({Reserve(200)});

  EXPECT_THAT(OfferAndAccept({Reserve(10)}), Contains(HasSubstr("is in use")));
}

TEST_F(Operations, ReconciliationAnswersForEachOperation) {
  OfferAndAccept({Reserve(200), Create(100)});
  Result(Kind::RESERVE, v1::OPERATION_FINISHED, "u");

  EXPECT_THAT(driver_.Call(1, "m-0000", ReconcileOperationsCall{}),
              ElementsAre("scheduler 1: OPERATION_PENDING create",
                          "scheduler 1: OPERATION_FINISHED reserve"));
  EXPECT_THAT(
      driver_.Call(1, "m-0000",
                   ReconcileOperationsCall{{{"reserve", AgentId()}, {"none", AgentId("m-S0")}}}),
      ElementsAre("scheduler 1: OPERATION_FINISHED reserve",
                  "scheduler 1: OPERATION_UNKNOWN none"));
}

TEST_F(Operations, AFailureTakesBackWhatWasBuiltOnIt) {
  const Resources task = Resources::Of(1, 64) + Resources(Volume(100));
  OfferAndAccept({Reserve(200), Create(100), LaunchOperation{{ATask("t", "m-S0", task)}}});

  // As an agent does that could not make the volume: what it has, the results, the refused task.
  driver_.Do(AgentTotalChanged{2, DiskOf(800) + Resources(Reserved(200)) + Resources::Of(4, 4096),
                               "another version"});
  EXPECT_THAT(Result(Kind::CREATE, v1::OPERATION_FAILED, "f"),
              ElementsAre("scheduler 1: OPERATION_FAILED create uuid=f"));
  EXPECT_EQ(agent().used, Resources());
  driver_.Update(2, "m-0000", "t", v1::TASK_DROPPED, "0123456789abcdef");

  EXPECT_EQ(agent().total.Reserved(), Resources(Reserved(200)));
  EXPECT_EQ(agent().Free(), agent().total);
}

TEST_F(Operations, AnAgentThatReturnsIsAskedForWhatItDoesNotReport) {
  OfferAndAccept({Reserve(200), Create(100)});
  const std::string uuid = driver_.books().operations.all().begin()->second->uuid;
  driver_.Do(AgentStreamClosed{2});
  AgentReregister again;
  again.stream = 5;
  again.agent_id = AgentId("m-S0");
  again.agent = DescriptionOf("k", Resources::Of(4, 4096, 800) + Resources(Reserved(200)), "m-S0");
  auto status = std::make_shared<v1::OperationStatus>();
  status->set_state(v1::OPERATION_FINISHED);
  status->mutable_uuid()->set_value("u");
  again.operations.push_back({uuid, FrameworkId("m-0000"), std::make_shared<Kind>(), status});

  const auto lines = driver_.Do(again);

  EXPECT_THAT(lines, Contains("agent 5: RECONCILE_OPERATIONS create"));
  EXPECT_EQ(agent().total.Reserved(), Resources(Reserved(200)));
}

TEST_F(Operations, AnAgentReturnsThatLostAnUnreserveAndTheLaunchOnIt) {
  ResourceOperation reserve = Reserve(200);
  ASSERT_THAT(OfferAndAccept({reserve}), Contains(HasSubstr("APPLY RESERVE")));
  Result(Kind::RESERVE, v1::OPERATION_FINISHED, "r");
  const Resources has = agent().total;
  OfferAndAccept(
      {Unreserve(200), LaunchOperation{{ATask("t", "m-S0", Resources::Of(1, 64, 900))}}});
  driver_.Do(AgentStreamClosed{2});
  AgentReregister again;
  again.stream = 5;
  again.agent_id = AgentId("m-S0");
  again.agent = DescriptionOf("k", has, "m-S0");

  const auto lines = driver_.Do(again);

  EXPECT_THAT(lines, Contains(HasSubstr("agent 5: REREGISTERED m-S0")));
  EXPECT_THAT(lines, Contains("agent 5: RECONCILE t"));
  EXPECT_EQ(agent().total, has);
  EXPECT_TRUE(agent().used.empty()) << "it has not even the room for it";
}

TEST_F(Operations, ANewLeaderTakesOverWhatAgentsReport) {
  CoreDriver other;
  RegistrySnapshot snapshot;
  other.Lead(2, snapshot);
  other.Subscribe(1, {.id = "m-0000", .roles = {"eng"}, .principal = "p"});
  AgentReregister back;
  back.stream = 5;
  back.agent_id = AgentId("m-S0");
  back.agent = DescriptionOf("k", Resources::Of(4, 4096, 800) + Resources(Reserved(200)), "m-S0");
  auto info = std::make_shared<Kind>();
  info->set_type(Kind::RESERVE);
  info->mutable_id()->set_value("reserve");
  auto status = std::make_shared<v1::OperationStatus>();
  status->set_state(v1::OPERATION_FINISHED);
  status->mutable_uuid()->set_value("u");
  status->mutable_operation_id()->set_value("reserve");
  back.operations.push_back({"uuid", FrameworkId("m-0000"), info, status});
  other.Do(back);
  other.CommitWrites();

  EXPECT_EQ(other.books().agents.Find(AgentId("m-S0"))->record.total.Reserved(),
            Resources(Reserved(200)));
  EXPECT_THAT(other.Do(AgentOperationUpdate{5, "uuid", status}),
              ElementsAre("scheduler 1: OPERATION_FINISHED reserve uuid=u"));
}

TEST_F(Operations, FrameworksHearOfOperationsOnALostAgent) {
  OfferAndAccept({Reserve(200)});
  driver_.Do(AgentStreamClosed{2});
  driver_.Advance(driver_.options().agent_unreachable_timeout * 2);

  EXPECT_THAT(driver_.CommitWrites(),
              Contains("scheduler 1: OPERATION_UNREACHABLE reserve \"the agent is away\""));
  EXPECT_EQ(open(), 0u);
}

// ---- Operators ----

TEST_F(Operations, AnOperatorReservesWhatIsFree) {
  const auto lines = Operate(Reserve(200));

  EXPECT_THAT(lines, Contains("reply 77: OK"));
  EXPECT_THAT(lines, Contains("agent 2: APPLY RESERVE"));
  EXPECT_EQ(agent().total.Reserved(), Resources(Reserved(200)));
}

TEST_F(Operations, AnOperatorTakesBackTheOffersThatAreInTheWay) {
  Offer(DiskOf(600));
  Offer(Resources::Of(1, 64));
  Offer(DiskOf(400));

  const auto lines = Operate(Reserve(300));

  EXPECT_THAT(lines, Contains("scheduler 1: RESCIND #1"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("RESCIND #2"))));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("RESCIND #3"))));
  EXPECT_THAT(lines, Contains("reply 77: OK"));
}

TEST_F(Operations, WhatIsInUseIsNotAnOperators) {
  OfferAndAccept(
      {Reserve(200), Create(100), LaunchOperation{{ATask("t", "m-S0", Resources(Volume(100)))}}});
  const Resources before = agent().total;

  EXPECT_THAT(Operate(Destroy(100)), ElementsAre(HasSubstr("is in use on agent m-S0")));
  EXPECT_THAT(Operate(Reserve(2000)), ElementsAre(HasSubstr("FAILED_PRECONDITION")));
  EXPECT_EQ(agent().total, before);
  EXPECT_THAT(driver_.Do(OperatorOperation{7, "", AgentId("nobody"), Reserve(1)}),
              ElementsAre(HasSubstr("reply 7: NOT_FOUND")));
  driver_.Do(AgentStreamClosed{2});
  EXPECT_THAT(Operate(Reserve(1)), ElementsAre(HasSubstr("FAILED_PRECONDITION")));
}

TEST_F(Operations, AnOperatorMovesAReservationToAnotherRole) {
  Operate(Reserve(200));

  EXPECT_THAT(Operate(AnOperation("", Kind::RESERVE,
                                  resources::Reserve{Reserved(200, "p", "ops"), Reserved(200)})),
              Contains("reply 77: OK"));

  EXPECT_EQ(agent().total.Reserved(), Resources(Reserved(200, "p", "ops")));
}

TEST_F(Operations, AgentsHaveABoundOfOpenOperations) {
  MasterOptions options = TestOptions();
  options.max_operations_per_agent = 1;
  CoreDriver bounded(options);
  bounded.Lead();
  bounded.Register(2, "k", kAll);
  bounded.Do(OperatorOperation{1, "", AgentId("m-S0"), Reserve(1, "")});

  EXPECT_THAT(bounded.Do(OperatorOperation{2, "", AgentId("m-S0"), Reserve(1, "")}),
              ElementsAre(HasSubstr("RESOURCE_EXHAUSTED")));
}

}  // namespace
}  // namespace meros::master::testing

// Goal: a shared volume is offered while it is used, may be used by many tasks, and goes only when
// nobody uses it. Method: inputs in, effects out; all books are checked after every step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Metadata;
using resources::MetadataRef;
using resources::Resource;
using resources::Resources;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Kind = v1::Offer::Operation;

Resource Disk(int64_t mib) {
  Metadata metadata;
  metadata.reservations.push_back({resources::Reservation::Kind::kDynamic, "eng", "p", {}});
  return Resource(resources::ResourceName::Disk(), resources::Scalar::FromUnits(mib),
                  MetadataRef(std::move(metadata)));
}

Resource Volume(int64_t mib) {
  Metadata metadata = *Disk(mib).metadata();
  metadata.disk =
      resources::Disk{resources::Persistence{"v", "p"}, resources::DiskVolume{"data", false}, {}};
  metadata.shared = true;
  return Resource(resources::ResourceName::Disk(), resources::Scalar::FromUnits(mib),
                  MetadataRef(std::move(metadata)));
}

ResourceOperation AnOperation(const std::string& id, Kind::Type type,
                              resources::Operation content) {
  ResourceOperation operation;
  operation.id = id;
  operation.name = Kind::Type_Name(type);
  auto info = std::make_shared<Kind>();
  info->set_type(type);
  operation.info = std::move(info);
  operation.content = std::move(content);
  return operation;
}

ResourceOperation Create() {
  return AnOperation("create", Kind::CREATE, resources::CreateVolumes{Volume(100)});
}
ResourceOperation Destroy() {
  return AnOperation("destroy", Kind::DESTROY, resources::DestroyVolumes{Volume(100)});
}

const Resources kCpu = Resources::Of(1, 64);

// Two frameworks of role eng on streams 1 and 3, and an agent on stream 2 whose disk has, once it
// is made, a shared volume "v".
class SharedVolumes : public ::testing::Test {
 protected:
  SharedVolumes() {
    driver_.Lead();
    driver_.ConnectAllocator();
    for (StreamId stream : {1, 3}) {
      driver_.Subscribe(stream, {.roles = {"eng"}, .principal = "p", .shared_resources = true});
    }
    driver_.Register(2, "k", Resources::Of(4, 1024) + Disk(500));
  }

  const AgentRecord& agent() const { return driver_.books().agents.Find(AgentId("m-S0"))->record; }
  OfferId Offer(const std::string& framework, const Resources& resources) {
    driver_.Propose(++offers_, framework, "m-S0", resources, "eng");
    return driver_.Offer(offers_);
  }
  std::vector<std::string> Accept(const std::string& framework, std::vector<OfferId> offers,
                                  std::vector<AcceptedOperation> operations) {
    const StreamId stream = framework == "m-0000" ? 1 : 3;
    return driver_.Call(stream, framework,
                        master::Accept{std::move(offers), std::move(operations), {}});
  }
  static LaunchOperation Launch(const std::vector<std::string>& ids) {
    LaunchOperation launch;
    for (const std::string& id : ids) launch.tasks.push_back(ATask(id, "m-S0", kCpu + Volume(100)));
    return launch;
  }
  void MakeVolume() { Accept("m-0000", {Offer("m-0000", Disk(500))}, {Create()}); }

  CoreDriver driver_;
  uint64_t offers_ = 0;
};

TEST_F(SharedVolumes, AreUsedByTasksOfOneCall) {
  const auto lines =
      Accept("m-0000", {Offer("m-0000", kCpu + kCpu + Disk(500))}, {Create(), Launch({"a", "b"})});

  EXPECT_THAT(lines, Contains("agent 2: RUN b role=eng").Times(1));
  EXPECT_EQ(driver_.books().tasks.size(), 2u);
  EXPECT_EQ(agent().used.Shared(), Resources(Volume(100).WithShares(2)));
  EXPECT_EQ(agent().Free().Shared(), Resources(Volume(100)));
  EXPECT_EQ(agent().total.Disk(), resources::Scalar::FromUnits(500));
}

TEST_F(SharedVolumes, AreOfferedWhileTheyAreUsed) {
  MakeVolume();
  Accept("m-0000", {Offer("m-0000", kCpu + Volume(100))}, {Launch({"a"})});

  const OfferId first = Offer("m-0000", kCpu + Volume(100));
  const OfferId second = Offer("m-0001", kCpu + Volume(100));
  ASSERT_FALSE(first.empty());
  ASSERT_FALSE(second.empty());
  Accept("m-0001", {second}, {Launch({"b"})});

  EXPECT_EQ(agent().used.Shared(), Resources(Volume(100).WithShares(2)));
  EXPECT_EQ(agent().offered.Shared(), Resources(Volume(100)));
}

// The allocator counts shares as the books do: a session that begins anew is told the same.
TEST_F(SharedVolumes, TheAllocatorIsToldOfEveryShare) {
  MakeVolume();
  const auto lines =
      Accept("m-0000", {Offer("m-0000", kCpu + kCpu + Volume(100))}, {Launch({"a", "b"})});

  EXPECT_THAT(lines,
              Contains(AllOf(HasSubstr("ALLOCATE m-0000 eng m-S0"), HasSubstr("disk"))).Times(2));
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("RECOVER m-0000 eng m-S0"), HasSubstr("disk"))))
      << "that of the offer";
}

TEST_F(SharedVolumes, AreNotDestroyedUnderATask) {
  MakeVolume();
  Accept("m-0000", {Offer("m-0000", kCpu + Volume(100))}, {Launch({"a"})});

  EXPECT_THAT(Accept("m-0001", {Offer("m-0001", Volume(100))}, {Destroy()}),
              Contains(AllOf(HasSubstr("OPERATION_ERROR"), HasSubstr("a task uses"))));
  ResourceOperation by_operator = Destroy();
  by_operator.id.clear();
  EXPECT_THAT(driver_.Do(OperatorOperation{7, "", AgentId("m-S0"), by_operator}),
              Contains(AllOf(HasSubstr("reply 7: FAILED_PRECONDITION"), HasSubstr("in use"))));

  driver_.Update(2, "m-0000", "a", v1::TASK_FINISHED, "u");
  EXPECT_THAT(Accept("m-0001", {Offer("m-0001", Volume(100))}, {Destroy()}),
              Contains(HasSubstr("APPLY DESTROY")));
  EXPECT_THAT(agent().total.Shared(), IsEmpty());
}

TEST_F(SharedVolumes, AreDestroyedWithTheOffersOfThem) {
  MakeVolume();
  Offer("m-0000", kCpu + Volume(100));
  Offer("m-0000", kCpu);

  const auto lines = Accept("m-0001", {Offer("m-0001", Volume(100))}, {Destroy()});

  EXPECT_THAT(lines, Contains("scheduler 1: RESCIND #2"));
  EXPECT_EQ(driver_.books().offers.size(), 1u) << "the one without it";
}

TEST_F(SharedVolumes, OfWhichACallHasTwoAreNotDestroyed) {
  MakeVolume();
  std::vector<OfferId> offers = {Offer("m-0000", Volume(100)), Offer("m-0000", Volume(100))};

  EXPECT_THAT(Accept("m-0000", std::move(offers), {Destroy()}),
              Contains(AllOf(HasSubstr("OPERATION_ERROR"), HasSubstr("more than one"))));
  EXPECT_EQ(agent().total.Shared(), Resources(Volume(100)));
}

TEST_F(SharedVolumes, OperatorsDestroyThemAndEndTheOffers) {
  MakeVolume();
  Offer("m-0000", Volume(100));
  Offer("m-0001", Volume(100));
  ResourceOperation by_operator = Destroy();
  by_operator.id.clear();

  const auto lines = driver_.Do(OperatorOperation{7, "", AgentId("m-S0"), by_operator});

  EXPECT_THAT(lines, Contains(HasSubstr("APPLY DESTROY")));
  EXPECT_EQ(driver_.books().offers.size(), 0u);
}

TEST_F(SharedVolumes, ManyUsersFitWhenTheAgentReturns) {
  MakeVolume();
  Accept("m-0000", {Offer("m-0000", kCpu + kCpu + Volume(100))}, {Launch({"a", "b"})});
  driver_.Do(AgentStreamClosed{2});
  AgentReregister again;
  again.stream = 4;
  again.agent_id = AgentId("m-S0");
  again.agent = DescriptionOf("k", Resources::Of(4, 1024) + Disk(400) + Volume(100), "m-S0");
  AFramework framework;
  framework.id = "m-0000";
  framework.roles = {"eng"};
  again.frameworks.push_back({FrameworkId("m-0000"), SubscriptionOf(framework)});
  for (const char* id : {"a", "b"}) {
    again.tasks.push_back(AReportedTask(id, "m-0000", v1::TASK_RUNNING, kCpu + Volume(100)));
  }

  EXPECT_THAT(driver_.Do(again), Not(Contains(HasSubstr("close 4"))));
  EXPECT_EQ(agent().used.Shared(), Resources(Volume(100).WithShares(2)));
  EXPECT_EQ(agent().used.Cpus(), resources::Scalar::FromUnits(2));
}

// Others may have it while a task of a removed framework is being ended.
TEST_F(SharedVolumes, AreKnownToTheAllocatorWhileARemovedFrameworksTaskEnds) {
  MakeVolume();
  Accept("m-0000", {Offer("m-0000", kCpu + Volume(100))}, {Launch({"a"})});

  const auto lines = driver_.Teardown("m-0000");

  const Resources left = Resources::Of(3, 960) + Disk(400) + Volume(100);
  EXPECT_THAT(lines, Contains(HasSubstr("AGENT m-S0 active " + left.DebugString())));
  EXPECT_FALSE(Offer("m-0001", kCpu + Volume(100)).empty());
}

}  // namespace
}  // namespace meros::master::testing

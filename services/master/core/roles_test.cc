// What operators set of roles: which changes are allowed, when they are in force and answered, and
// what becomes of offers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/resources/parse.h"
#include "services/master/core/role_rules.h"
#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::ResourceName;
using resources::Resources;
using resources::Scalar;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

RoleQuota Guarantee(int64_t cpus) {
  RoleQuota quota;
  quota.guarantees.Add(ResourceName::Cpus(), Scalar::FromUnits(cpus));
  return quota;
}

RoleQuota Limit(int64_t cpus) {
  RoleQuota quota;
  quota.limits.Set(ResourceName::Cpus(), Scalar::FromUnits(cpus));
  return quota;
}

RoleChange SetQuota(const std::string& role, RoleQuota quota) {
  RoleChange change;
  change.role = role;
  change.quota = std::move(quota);
  return change;
}

RoleChange SetWeight(const std::string& role, double weight) {
  RoleChange change;
  change.role = role;
  change.weight = weight;
  return change;
}

class Roles : public ::testing::Test {
 protected:
  Roles() { driver_.Lead(3); }

  std::vector<std::string> Ask(std::vector<RoleChange> changes, bool force = false,
                               const std::string& request_id = "") {
    return driver_.Do(OperatorUpdateRoles{++call_, request_id, std::move(changes), force});
  }
  // Asks, and lets the registry write.
  std::vector<std::string> Set(RoleChange change, bool force = false) {
    std::vector<std::string> lines = Ask({std::move(change)}, force);
    for (std::string& line : driver_.CommitWrites()) lines.push_back(std::move(line));
    return lines;
  }
  uint64_t VersionOf(const std::string& role) { return driver_.books().roles.Get(role)->version; }

  CoreDriver driver_;
  uint64_t call_ = 0;
};

// What the allocator was told of a role last.
RolePolicy ToldPolicy(const EffectList& effects) {
  RolePolicy told;
  for (const Effect& effect : effects) {
    const auto* message = std::get_if<ToAllocator>(&effect);
    if (message == nullptr) continue;
    if (const auto* delta = std::get_if<RolePolicyDelta>(message->message.get()))
      told = delta->policy;
  }
  return told;
}

TEST_F(Roles, WhatIsSetOfOffersReachesTheAllocatorAndCanBeTakenBack) {
  driver_.ConnectAllocator();
  RoleChange change;
  change.role = "eng";
  change.min_allocatable.emplace(MinAllocatable{Guarantee(2).guarantees});
  change.max_offers_in_flight = 3;
  change.offer_split = RoleOfferSplit::kByDemand;
  Set(change);
  EXPECT_EQ(ToldPolicy(driver_.effects()).min_allocatable, MinAllocatable{Guarantee(2).guarantees});
  EXPECT_EQ(ToldPolicy(driver_.effects()).max_offers_in_flight, 3u);
  EXPECT_EQ(ToldPolicy(driver_.effects()).offer_split, RoleOfferSplit::kByDemand);

  RoleChange back;
  back.role = "eng";
  back.min_allocatable.emplace(std::nullopt);
  back.max_offers_in_flight = 0;
  back.offer_split = RoleOfferSplit::kInherited;
  Set(back);
  EXPECT_EQ(ToldPolicy(driver_.effects()), RolePolicy());
  EXPECT_THAT(driver_.books().roles.all(), IsEmpty()) << "a role as any other";
}

TEST_F(Roles, AMinimumOfSomethingThatNoAgentHasIsATypingError) {
  RoleChange change;
  change.role = "eng";
  resources::ResourceQuantities unknown;
  unknown.Add(ResourceName("cpu"), Scalar::FromUnits(1));
  change.min_allocatable.emplace(MinAllocatable{unknown});
  EXPECT_THAT(Set(change), Contains(HasSubstr("min_allocatable: no agent has")));
  EXPECT_THAT(Set(change, /*force=*/true), Contains(HasSubstr("OK")));
}

TEST_F(Roles, AChangeIsDurableBeforeItIsInForceAndAnswered) {
  driver_.ConnectAllocator();

  EXPECT_THAT(Ask({SetQuota("eng", Limit(2)), SetWeight("ops", 2)}),
              ElementsAre("registry: WRITE 1 PUT_ROLES [eng version=3000001 guarantees={} "
                          "limits=cpus:2 weight=1 priority=0] [ops version=3000002 guarantees={} "
                          "limits={} weight=2 priority=0]"));
  EXPECT_THAT(driver_.books().roles.all(), IsEmpty());
  EXPECT_THAT(driver_.CommitWrites(),
              ElementsAre("allocator v2: QUOTA eng guarantees={} limits=cpus:2",
                          "allocator v3: WEIGHT ops 2", "reply 1: OK"));
  EXPECT_EQ(driver_.books().roles.Get("eng")->quota, Limit(2));
}

TEST_F(Roles, WhatIsAlreadySoIsAnsweredWithoutAWrite) {
  Set(SetWeight("ops", 2));

  EXPECT_THAT(Ask({SetWeight("ops", 2)}), ElementsAre("reply 2: OK"));
}

TEST_F(Roles, AChangeBasedOnAnotherVersionIsRefused) {
  Set(SetWeight("ops", 2));
  RoleChange stale = SetWeight("ops", 3);
  stale.version = 0;
  EXPECT_THAT(Ask({stale}), ElementsAre(HasSubstr("ABORTED: role ops has changed")));

  RoleChange fresh = SetWeight("ops", 3);
  fresh.version = VersionOf("ops");
  EXPECT_THAT(Set(fresh), Contains("reply 3: OK"));
}

TEST_F(Roles, ARoleThatWasForgottenNeverGetsAnOldVersionAgain) {
  Set(SetWeight("ops", 2));
  const uint64_t first = VersionOf("ops");
  Set(SetWeight("ops", 1));
  EXPECT_THAT(driver_.books().roles.all(), IsEmpty());

  Set(SetWeight("ops", 2));

  EXPECT_GT(VersionOf("ops"), first);
}

TEST_F(Roles, ChangesAreJudgedByWhatTheOneBeforeLeaves) {
  Set(SetQuota("eng", Guarantee(4)), /*force=*/true);
  Ask({SetQuota("eng", RoleQuota())});
  Ask({SetQuota("eng/web", Guarantee(8))}, /*force=*/true);  // fits only without the first

  EXPECT_THAT(driver_.CommitWrites(), AllOf(Contains("reply 2: OK"), Contains("reply 3: OK")));
}

TEST_F(Roles, ARepeatedRequestWaitsWithTheFirstAndActsOnce) {
  Ask({SetWeight("ops", 2)}, false, "id");
  EXPECT_THAT(Ask({SetWeight("ops", 2)}, false, "id"), IsEmpty());

  EXPECT_THAT(driver_.CommitWrites(), ElementsAre("reply 1: OK", "reply 2: OK"));
  EXPECT_THAT(Ask({SetWeight("ops", 5)}, false, "id"), ElementsAre("reply 3: OK"));
  EXPECT_EQ(driver_.books().roles.Get("ops")->weight, 2);
}

TEST_F(Roles, AWriteThatTheRegistryRefusesChangesNothing) {
  Ask({SetWeight("ops", 2)});
  Ask({SetWeight("eng", 2)});

  EXPECT_THAT(driver_.CommitWrites(absl::InvalidArgumentError("no")),
              AllOf(Contains(HasSubstr("reply 1: INTERNAL: the registry refused it: no")),
                    Contains(HasSubstr("WRITE 2 PUT_ROLES [eng"))));
  EXPECT_THAT(driver_.CommitWrites(), ElementsAre("reply 2: OK"));
  EXPECT_EQ(driver_.books().roles.Get("ops")->weight, 1);
}

TEST_F(Roles, WhoeverWaitsWhenLeadershipEndsIsToldThatTheOutcomeIsOpen) {
  Ask({SetWeight("ops", 2)});

  EXPECT_THAT(driver_.CommitWrites(absl::FailedPreconditionError("epoch is over")),
              Contains(HasSubstr("reply 1: UNAVAILABLE: the master lost leadership")));
}

TEST_F(Roles, TooManyChangesThatWaitAreRefused) {
  MasterOptions options = TestOptions();
  options.max_pending_role_changes = 1;
  options.max_role_configs = 1;
  CoreDriver driver(options);
  driver.Lead();
  driver.Do(OperatorUpdateRoles{1, "", {SetWeight("ops", 2)}, false});

  EXPECT_THAT(driver.Do(OperatorUpdateRoles{2, "", {SetWeight("eng", 2)}, false}),
              ElementsAre(HasSubstr("reply 2: RESOURCE_EXHAUSTED: 1 changes of roles wait")));
  driver.CommitWrites();
  EXPECT_THAT(driver.Do(OperatorUpdateRoles{3, "", {SetWeight("eng", 2)}, false}),
              ElementsAre(HasSubstr("of 2 roles, at most 1 are kept")));
}

// ---- Rules ----

TEST_F(Roles, Row18GuaranteesAboveCapacityAreRefusedByHowMuchUnlessForced) {
  driver_.Register(2, "key", Resources::Of(4, 4096));
  Set(SetQuota("eng", Guarantee(3)));

  EXPECT_THAT(Ask({SetQuota("ops", Guarantee(3))}),
              ElementsAre(HasSubstr("FAILED_PRECONDITION: guarantees: all roles together would be "
                                    "guaranteed 6 cpus, 2 more than the 4 of the cluster")));
  EXPECT_THAT(Set(SetQuota("ops", Guarantee(3)), /*force=*/true), Contains("reply 3: OK"));
  // What is too much already does not stand in the way of anything else.
  EXPECT_THAT(Set(SetWeight("ops", 2)), Contains("reply 4: OK"));
  EXPECT_THAT(Set(SetQuota("ops", Guarantee(2))), Contains("reply 5: OK"));
}

// Mesos knows quotas of top-level roles alone.
TEST_F(Roles, Row18NestedRolesMayHaveQuotas) {
  driver_.ConnectAllocator();
  driver_.Register(2, "key", Resources::Of(4, 4096));
  Set(SetQuota("eng", Guarantee(4)));

  const auto lines = Set(SetQuota("eng/web", Guarantee(3)));

  EXPECT_THAT(lines, Contains(HasSubstr("QUOTA eng/web guarantees=cpus:3 limits={}")));
  EXPECT_THAT(lines, Contains("reply 2: OK")) << "part of what eng is guaranteed, not more";
}

TEST_F(Roles, AgentsThatHaveNotComeBackYetCountAsCapacity) {
  RegistrySnapshot snapshot;
  auto info = std::make_shared<v1::AgentInfo>();
  info->set_hostname("h");
  v1::Resource* cpus = info->add_resources();
  cpus->set_name("cpus");
  cpus->set_type(v1::Value::SCALAR);
  cpus->mutable_scalar()->set_value(4);
  snapshot.agents.push_back(
      {AgentId("m-S0"), RegistrySnapshot::AgentEntry::State::kAdmitted, info, "key"});
  CoreDriver driver;
  driver.Lead(4, std::move(snapshot));

  EXPECT_THAT(driver.Do(OperatorUpdateRoles{1, "", {SetQuota("eng", Guarantee(4))}, false}),
              ElementsAre(HasSubstr("PUT_ROLES [eng")));
}

TEST_F(Roles, GuaranteesFitIntoThoseAboveEvenWhenForced) {
  Set(SetQuota("eng", Guarantee(4)), /*force=*/true);
  Set(SetQuota("eng/web", Guarantee(3)), /*force=*/true);

  EXPECT_THAT(Ask({SetQuota("eng/db/main", Guarantee(2))}, /*force=*/true),
              ElementsAre(HasSubstr("role eng is guaranteed 4 and the roles below it 5, which is 1 "
                                    "too much")));
  EXPECT_THAT(Ask({SetQuota("eng", Guarantee(2))}, /*force=*/true),
              ElementsAre(HasSubstr("role eng is guaranteed 2 and the roles below it 3")));
}

TEST_F(Roles, NoGuaranteeIsAboveALimitOverIt) {
  Set(SetQuota("eng", Limit(4)));

  EXPECT_THAT(Ask({SetQuota("eng/web", Guarantee(5))}, /*force=*/true),
              ElementsAre(HasSubstr("role eng is limited to 4, and it or the roles below it are "
                                    "guaranteed 5")));
}

TEST_F(Roles, ResourcesThatNoAgentHasAreRefusedUnlessForced) {
  driver_.Register(2, "key", Resources::Of(4, 4096));
  RoleQuota quota;
  quota.limits.Set(ResourceName("cpu"), Scalar::FromUnits(4));

  EXPECT_THAT(Ask({SetQuota("eng", quota)}),
              ElementsAre(HasSubstr("limits: no agent has a scalar resource 'cpu'")));
  EXPECT_THAT(Set(SetQuota("eng", quota), /*force=*/true), Contains("reply 2: OK"));
}

// ---- Offers and tasks ----

class RolesWithOffers : public Roles {
 protected:
  RolesWithOffers() {
    driver_.ConnectAllocator();
    driver_.Subscribe(1, {.roles = {"eng/web"}});
    driver_.Subscribe(2, {.roles = {"ops"}});
    driver_.Register(3, "key", Resources::Of(8, 8192));
    driver_.CommitWrites();
    driver_.Propose(1, "m-0000", "m-S0", Resources::Of(2, 64), "eng/web");
    driver_.Propose(2, "m-0000", "m-S0", Resources::Of(2, 64), "eng/web");
    driver_.Propose(3, "m-0001", "m-S0", Resources::Of(3, 64), "ops");
  }
};

TEST_F(RolesWithOffers, Row18ALowerLimitTakesBackTheNewestOffersThatBreakIt) {
  const auto lines = Set(SetQuota("eng", Limit(3)));

  EXPECT_THAT(lines, Contains("scheduler 1: RESCIND #2"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("RESCIND #1"))));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("RESCIND #3"))));
}

TEST_F(RolesWithOffers, AGuaranteeTakesBackAsManyOffersOfOthersAsItLacks) {
  // One cpu is free; eng/web has four on offer.
  const auto lines = Set(SetQuota("eng", Guarantee(6)));

  EXPECT_THAT(lines, Contains("scheduler 2: RESCIND #3"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("RESCIND #1"))));
}

TEST_F(RolesWithOffers, AGuaranteeThatIsMetTakesNothingBack) {
  EXPECT_THAT(Set(SetQuota("eng", Guarantee(5))), Not(Contains(HasSubstr("RESCIND"))));
}

TEST_F(RolesWithOffers, ALimitBelowWhatIsUsedIsRefusedByHowMuchUnlessForced) {
  LaunchOperation launch;
  launch.tasks.push_back(ATask("t", "m-S0", Resources::Of(2, 64)));
  driver_.Call(1, "m-0000", Accept{{driver_.Offer(1)}, {std::move(launch)}, absl::Seconds(5)});

  EXPECT_THAT(
      Ask({SetQuota("eng", Limit(1))}),
      ElementsAre(HasSubstr("limits: of cpus, role eng uses 2, 1 more than the limit of 1")));
  const auto forced = Set(SetQuota("eng", Limit(1)), /*force=*/true);
  EXPECT_THAT(forced, Contains("scheduler 1: RESCIND #2"));
  EXPECT_THAT(forced, Contains("reply 2: OK"));  // the task stays
}

TEST(RolesThatAreAllowed, OthersCannotBeSet) {
  MasterOptions options = TestOptions();
  options.roles = {"eng"};
  CoreDriver driver(options);
  driver.Lead();

  const std::vector<RoleChange> both = {SetWeight("eng", 2), SetWeight("ops", 2)};
  EXPECT_THAT(driver.Do(OperatorUpdateRoles{1, "", both, /*force=*/true}),
              ElementsAre("reply 1: INVALID_ARGUMENT: role: 'ops' is not one of --roles"));
  EXPECT_THAT(driver.Do(OperatorUpdateRoles{2, "", {SetWeight("eng", 2)}, false}),
              Contains(HasSubstr("PUT_ROLES [eng")));
}

TEST_F(RolesWithOffers, WhatIsReservedCountsAgainstALimitUsedOrNot) {
  auto reserved = resources::ParseResourcesText("cpus(eng/web):3;cpus:1;mem:64");
  ASSERT_TRUE(reserved.ok()) << reserved.status();
  driver_.Register(8, "reserved", *reserved);
  driver_.CommitWrites();

  EXPECT_THAT(Ask({SetQuota("eng", Limit(2))}),
              ElementsAre(HasSubstr("limits: of cpus, role eng uses 0 and has reserved 3 besides, "
                                    "1 more than the limit of 2")));
  EXPECT_THAT(Set(SetQuota("eng", Limit(3))), Contains(HasSubstr("OK")));
  EXPECT_THAT(Set(SetQuota("ops", Limit(0))), Contains(HasSubstr("OK")));
}

// ---- Fail-over ----

TEST_F(Roles, ANewLeaderKnowsThemAndTellsTheAllocator) {
  auto config = std::make_shared<RoleConfig>();
  config->role = "eng";
  config->quota = Guarantee(2);
  config->weight = 3;
  config->version = 9000000;
  RegistrySnapshot snapshot;
  snapshot.roles.push_back(config);
  CoreDriver driver;
  driver.Lead(4, std::move(snapshot));

  EXPECT_THAT(
      driver.ConnectAllocator(),
      ElementsAre("allocator: HELLO epoch=4", "allocator: SNAPSHOT_BEGIN 1",
                  "allocator: WEIGHT eng 3", "allocator: QUOTA eng guarantees=cpus:2 limits={}",
                  "allocator: SNAPSHOT_END 1"));
  driver.Do(OperatorUpdateRoles{1, "", {SetWeight("ops", 2)}, false});
  driver.CommitWrites();
  EXPECT_GT(driver.books().roles.Get("ops")->version, 9000000u);
}

TEST_F(Roles, AProposalOfBeforeALimitIsJudgedByIt) {
  driver_.ConnectAllocator();
  driver_.Subscribe(1, {.roles = {"eng/web"}});
  driver_.Register(2, "k", Resources::Of(8, 8192));
  const uint64_t before = driver_.books().allocator_version;
  Set(SetQuota("eng", Limit(3)));
  Proposal late{1,     FrameworkId("m-0000"), "eng/web", AgentId("m-S0"), Resources::Of(4, 64), {},
                before};

  EXPECT_THAT(driver_.Do(AllocatorProposals{900, {late}}),
              ElementsAre("allocator: RESULT 1 reject=1"));
  late.resources = Resources::Of(3, 64);
  EXPECT_THAT(
      driver_.Do(AllocatorProposals{900, {late, late}}),
      AllOf(Contains("allocator: RESULT 1 reject=0"), Contains("allocator: RESULT 1 reject=1")));
}

}  // namespace
}  // namespace meros::master::testing

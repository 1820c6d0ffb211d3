// Listings from a view that was fed with published changes.
#include "services/master/view/listings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/view/test_view.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

class Listings : public testing::ViewTest {};

TEST_F(Listings, ATaskIdOfSeveralFrameworksMustBeQualified) {
  AddFramework("f");
  AddFramework("g");
  AddTask("f", "t", 1);
  AddTask("g", "t", 2);
  pb::GetTaskRequest request;
  request.mutable_task_id()->set_value("t");

  EXPECT_TRUE(absl::IsFailedPrecondition(GetTask(view_, request).status()));
  request.mutable_framework_id()->set_value("g");
  EXPECT_EQ(GetTask(view_, request)->task().task().framework_id().value(), "g");
  request.mutable_task_id()->set_value("ghost");
  EXPECT_TRUE(absl::IsNotFound(GetTask(view_, request).status()));
}

TEST_F(Listings, ATaskIsShownAsItWasLaunched) {
  AddFramework("f");
  AddTask("f", "t", 1);
  pb::GetTaskRequest request;
  request.mutable_task_id()->set_value("t");

  const auto response = GetTask(view_, request);

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->task().task().name(), "name-t");
  EXPECT_EQ(response->task().task().labels().labels(0).key(), "label-t");
}

TEST_F(Listings, TheNewestOfARepeatedTaskIdIsMeant) {
  AddFramework("f");
  AddTask("f", "t", 1, v1::TASK_FAILED, /*completed=*/true);
  AddTask("f", "t", 2, v1::TASK_RUNNING);
  pb::GetTaskRequest request;
  request.mutable_task_id()->set_value("t");

  EXPECT_EQ(GetTask(view_, request)->task().task().state(), v1::TASK_RUNNING);
}

TEST_F(Listings, CountsFollowTheTasks) {
  AddAgent("a0");
  AddFramework("f");
  AddTask("f", "t1", 1);
  AddTask("f", "t2", 2);
  AddTask("f", "t2", 2, v1::TASK_FINISHED);
  AddTask("f", "t2", 2, v1::TASK_FINISHED, /*completed=*/true);
  EXPECT_EQ(view_.FindAgent(AgentId("a0"))->tasks_active, 1u);
  EXPECT_EQ(view_.FindFramework(FrameworkId("f"))->tasks_active, 1u);
  EXPECT_EQ(view_.FindFramework(FrameworkId("f"))->tasks_completed, 1u);

  Apply(TaskRemoved{FrameworkId("f"), TaskId("t2"), 2});
  Apply(FrameworkRemoved{FrameworkId("f")});

  EXPECT_EQ(view_.FindAgent(AgentId("a0"))->tasks_active, 0u);
  EXPECT_TRUE(view_.tasks().empty() && view_.roles().empty());
}

TEST_F(Listings, RolesAreSubscribedToOrHoldSomething) {
  AddFramework("f", FrameworkState::kConnected, {"eng", "ops"});
  FrameworkUsage usage{FrameworkId("f"), {}};
  usage.by_role["left"].used = resources::Resources::Of(2, 64).Quantities();
  Apply(usage);

  auto roles = ListRoles(view_, {});

  ASSERT_EQ(roles->roles_size(), 3);
  EXPECT_EQ(roles->roles(1).role(), "left");
  EXPECT_EQ(roles->roles(1).allocated(0).scalar().value(), 2);
  EXPECT_EQ(roles->roles(0).frameworks(0).value(), "f");
}

TEST_F(Listings, RolesHaveASumOverTheirSubRolesAndAncestorsExist) {
  AddAgent("a0");
  AddFramework("f", FrameworkState::kConnected, {"eng/web/a"});
  FrameworkUsage usage{FrameworkId("f"), {}};
  usage.by_role["eng/web/a"].used = resources::Resources::Of(1, 64).Quantities();
  usage.by_role["eng/web/a"].offered = resources::Resources::Of(1, 64).Quantities();
  Apply(usage);
  auto config = std::make_shared<RoleConfig>();
  config->role = "eng";
  config->quota.limits.Set(resources::ResourceName::Cpus(), resources::Scalar::FromUnits(3));
  config->weight = 2;
  config->version = 7;
  Apply(RoleChanged{config});

  const auto roles = ListRoles(view_, {});

  ASSERT_EQ(roles->roles_size(), 3);
  const pb::RoleView& eng = roles->roles(0);
  EXPECT_EQ(eng.role(), "eng");
  EXPECT_EQ(eng.weight(), 2);
  EXPECT_EQ(eng.config().limits().at("cpus").value(), 3);
  EXPECT_EQ(eng.used(0).scalar().value(), 1);
  EXPECT_EQ(eng.consumed(0).scalar().value(), 2);
  EXPECT_TRUE(eng.allocated().empty());
  EXPECT_EQ(eng.share(), 0.5);
  EXPECT_EQ(eng.dominant_resource(), "cpus");
  EXPECT_EQ(roles->roles(2).role(), "eng/web/a");
  EXPECT_EQ(roles->capacity(0).scalar().value(), 4);
  pb::ListRolesRequest request;
  request.set_role("eng/web");
  EXPECT_EQ(ListRoles(view_, request)->roles_size(), 2);
  request.set_role("none");
  EXPECT_TRUE(absl::IsNotFound(ListRoles(view_, request).status()));
}

TEST_F(Listings, QuotasAndWeightsAreThoseThatWereSet) {
  for (const char* name : {"eng", "ops"}) {
    auto config = std::make_shared<RoleConfig>();
    config->role = name;
    config->version = 7;
    if (config->role == "ops") config->weight = 2;
    config->quota.limits.Set(resources::ResourceName::Cpus(), resources::Scalar::FromUnits(3));
    Apply(RoleChanged{config});
  }
  EXPECT_EQ(ListQuotas(view_, {})->configs_size(), 2);
  EXPECT_EQ(ListQuotas(view_, {})->configs(0).version(), 7u);
  ASSERT_EQ(ListWeights(view_, {})->weights_size(), 1);
  EXPECT_EQ(ListWeights(view_, {})->weights(0).role(), "ops");

  auto none = std::make_shared<RoleConfig>();
  none->role = "eng";
  Apply(RoleChanged{none});

  EXPECT_EQ(ListQuotas(view_, {})->configs_size(), 1);
}

TEST_F(Listings, NothingIsLeftAfterLeadershipEnds) {
  AddAgent("a0");
  AddFramework("f");
  AddTask("f", "t", 1);

  Apply(Cleared{});

  EXPECT_TRUE(view_.agents().empty() && view_.frameworks().empty() && view_.tasks().empty());
}

}  // namespace
}  // namespace meros::master

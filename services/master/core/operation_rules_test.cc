// Goal: an operation is refused, in words that name the capability, where the agent or the
// framework lacks what it needs. Method: the rules alone; every row is allowed with all
// capabilities.
#include "services/master/core/operation_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::MetadataRef;
using resources::Resource;
using resources::ResourceName;
using resources::Scalar;
using ::testing::HasSubstr;
using OfAgents = v1::AgentInfo::Capability;

// 100 MiB of disk, reserved for one role after the other.
Resource Reserved(const std::vector<std::string>& roles) {
  resources::Metadata metadata;
  for (const std::string& role : roles) {
    metadata.reservations.push_back({resources::Reservation::Kind::kDynamic, role, "", {}});
  }
  return Resource(ResourceName::Disk(), Scalar::FromUnits(100), MetadataRef(std::move(metadata)));
}

Resource Volume() {
  resources::Metadata metadata = *Reserved({"eng"}).metadata();
  metadata.disk =
      resources::Disk{resources::Persistence{"v", ""}, resources::DiskVolume{"data", false}, {}};
  return Resource(ResourceName::Disk(), Scalar::FromUnits(100), MetadataRef(std::move(metadata)));
}

absl::Status Judge(resources::Operation content, const Agent& agent,
                   const OperationAsker& asker = {}) {
  ResourceOperation operation;
  operation.content = std::move(content);
  return JudgeOperation(operation, asker, agent).status();
}

Agent AnAgent() {
  AgentRecord record;
  record.id = AgentId("a");
  record.capabilities = DescriptionOf("k", resources::Resources::Of(1, 1)).capabilities;
  return Agent(std::move(record));
}

TEST(OperationRules, WhatTheAgentCannotDoIsNotAskedOfIt) {
  const struct {
    OfAgents::Type lacks;
    resources::Operation operation;
  } rows[] = {
      {OfAgents::AGENT_OPERATION_FEEDBACK, resources::Reserve{Reserved({"eng"}), {}}},
      {OfAgents::HIERARCHICAL_ROLE, resources::Reserve{Reserved({"eng/dev"}), {}}},
      {OfAgents::RESERVATION_REFINEMENT, resources::Reserve{Reserved({"eng", "eng/dev"}), {}}},
      {OfAgents::RESIZE_VOLUME, resources::GrowVolume{Volume(), Reserved({"eng"})}},
      {OfAgents::RESIZE_VOLUME, resources::ShrinkVolume{Volume(), Scalar::FromUnits(10)}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(OfAgents::Type_Name(row.lacks));
    EXPECT_TRUE(Judge(row.operation, AnAgent()).ok()) << Judge(row.operation, AnAgent());
    Agent old = AnAgent();
    old.record.capabilities.Remove(row.lacks);

    const absl::Status status = Judge(row.operation, old);

    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(status.message(), HasSubstr("agent a "));
    EXPECT_THAT(status.message(), HasSubstr(OfAgents::Type_Name(row.lacks)));
  }
  Agent old = AnAgent();
  old.record.capabilities.Remove(OfAgents::HIERARCHICAL_ROLE);
  EXPECT_TRUE(Judge(resources::Reserve{Reserved({"eng"}), {}}, old).ok()) << "no sub-role";
}

TEST(OperationRules, OnlyWhoKnowsRefinedReservationsRefines) {
  AFramework description;
  description.roles = {"eng/dev"};
  FrameworkRecord record;
  record.subscription = SubscriptionOf(description);
  const resources::Operation refine = resources::Reserve{Reserved({"eng", "eng/dev"}), {}};
  for (const bool knows : {true, false}) {
    record.subscription.reservation_refinement = knows;
    const Framework framework(record, 10);

    const absl::Status status = Judge(refine, AnAgent(), {&framework, "eng/dev"});

    EXPECT_EQ(status.ok(), knows) << status;
    if (!knows) EXPECT_THAT(status.message(), HasSubstr("capability RESERVATION_REFINEMENT"));
  }
}

}  // namespace
}  // namespace meros::master::testing

// What a master says and what it gets, between messages and model types; and what happens to
// messages that make no sense.
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/resources/parse.h"
#include "libs/wire/resources_proto.h"
#include "meros/allocator/v1/allocator_service.pb.h"
#include "services/allocator/shell/from_wire.h"
#include "services/allocator/shell/to_wire.h"

namespace meros::allocator {
namespace {

using ::testing::HasSubstr;

Resources Text(absl::string_view text) { return *resources::ParseResourcesText(text); }

class FromWireTest : public ::testing::Test {
 protected:
  v1::Delta* AddDelta(uint64_t version = 3) {
    v1::Delta* delta = frame_.add_messages()->mutable_delta();
    delta->set_version(version);
    return delta;
  }
  template <typename T>
  T Only() {
    std::vector<MasterMessage> messages = FromWire(frame_);
    EXPECT_EQ(messages.size(), 1);
    EXPECT_TRUE(std::holds_alternative<T>(messages.at(0))) << messages.at(0).index();
    return std::get<T>(messages.at(0));
  }
  template <typename T>
  T OnlyChange() {
    return std::get<T>(Only<Delta>().change);
  }
  std::string Fault() { return Only<UnreadableDelta>().what; }

  v1::MasterFrame frame_;
};

TEST_F(FromWireTest, ReadsAFramework) {
  v1::FrameworkState* state = AddDelta()->mutable_upsert_framework();
  state->set_framework_id("f1");
  state->add_roles("eng");
  state->add_roles("ads");
  state->add_suppressed_roles("ads");
  state->set_active(true);
  state->add_capabilities()->set_type(meros::v1::FrameworkInfo::Capability::GPU_RESOURCES);
  (*(*state->mutable_min_allocatable())["eng"].add_any_of()->mutable_milli())["cpus"] = 500;

  const FrameworkState read = OnlyChange<UpsertFramework>().framework;

  EXPECT_EQ(read.id.value(), "f1");
  EXPECT_EQ(read.roles, (absl::btree_set<std::string>{"ads", "eng"}));
  EXPECT_EQ(read.suppressed_roles, (absl::btree_set<std::string>{"ads"}));
  EXPECT_TRUE(read.active);
  EXPECT_TRUE(read.capabilities.gpu_resources);
  EXPECT_FALSE(read.capabilities.revocable_resources);
  EXPECT_EQ(read.min_allocatable.at("eng").any_of.at(0).ToString(), "cpus:0.5");
}

TEST_F(FromWireTest, ReadsAnAgentWhoseTraitsFollowItsAttributes) {
  v1::AgentState* state = AddDelta()->mutable_upsert_agent();
  state->set_agent_id("a1");
  state->set_active(true);
  state->mutable_info()->set_hostname("h");
  wire::ResourcesToProto(Text("cpus:4;ports:[1-5]"), state->mutable_total());

  const AgentState plain = OnlyChange<UpsertAgent>().agent;
  auto* rack = state->mutable_info()->add_attributes();
  rack->set_name("rack");
  rack->set_type(meros::v1::Value::TEXT);
  rack->mutable_text()->set_value("r1");
  const AgentState attributed = OnlyChange<UpsertAgent>().agent;

  EXPECT_EQ(plain.total, Text("cpus:4;ports:[1-5]"));
  EXPECT_NE(plain.traits, attributed.traits);
}

TEST_F(FromWireTest, ReadsARecovery) {
  v1::Recovery* recovery = AddDelta()->mutable_recover();
  recovery->mutable_allocation()->set_framework_id("f1");
  recovery->mutable_allocation()->set_role("eng");
  recovery->mutable_allocation()->set_agent_id("a1");
  wire::ResourcesToProto(Text("cpus:1").WithAllocationRole("eng"),
                         recovery->mutable_allocation()->mutable_resources());
  recovery->set_refuse_ms(5000);

  const Recover read = OnlyChange<Recover>();

  EXPECT_EQ(read.resources, Text("cpus:1")) << "without allocation";
  EXPECT_EQ(read.refuse, absl::Seconds(5));
}

TEST_F(FromWireTest, LimitsOfZeroAreLimits) {
  v1::RoleQuota* quota = AddDelta()->mutable_quota();
  quota->set_role("eng");
  (*quota->mutable_limits()->mutable_milli())["cpus"] = 0;
  EXPECT_FALSE(OnlyChange<SetQuota>().quota.limits.empty());
}

TEST_F(FromWireTest, ReadsWhatAFrameworkWantsOfAgents) {
  v1::FrameworkState* state = AddDelta()->mutable_upsert_framework();
  state->set_framework_id("f1");
  state->add_roles("eng");
  auto* constraint = (*state->mutable_offer_constraints()->mutable_role_constraints())["eng"]
                         .add_groups()
                         ->add_attribute_constraints();
  constraint->mutable_selector()->set_pseudoattribute_type(
      meros::v1::scheduler::AttributeConstraint::Selector::HOSTNAME);
  constraint->mutable_predicate()->mutable_text_matches()->set_regex("a.*");
  resources::AgentTraits agent;
  agent.hostname = "abc";

  EXPECT_TRUE(OnlyChange<UpsertFramework>().framework.constraints.at("eng")->IsSatisfiedBy(agent));
  constraint->mutable_predicate()->mutable_text_matches()->set_regex("(");
  EXPECT_FALSE(OnlyChange<UpsertFramework>().framework.constraints.at("eng")->IsSatisfiedBy(agent))
      << "what does not compile matches nothing, and the snapshot goes on";
}

TEST_F(FromWireTest, CompilesWhatAMasterMayAllowBeyondTheDefault) {
  v1::FrameworkState* state = AddDelta()->mutable_upsert_framework();
  state->set_framework_id("f1");
  state->add_roles("eng");
  auto* constraint = (*state->mutable_offer_constraints()->mutable_role_constraints())["eng"]
                         .add_groups()
                         ->add_attribute_constraints();
  constraint->mutable_selector()->set_pseudoattribute_type(
      meros::v1::scheduler::AttributeConstraint::Selector::HOSTNAME);
  constraint->mutable_predicate()->mutable_text_matches()->set_regex("(abc){400}|x");
  resources::AgentTraits agent;
  agent.hostname = "x";

  EXPECT_TRUE(OnlyChange<UpsertFramework>().framework.constraints.at("eng")->IsSatisfiedBy(agent));
}

TEST_F(FromWireTest, ReadsSettingsOfARole) {
  v1::RoleConfig* config = AddDelta()->mutable_role_config();
  config->set_role("eng");
  config->set_priority(5);
  config->set_placement(v1::PLACEMENT_PACK);
  (*config->mutable_offer_max()->mutable_milli())["cpus"] = 4000;
  config->set_max_offers_in_flight(3);
  config->set_offer_split(v1::OFFER_SPLIT_BY_DEMAND);

  const ConfigureRole read = OnlyChange<ConfigureRole>();

  EXPECT_EQ(read.settings.priority, 5);
  EXPECT_EQ(read.settings.placement, Placement::kPack);
  EXPECT_EQ(read.settings.sorter, std::nullopt);
  EXPECT_EQ(read.settings.offer_max.ToString(), "cpus:4");
  EXPECT_EQ(read.settings.max_offers_in_flight, 3u);
  EXPECT_EQ(read.settings.offer_split, OfferSplit::kByDemand);
  config->set_priority(1001);
  EXPECT_THAT(Fault(), HasSubstr("role_config.priority"));
  config->set_priority(0);
  (*config->mutable_offer_max()->mutable_milli())["cpus"] = 0;
  EXPECT_THAT(Fault(), HasSubstr("role_config.offer_max"));
}

TEST_F(FromWireTest, AWhitelistThatIsOffAndOneThatIsEmptyDiffer) {
  v1::Whitelist* whitelist = AddDelta()->mutable_whitelist();
  EXPECT_EQ(OnlyChange<SetWhitelist>().hostnames, std::nullopt);
  whitelist->set_enabled(true);
  EXPECT_TRUE(OnlyChange<SetWhitelist>().hostnames->empty());
}

TEST_F(FromWireTest, NamesTheFieldThatIsWrong) {
  v1::AgentState* state = AddDelta()->mutable_upsert_agent();
  state->set_agent_id("a1");
  auto* resource = state->add_total();
  resource->set_name("cpus");
  resource->set_type(meros::v1::Value::SCALAR);
  resource->mutable_scalar()->set_value(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(Fault(), HasSubstr("messages[0].delta.upsert_agent.total[0]"));

  state->clear_total();
  state->set_agent_id("../etc");
  EXPECT_THAT(Fault(), HasSubstr("messages[0].delta.upsert_agent.agent_id"));
}

TEST_F(FromWireTest, RefusesBadRolesAmountsAndTimes) {
  AddDelta()->mutable_weight()->set_role("a//b");
  EXPECT_THAT(Fault(), HasSubstr("weight.role"));
  frame_.Clear();
  v1::RoleQuota* quota = AddDelta()->mutable_quota();
  quota->set_role("eng");
  (*quota->mutable_guarantees()->mutable_milli())["cpus"] = -1;
  EXPECT_THAT(Fault(), HasSubstr("guarantees"));
  frame_.Clear();
  v1::Recovery* recovery = AddDelta()->mutable_recover();
  recovery->mutable_allocation()->set_framework_id("f");
  recovery->mutable_allocation()->set_role("*");
  recovery->mutable_allocation()->set_agent_id("a");
  recovery->set_refuse_ms(-1);
  EXPECT_THAT(Fault(), HasSubstr("refuse_ms"));
}

TEST_F(FromWireTest, WhatIsNotSetIsNotGuessed) {
  frame_.add_messages();
  EXPECT_THAT(Only<UnknownMessage>().what, HasSubstr("messages[0]"));
  frame_.Clear();
  AddDelta();
  EXPECT_THAT(Fault(), HasSubstr("messages[0].delta"));
}

TEST_F(FromWireTest, ReadsAGangAndNamesWhatIsWrongWithOne) {
  v1::Gang* gang = AddDelta()->mutable_upsert_gang();
  gang->set_framework_id("f1");
  gang->set_gang_id("g");
  gang->set_role("eng");
  gang->set_distinct_agents(true);
  gang->set_remaining_ms(1500);
  EXPECT_THAT(Fault(), HasSubstr("delta.upsert_gang.bundles: is empty"));
  v1::GangBundle* bundle = gang->add_bundles();
  EXPECT_THAT(Fault(), HasSubstr("delta.upsert_gang.bundles[0].amount: is empty"));
  (*bundle->mutable_amount()->mutable_milli())["cpus"] = 500;
  EXPECT_THAT(Fault(), HasSubstr("delta.upsert_gang.bundles[0].count: is 0"));
  bundle->set_count(3);

  const GangState read = OnlyChange<UpsertGang>().gang;

  EXPECT_EQ(read.key.framework.value(), "f1");
  EXPECT_EQ(read.key.id, "g");
  EXPECT_EQ(read.role, "eng");
  EXPECT_TRUE(read.distinct_agents);
  EXPECT_EQ(read.remaining, absl::Milliseconds(1500));
  ASSERT_EQ(read.bundles.size(), 1);
  EXPECT_EQ(read.bundles[0].amount.ToString(), "cpus:0.5");
  EXPECT_EQ(read.bundles[0].count, 3);
}

TEST_F(FromWireTest, AnOfferEndsWithOrWithoutResourcesLeft) {
  v1::Allocation* ended = AddDelta()->mutable_recover()->mutable_allocation();
  ended->set_framework_id("f1");
  ended->set_role("eng");
  ended->set_agent_id("a1");
  ended->set_proposal_id(7);

  EXPECT_EQ(OnlyChange<Recover>().proposal_id, 7);
  EXPECT_TRUE(OnlyChange<Recover>().resources.empty());
}

TEST_F(FromWireTest, AReasonOfALaterVersionIsARejection) {
  v1::ProposalResult* result = frame_.add_messages()->mutable_result();
  result->set_proposal_id(4);
  result->set_reject_reason(static_cast<v1::RejectReason>(77));
  EXPECT_EQ(Only<ProposalResult>().reject_reason, RejectReason::kInvalid);
}

TEST(ToWire, WritesAGangInOneMessage) {
  v1::AllocatorMessage message;
  ToWire(GangProposal{{FrameworkId("f1"), "g"},
                      "eng",
                      9,
                      {{3, AgentId("a1"), Text("cpus:4")}, {4, AgentId("a2"), Text("cpus:2")}}},
         &message);

  const v1::GangProposal& gang = message.gang_proposal();
  EXPECT_EQ(gang.framework_id(), "f1");
  EXPECT_EQ(gang.gang_id(), "g");
  EXPECT_EQ(gang.role(), "eng");
  EXPECT_EQ(gang.based_on_version(), 9);
  ASSERT_EQ(gang.parts_size(), 2);
  EXPECT_EQ(gang.parts(1).proposal_id(), 4);
  EXPECT_EQ(gang.parts(1).agent_id(), "a2");
  EXPECT_EQ(gang.parts(1).resources(0).scalar().value(), 2);
}

TEST(ToWire, WritesAProposalWithoutAllocation) {
  v1::AllocatorMessage message;
  ToWire(Proposal{3, 9, FrameworkId("f1"), "eng", AgentId("a1"), Text("cpus:4")}, &message);
  const v1::Proposal& proposal = message.proposal();
  EXPECT_EQ(proposal.proposal_id(), 3);
  EXPECT_EQ(proposal.based_on_version(), 9);
  EXPECT_EQ(proposal.framework_id(), "f1");
  EXPECT_EQ(proposal.role(), "eng");
  EXPECT_EQ(proposal.agent_id(), "a1");
  ASSERT_EQ(proposal.resources_size(), 1);
  EXPECT_FALSE(proposal.resources(0).has_allocation_info());
  EXPECT_EQ(*wire::ResourcesFromProto(proposal.resources()), Text("cpus:4"));
}

}  // namespace
}  // namespace meros::allocator

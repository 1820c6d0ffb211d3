// The contract about offers and regions: how many offers one may leave unanswered, what a snapshot
// says of open ones, and whose agents are remote. See README.md.
#include <string>

#include "gtest/gtest.h"
#include "tests/conformance/allocator/conformance_fixture.h"

namespace meros::allocator_conformance {
namespace {

proto::Delta OffersInFlight(const std::string& role, uint32_t most) {
  proto::Delta delta;
  delta.mutable_role_config()->set_role(role);
  delta.mutable_role_config()->set_max_offers_in_flight(most);
  return delta;
}

TEST_F(AllocatorConformance, ProposesNoMoreToOneWhoHoldsAllTheOffersItMay) {
  auto master =
      Begin({OffersInFlight("*", 1), Framework("f1"), Agent("a1", kTotal), Agent("a2", kTotal)});
  const auto first = master->WaitProposal();
  ASSERT_TRUE(first.has_value());
  proto::MasterMessage accepted;
  accepted.mutable_result()->set_proposal_id(first->proposal_id());
  master->Send(accepted);
  proto::Delta offered = Allocate("f1", "*", first->agent_id(), Read(*first), first->proposal_id());
  offered.mutable_allocate()->set_offers(1);
  master->Apply(offered);
  EXPECT_FALSE(master->WaitProposal(kQuiet).has_value());

  // Launched with all of it: the offer has ended, what it held is in use.
  proto::Delta answered = Recover("f1", "*", first->agent_id(), {});
  answered.mutable_recover()->mutable_allocation()->set_proposal_id(first->proposal_id());
  answered.mutable_recover()->mutable_allocation()->set_offers(1);
  master->Apply(answered);
  const auto second = master->WaitProposal();
  ASSERT_TRUE(second.has_value());
  EXPECT_NE(second->agent_id(), first->agent_id());
}

TEST_F(AllocatorConformance, CountsTheOffersOfASnapshot) {
  proto::Delta open = Allocate("f1", "*", "a1", Text("cpus:1"));
  open.mutable_allocate()->set_offers(2);
  auto master = Begin({OffersInFlight("*", 2), Framework("f1"), Agent("a1", kTotal), open});
  EXPECT_FALSE(master->WaitProposal(kQuiet).has_value());
  proto::Delta ended = Recover("f1", "*", "a1", Text("cpus:1"));
  ended.mutable_recover()->mutable_allocation()->set_offers(1);
  master->Apply(ended);
  EXPECT_TRUE(master->WaitProposal().has_value());
}

TEST_F(AllocatorConformance, KeepsRemoteAgentsFromThoseWhoKnowNoRegions) {
  TestMaster master(*address_);
  proto::MasterMessage hello;
  hello.mutable_hello()->set_master_id(absl::StrCat("master-", epoch_ + 1));
  hello.mutable_hello()->set_epoch(NextEpoch());
  hello.mutable_hello()->set_region("here");
  master.Send(hello);
  ASSERT_TRUE(master.WaitWelcome().has_value());
  proto::Delta remote = Agent("a1", kTotal);
  auto* domain = remote.mutable_upsert_agent()->mutable_info()->mutable_domain();
  domain->mutable_fault_domain()->mutable_region()->set_name("there");
  domain->mutable_fault_domain()->mutable_zone()->set_name("z");
  master.Snapshot({Framework("f1"), remote}, 10);
  EXPECT_FALSE(master.WaitProposal(kQuiet).has_value());
  proto::Delta aware = Framework("f2");
  aware.mutable_upsert_framework()->add_capabilities()->set_type(
      meros::v1::FrameworkInfo::Capability::REGION_AWARE);
  master.Apply(aware);
  const auto proposal = master.WaitProposal();
  ASSERT_TRUE(proposal.has_value());
  EXPECT_EQ(proposal->framework_id(), "f2");
}

}  // namespace
}  // namespace meros::allocator_conformance

// Explain: each stage names the agents that it rejects, in its order, with what they lack.
#include "services/allocator/core/explain.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/allocator/core/test_harness.h"

namespace meros::allocator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

ExplainQuery Query(const std::string& framework, absl::string_view wanted = "",
                   const std::string& role = "") {
  ExplainQuery query;
  query.framework = FrameworkId(framework);
  query.role = role;
  if (!wanted.empty()) query.wanted = Amounts(wanted);
  return query;
}

size_t Count(const Explanation& explanation, Stage stage) {
  return explanation.stages[static_cast<size_t>(stage)].agents;
}

AgentState AgentOn(const std::string& id, absl::string_view total, const std::string& hostname) {
  AgentState agent = AnAgent(id, total);
  agent.traits.hostname = hostname;
  return agent;
}

TEST(Explain, ARequestLargerThanAnyAgentNamesTheLargest) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}, UpsertAgent{AgentOn("a1", "cpus:16;mem:4096", "h1")},
           UpsertAgent{AgentOn("a2", "cpus:8;mem:4096", "h2")}});
  const Explanation why = *h.Ask(Query("f1", "cpus:64"));
  EXPECT_EQ(why.agents, 2);
  EXPECT_EQ(Count(why, Stage::kTooSmall), 2);
  ASSERT_TRUE(why.nearest.has_value());
  EXPECT_EQ(why.nearest->agent.value(), "a1");
  EXPECT_EQ(why.nearest->hostname, "h1");
  EXPECT_EQ(why.nearest->lacking.ToString(), "cpus:48");
  EXPECT_EQ(why.nearest_stage, Stage::kTooSmall);
  const auto& examples = why.stages[static_cast<size_t>(Stage::kTooSmall)].examples;
  ASSERT_THAT(examples, SizeIs(2));
  EXPECT_EQ(examples[0].agent.value(), "a1") << "nearest first";
}

TEST(Explain, EachStageTakesItsAgents) {
  resources::AgentConstraints on_h;
  on_h.groups.push_back({*resources::AgentConstraint::Make(
      {resources::AgentConstraint::Selector::kHostname, "",
       resources::AgentConstraint::Predicate::kTextMatches, "h.*"})});
  FrameworkState picky = AFramework("f1");
  picky.constraints["*"] = std::make_shared<const resources::AgentConstraints>(on_h);
  picky.suppressed_roles = {"*"};  // so that nothing is offered meanwhile
  AgentState inactive = AgentOn("a1", "cpus:4", "h1");
  inactive.active = false;
  Options options;
  options.min_allocatable.any_of = {Amounts("cpus:1")};
  Harness h(options);
  h.Start({SetWhitelist{{{"h1", "h2", "g", "h4", "h5", "h6"}}}, UpsertFramework{picky},
           UpsertFramework{AFramework("f2", {"b"})}, UpsertAgent{inactive},
           UpsertAgent{AgentOn("a3", "cpus:4", "h3")}, UpsertAgent{AgentOn("a4", "cpus:4", "g")},
           UpsertAgent{AgentOn("a5", "cpus:4;gpus:1", "h4")},
           UpsertAgent{AgentOn("a6", "cpus(b):4;cpus:0.5", "h5")}});
  h.TakeProposals();
  h.Apply(UpsertAgent{AgentOn("a7", "cpus:4", "h6")});
  h.Settle();
  const Explanation why = *h.Ask(Query("f1"));
  EXPECT_EQ(Count(why, Stage::kAgentInactive), 1);
  EXPECT_EQ(Count(why, Stage::kWhitelist), 1);
  EXPECT_EQ(Count(why, Stage::kOfferConstraints), 1);
  EXPECT_EQ(Count(why, Stage::kGpu), 1);
  EXPECT_EQ(Count(why, Stage::kNotFree), 2) << "f2 was offered a6 and a7";
  EXPECT_THAT(why.blocked, ElementsAre(HasSubstr("suppressed")));

  ExplainQuery narrow = Query("f1");
  narrow.constraints = resources::AgentConstraints();
  EXPECT_EQ(Count(*h.Ask(narrow), Stage::kWantedConstraints), 4) << "all that are up and listed";
}

TEST(Explain, RefusalsCarryTheirTime) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}, UpsertAgent{AnAgent("a1", "cpus:4")}});
  const Proposal offer = h.TakeProposal();
  h.Accept(offer);
  h.GiveBack(offer, offer.resources, absl::Seconds(60));
  h.Advance(absl::Seconds(20));
  const Explanation why = *h.Ask(Query("f1"));
  EXPECT_EQ(Count(why, Stage::kRefused), 1);
  EXPECT_EQ(why.filters, 1);
  ASSERT_TRUE(why.nearest.has_value());
  EXPECT_EQ(why.nearest->refused, absl::Seconds(40));
  EXPECT_TRUE(why.nearest->lacking.empty());
}

TEST(Explain, QuotaOfARoleAboveAndGuaranteesOfOthers) {
  Harness h;
  h.Start({SetQuota{"eng", {{}, Limits("cpus:2")}}, SetQuota{"ops", {Amounts("cpus:6"), {}}},
           UpsertFramework{AFramework("f1", {"eng/web"})},
           UpsertFramework{AFramework("f2", {"dev"})}, UpsertAgent{AnAgent("a1", "cpus:8")}});
  for (const Proposal& proposal : h.TakeProposals()) {
    h.Reject(proposal, RejectReason::kInvalid);
  }
  const Explanation limited = *h.Ask(Query("f1", "cpus:3"));
  EXPECT_EQ(Count(limited, Stage::kQuota), 1);
  EXPECT_EQ(limited.nearest->lacking.ToString(), "cpus:1");
  ASSERT_THAT(limited.roles, SizeIs(2));
  EXPECT_EQ(limited.roles[0].role, "eng");
  EXPECT_EQ(limited.roles[0].limit_left.ToString(), "cpus:2");
  EXPECT_EQ(limited.roles[1].role, "eng/web");
  ASSERT_TRUE(limited.headroom.has_value());
  EXPECT_EQ(limited.headroom->ToString(), "cpus:2");
  EXPECT_EQ(limited.guarantees_lacking.ToString(), "cpus:6");

  const Explanation crowded = *h.Ask(Query("f2", "cpus:4"));
  EXPECT_EQ(crowded.nearest->lacking.ToString(), "cpus:2");
}

TEST(Explain, ShareAndPosition) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1", {"a"})}, UpsertFramework{AFramework("f2", {"a"})},
           UpsertFramework{AFramework("f3", {"b"})}, SetWeight{"a", 2},
           UpsertAgent{AnAgent("a1", "cpus:4")}, UpsertAgent{AnAgent("a2", "cpus:4")}});
  std::string holder;
  for (const Proposal& proposal : h.TakeProposals()) {
    if (proposal.role == "a") holder = proposal.framework.value();
    h.Accept(proposal);
  }
  const Explanation why = *h.Ask(Query(holder));
  ASSERT_THAT(why.roles, SizeIs(1));
  EXPECT_EQ(why.roles[0].share, 0.25) << "half of the cluster, with weight 2";
  EXPECT_EQ(why.roles[0].siblings, 2);
  EXPECT_EQ(why.roles[0].position, 0);
  EXPECT_EQ(why.share, 0.5);
  EXPECT_EQ(why.position, 1) << "behind the one that holds nothing";
  EXPECT_EQ(why.competitors, 2);
  EXPECT_EQ(why.version, h.version);
}

TEST(Explain, QuestionsThatCannotBeAnswered) {
  Harness h;
  EXPECT_EQ(h.Ask(Query("f1")).status().code(), absl::StatusCode::kUnavailable);
  h.Start({UpsertFramework{AFramework("f1", {"a", "b"})}});
  EXPECT_EQ(h.Ask(Query("f2")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(h.Ask(Query("f1", "", "c")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(h.Ask(Query("f1")).status().code(), absl::StatusCode::kInvalidArgument);
  const Explanation why = *h.Ask(Query("f1", "cpus:1", "a"));
  EXPECT_EQ(why.agents, 0);
  EXPECT_FALSE(why.nearest.has_value());
}

}  // namespace
}  // namespace meros::allocator

// Every cell of the table of predicates in the specification of offer constraints, and the limits
// of expressions.
#include "libs/resources/agent_constraints.h"

#include <string>

#include "gtest/gtest.h"

namespace meros::resources {
namespace {

using Selector = AgentConstraint::Selector;
using Predicate = AgentConstraint::Predicate;

AgentTraits Agent() {
  AgentTraits agent;
  agent.hostname = "node7";
  agent.zone = "a";
  agent.attributes = *Attributes::Parse("rack:r1;slots:4;rack:r2");
  return agent;
}

bool Holds(AgentConstraint::Source source) {
  return AgentConstraint::Make(std::move(source))->IsSatisfiedBy(Agent());
}
bool Attribute(const char* name, Predicate predicate, const char* text = "") {
  return Holds({Selector::kAttribute, name, predicate, text});
}

TEST(AgentConstraint, AboutTextThatIsThere) {
  EXPECT_TRUE(Attribute("rack", Predicate::kExists));
  EXPECT_FALSE(Attribute("rack", Predicate::kNotExists));
  EXPECT_TRUE(Attribute("rack", Predicate::kTextEquals, "r1"));
  EXPECT_FALSE(Attribute("rack", Predicate::kTextEquals, "r2")) << "the first of that name counts";
  EXPECT_FALSE(Attribute("rack", Predicate::kTextNotEquals, "r1"));
  EXPECT_TRUE(Attribute("rack", Predicate::kTextMatches, "r[0-9]"));
  EXPECT_FALSE(Attribute("rack", Predicate::kTextMatches, "r")) << "the whole text must match";
  EXPECT_FALSE(Attribute("rack", Predicate::kTextNotMatches, "r."));
  EXPECT_TRUE(Attribute("rack", Predicate::kTextNotMatches, "x.*"));
}

TEST(AgentConstraint, AboutWhatIsMissing) {
  EXPECT_FALSE(Attribute("ssd", Predicate::kExists));
  EXPECT_TRUE(Attribute("ssd", Predicate::kNotExists));
  EXPECT_FALSE(Attribute("ssd", Predicate::kTextEquals, ""));
  EXPECT_TRUE(Attribute("ssd", Predicate::kTextNotEquals, ""));
  EXPECT_FALSE(Attribute("ssd", Predicate::kTextMatches, ".*"));
  EXPECT_TRUE(Attribute("ssd", Predicate::kTextNotMatches, ".*"));
}

TEST(AgentConstraint, AboutWhatIsNotText) {
  EXPECT_TRUE(Attribute("slots", Predicate::kExists));
  EXPECT_FALSE(Attribute("slots", Predicate::kNotExists));
  EXPECT_TRUE(Attribute("slots", Predicate::kTextEquals, "x"));
  EXPECT_TRUE(Attribute("slots", Predicate::kTextNotEquals, "4"));
  EXPECT_TRUE(Attribute("slots", Predicate::kTextMatches, "x"));
  EXPECT_TRUE(Attribute("slots", Predicate::kTextNotMatches, ".*"));
}

TEST(AgentConstraint, AboutHostnameRegionAndZone) {
  EXPECT_TRUE(Holds({Selector::kHostname, "", Predicate::kTextMatches, "node[0-9]+"}));
  EXPECT_TRUE(Holds({Selector::kZone, "", Predicate::kTextEquals, "a"}));
  EXPECT_FALSE(Holds({Selector::kRegion, "", Predicate::kExists, ""}));
  EXPECT_TRUE(Holds({Selector::kRegion, "", Predicate::kTextNotEquals, "eu"}));
}

TEST(AgentConstraint, ExpressionsAreBounded) {
  const auto make = [](std::string text) {
    return AgentConstraint::Make({Selector::kHostname, "", Predicate::kTextMatches, text}).status();
  };
  EXPECT_TRUE(make("a.*b").ok());
  EXPECT_EQ(make("(").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(make("(a{100}){100}").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(make(std::string(4000, 'x')).code(), absl::StatusCode::kInvalidArgument);
  const auto limited = AgentConstraint::Make(
      {Selector::kHostname, "", Predicate::kTextNotMatches, "abcdefgh"}, {1 << 20, 5});
  EXPECT_EQ(limited.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(AgentConstraints, AreAnyGroupOfAll) {
  const auto constraint = [](Predicate predicate, const char* attribute) {
    return *AgentConstraint::Make({Selector::kAttribute, attribute, predicate, ""});
  };
  AgentConstraints constraints;
  EXPECT_FALSE(constraints.IsSatisfiedBy(Agent()));
  constraints.groups.push_back(
      {constraint(Predicate::kExists, "rack"), constraint(Predicate::kExists, "ssd")});
  EXPECT_FALSE(constraints.IsSatisfiedBy(Agent()));
  constraints.groups.push_back({constraint(Predicate::kNotExists, "ssd")});
  EXPECT_TRUE(constraints.IsSatisfiedBy(Agent()));
}

}  // namespace
}  // namespace meros::resources

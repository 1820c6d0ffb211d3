// What the real core makes of a saved snapshot: before and after, changes one by one, and that
// equal input gives equal reports.
#include "services/allocator/whatif/what_if.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace meros::allocator {
namespace {

using ::testing::HasSubstr;

constexpr absl::string_view kHeader =
    R"({"header":{"format":"meros-allocation-snapshot","format_version":1,)"
    R"("taken_ms":"1700000000000","epoch":"3"}})";

std::string Framework(absl::string_view id, absl::string_view role, absl::string_view more = "") {
  return absl::StrCat(R"({"delta":{"upsert_framework":{"framework_id":")", id, R"(","roles":[")",
                      role, R"("],"active":true)", more, "}}}");
}
std::string Scalar(absl::string_view name, int value) {
  return absl::StrCat(R"({"name":")", name, R"(","type":"SCALAR","scalar":{"value":)", value, "}}");
}
std::string Agent(absl::string_view id, int cpus) {
  return absl::StrCat(R"({"delta":{"upsert_agent":{"agent_id":")", id,
                      R"(","info":{"hostname":"h"},"total":[)", Scalar("cpus", cpus), ",",
                      Scalar("mem", cpus * 1024), R"(],"active":true}}})");
}
std::string Used(absl::string_view framework, absl::string_view role, absl::string_view agent,
                 int cpus) {
  return absl::StrCat(R"({"delta":{"allocate":{"framework_id":")", framework, R"(","role":")", role,
                      R"(","agent_id":")", agent, R"(","resources":[)", Scalar("cpus", cpus),
                      "]}}}");
}
std::string Offered(absl::string_view framework, absl::string_view role, int cpus) {
  return absl::StrCat(R"({"open_offers":{"framework_id":")", framework, R"(","role":")", role,
                      R"(","resources":[)", Scalar("cpus", cpus), "]}}");
}

std::string Text(std::vector<std::string> objects) {
  objects.insert(objects.begin(), std::string(kHeader));
  objects.push_back(absl::StrCat(R"({"end":{"lines":")", objects.size(), R"("}})"));
  return absl::StrJoin(objects, "\n") + "\n";
}

absl::StatusOr<WhatIf> Load(const std::vector<std::string>& objects) {
  const auto snapshot = ParseSnapshot(Text(objects));
  if (!snapshot.ok()) return snapshot.status();
  return WhatIf::Load(*snapshot, /*seed=*/1);
}

// Two frameworks that want all, each in a role of its own, on an agent of 8 cpus.
std::vector<std::string> TwoRoles() {
  return {Framework("f1", "eng"), Framework("f2", "ops"), Agent("a1", 8)};
}

resources::ResourceQuantities Cpus(int units) {
  resources::ResourceQuantities amounts;
  amounts.Add(resources::ResourceName::Cpus(), resources::Scalar::FromUnits(units));
  return amounts;
}
resources::ResourceLimits CpusLimit(int units) {
  resources::ResourceLimits limits;
  limits.Set(resources::ResourceName::Cpus(), resources::Scalar::FromUnits(units));
  return limits;
}

int64_t CpusOf(const v1::Quantities& amounts) {
  const auto found = amounts.milli().find("cpus");
  return found == amounts.milli().end() ? 0 : found->second / 1000;
}
const v1::WhatIfRole& Role(const v1::WhatIfReport& report, absl::string_view name) {
  for (const auto& role : report.roles()) {
    if (role.role() == name) return role;
  }
  ADD_FAILURE() << "no role " << name;
  return report.roles(0);
}

TEST(WhatIf, DealsOutWhatIsFreeAndOnOffer) {
  auto what_if = Load({Framework("f1", "eng"), Agent("a1", 4), Agent("a2", 4),
                       Used("f1", "eng", "a1", 4), Offered("f1", "eng", 2)});
  ASSERT_TRUE(what_if.ok()) << what_if.status();

  const v1::WhatIfReport report = what_if->Run({});

  EXPECT_TRUE(report.settled());
  EXPECT_EQ(report.snapshot().epoch(), 3u);
  EXPECT_EQ(CpusOf(report.before().total()), 8);
  EXPECT_EQ(CpusOf(report.before().free()), 2);
  EXPECT_EQ(CpusOf(report.after().free()), 0);
  const v1::WhatIfRole& eng = Role(report, "eng");
  EXPECT_EQ(CpusOf(eng.used()), 4);
  EXPECT_EQ(CpusOf(eng.offered()), 2);
  EXPECT_EQ(CpusOf(eng.after()), 8);
  EXPECT_DOUBLE_EQ(eng.share_before(), 0.5);
  EXPECT_DOUBLE_EQ(eng.share_after(), 1);
}

TEST(WhatIf, AddedAgentsAreLikeThoseThatAreThere) {
  auto what_if = Load(TwoRoles());
  ASSERT_TRUE(what_if.ok()) << what_if.status();
  ASSERT_TRUE(what_if->AddAgents(1, {}).ok());

  const v1::WhatIfReport report = what_if->Run({.with_agents = true});

  EXPECT_EQ(report.after().agents(), 2u);
  EXPECT_EQ(CpusOf(Role(report, "eng").after()), 8);
  EXPECT_EQ(CpusOf(Role(report, "ops").after()), 8);
  ASSERT_EQ(report.agents_size(), 2);
  EXPECT_EQ(report.agents(1).agent_id(), "added-1");
  EXPECT_EQ(CpusOf(report.agents(1).total()), 8);
}

TEST(WhatIf, AddedAgentsMayBeOfAnySize) {
  auto what_if = Load({Framework("f1", "eng")});
  ASSERT_TRUE(what_if.ok()) << what_if.status();
  EXPECT_FALSE(what_if->AddAgents(1, {}).ok()) << "like what?";
  ASSERT_TRUE(what_if->AddAgents(3, Cpus(5)).ok());

  const v1::WhatIfReport report = what_if->Run({});

  EXPECT_EQ(CpusOf(Role(report, "eng").after()), 15);
  EXPECT_FALSE(what_if->AddAgents(0, {}).ok());
}

TEST(WhatIf, ARemovedAgentTakesWhatRanOnIt) {
  auto what_if =
      Load({Framework("f1", "eng"), Agent("a1", 4), Agent("a2", 8), Used("f1", "eng", "a2", 8)});
  ASSERT_TRUE(what_if.ok()) << what_if.status();

  const absl::Status unknown = what_if->RemoveAgent("nobody");
  ASSERT_TRUE(what_if->RemoveAgent("a2").ok());
  const v1::WhatIfReport report = what_if->Run({});

  EXPECT_THAT(std::string(unknown.message()), HasSubstr("among the 2 of the snapshot"));
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("a1, a2"));
  EXPECT_EQ(CpusOf(Role(report, "eng").used()), 8);
  EXPECT_EQ(CpusOf(Role(report, "eng").after()), 4);
}

TEST(WhatIf, ALimitHolds) {
  auto what_if = Load({Framework("f1", "eng"), Framework("f2", "ops"), Agent("a1", 2),
                       Agent("a2", 2), Agent("a3", 2), Agent("a4", 2)});
  ASSERT_TRUE(what_if.ok()) << what_if.status();
  ASSERT_TRUE(what_if->SetQuota("eng", std::nullopt, CpusLimit(2)).ok());

  const v1::WhatIfReport report = what_if->Run({});

  EXPECT_EQ(CpusOf(Role(report, "eng").after()), 2);
  EXPECT_EQ(CpusOf(Role(report, "ops").after()), 6);
  EXPECT_EQ(CpusOf(Role(report, "eng").quota().limits()), 2);
}

TEST(WhatIf, WeightsDivide) {
  std::vector<std::string> objects = {Framework("f1", "eng"), Framework("f2", "ops")};
  for (int i = 0; i < 12; ++i) objects.push_back(Agent(absl::StrCat("a", i), 1));
  auto what_if = Load(objects);
  ASSERT_TRUE(what_if.ok()) << what_if.status();
  ASSERT_TRUE(what_if->SetWeight("eng", 2).ok());

  const v1::WhatIfReport report = what_if->Run({});

  EXPECT_EQ(CpusOf(Role(report, "eng").after()), 8);
  EXPECT_EQ(CpusOf(Role(report, "ops").after()), 4);
  EXPECT_EQ(Role(report, "eng").weight(), 2);
}

TEST(WhatIf, AGuaranteeTakesBackFromPreemptibleRoles) {
  auto what_if = Load({R"({"delta":{"role_config":{"role":"batch","preemptible":true}}})",
                       Framework("f1", "eng"), Framework("f2", "batch"), Agent("a1", 8),
                       Used("f2", "batch", "a1", 8)});
  ASSERT_TRUE(what_if.ok()) << what_if.status();
  ASSERT_TRUE(what_if->SetQuota("eng", Cpus(3), std::nullopt).ok());

  const v1::WhatIfReport report = what_if->Run({});

  EXPECT_TRUE(report.settled());
  ASSERT_EQ(report.preemptions_size(), 1);
  EXPECT_EQ(report.preemptions(0).framework_id(), "f2");
  EXPECT_EQ(report.preemptions(0).for_role(), "eng");
  EXPECT_EQ(CpusOf(report.preemptions(0).amount()), 3);
  EXPECT_EQ(CpusOf(Role(report, "eng").after()), 3);
  EXPECT_EQ(CpusOf(Role(report, "batch").after()), 5);
}

TEST(WhatIf, WhoHasSuppressedOffersGetsNothingMore) {
  auto what_if = Load({Framework("f1", "eng", R"(,"suppressed_roles":["eng"])"), Agent("a1", 8)});
  ASSERT_TRUE(what_if.ok()) << what_if.status();

  const v1::WhatIfReport report = what_if->Run({});

  ASSERT_EQ(report.frameworks_size(), 1);
  EXPECT_FALSE(report.frameworks(0).wants_offers());
  EXPECT_EQ(CpusOf(report.frameworks(0).after()), 0);
  EXPECT_EQ(report.offers(), 0u);
}

TEST(WhatIf, SubRolesCountForTheRolesAboveThem) {
  auto what_if =
      Load({Framework("f1", "eng/web"), Framework("f2", "eng/db"), Agent("a1", 4), Agent("a2", 4)});
  ASSERT_TRUE(what_if.ok()) << what_if.status();

  const v1::WhatIfReport report = what_if->Run({});

  EXPECT_EQ(CpusOf(Role(report, "eng").after()), 8);
  EXPECT_EQ(CpusOf(Role(report, "eng/web").after()), 4);
}

TEST(WhatIf, EqualInputGivesEqualReports) {
  std::vector<std::string> objects;
  for (int i = 0; i < 5; ++i) {
    objects.push_back(Framework(absl::StrCat("f", i), absl::StrCat("r", i % 2)));
  }
  for (int i = 0; i < 20; ++i) objects.push_back(Agent(absl::StrCat("a", i), 1 + i % 3));

  const auto first = Load(objects)->Run({.with_agents = true});
  const auto second = Load(objects)->Run({.with_agents = true});

  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(first, second));
}

TEST(WhatIf, ChangesThatMakeNoSenseAreRefused) {
  auto what_if = Load(TwoRoles());
  ASSERT_TRUE(what_if.ok()) << what_if.status();
  EXPECT_FALSE(what_if->SetWeight("eng", 0).ok());
  EXPECT_FALSE(what_if->SetWeight("a//b", 1).ok());
  EXPECT_FALSE(what_if->SetQuota("*", Cpus(1), std::nullopt).ok());
  const absl::Status below = what_if->SetQuota("eng", Cpus(4), CpusLimit(3));
  EXPECT_THAT(std::string(below.message()), HasSubstr("at least the guarantee of 4"));
}

TEST(WhatIf, BooksThatContradictThemselvesAreRefused) {
  const auto unknown = Load({Framework("f1", "eng"), Used("f1", "eng", "a1", 1)});
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("contradicts itself"));
  const auto bad = Load({Framework("f1", "eng"), Agent("../etc", 1)});
  EXPECT_THAT(std::string(bad.status().message()), HasSubstr("line 3: "));
  EXPECT_THAT(std::string(bad.status().message()), HasSubstr("agent_id"));
  const auto role = Load({Offered("f1", "a//b", 1)});
  EXPECT_THAT(std::string(role.status().message()), HasSubstr("line 2: "));
}

TEST(SnapshotFile, IsReadAsItWasWritten) {
  const std::string text = Text(TwoRoles());
  const auto snapshot = ParseSnapshot(text);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();

  std::string again;
  for (const v1::SnapshotLine& line : snapshot->lines) again += PrintLine(line);

  EXPECT_EQ(again, text);
}

TEST(SnapshotFile, SaysWhatIsWrong) {
  const auto fault = [](const std::string& text) {
    return std::string(ParseSnapshot(text).status().message());
  };
  const std::string good = Text(TwoRoles());
  const std::string header(kHeader);

  EXPECT_THAT(fault(""), HasSubstr("is no allocation snapshot"));
  EXPECT_THAT(fault("\x7f"
                    "ELF\n"),
              HasSubstr("is no allocation snapshot"));
  EXPECT_THAT(fault("{}\n"), HasSubstr("is no allocation snapshot"));
  EXPECT_THAT(fault(good.substr(0, good.rfind("{\"end"))), HasSubstr("cut off after line 4"));
  EXPECT_THAT(fault(good.substr(0, good.size() - 10)), HasSubstr("line 5: "));
  EXPECT_THAT(fault(header + "\n{\"delta\":{\"whatever\":1}}\n"), HasSubstr("line 2: "));
  EXPECT_THAT(fault(header + "\n{}\n"), HasSubstr("line 2: says nothing"));
  EXPECT_THAT(fault(header + "\n" + header + "\n"), HasSubstr("line 2: a second header"));
  EXPECT_THAT(fault(good + "{}\n"), HasSubstr("line 6: "));
  EXPECT_THAT(fault(header + "\n{\"end\":{\"lines\":\"7\"}}\n"), HasSubstr("there are 1"));
}

TEST(SnapshotFile, ANewerFormatIsNamedWhateverElseItHolds) {
  const auto newer = ParseSnapshot(
      R"({"header":{"format":"meros-allocation-snapshot","format_version":2,"new":[1],)"
      R"("master_version":"9.9"}})"
      "\n{\"new\":1}\n");
  EXPECT_THAT(std::string(newer.status().message()),
              HasSubstr("has format version 2, of a master of version 9.9"));
}

}  // namespace
}  // namespace meros::allocator

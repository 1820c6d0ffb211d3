// The flags of meros simulate, and its report as people read it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/what_if_flags.h"
#include "cli/what_if_table.h"

namespace meros::cli {
namespace {

using ::testing::HasSubstr;

TEST(WhatIfFlags, AgentsAreCountedAndDescribed) {
  EXPECT_EQ(ParseAddAgents("10")->count, 10u);
  EXPECT_TRUE(ParseAddAgents("10")->each.empty());
  EXPECT_EQ(ParseAddAgents("2:cpus=4,mem=16G")->each.ToString(), "cpus:4;mem:16384");
  for (const char* bad : {"", "x", "0", "-1", "2:", "2:none", "2:cpus", "2:cpus=x", ":cpus=1",
                          "99999999999999999999", "1.5"}) {
    EXPECT_FALSE(ParseAddAgents(bad).ok()) << bad;
  }
}

TEST(WhatIfFlags, QuotaHasOnePartOrBoth) {
  const auto both = ParseSetQuota("eng/web:guarantee=cpus=4,mem=2G:limit=cpus=8");
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_EQ(both->role, "eng/web");
  EXPECT_EQ(both->guarantees->ToString(), "cpus:4;mem:2048");
  EXPECT_EQ(both->limits->ToString(), "cpus:8");
  const auto swapped = ParseSetQuota("eng:limit=cpus=8:guarantee=none");
  ASSERT_TRUE(swapped.ok()) << swapped.status();
  EXPECT_TRUE(swapped->guarantees->empty());
  EXPECT_EQ(swapped->limits->ToString(), "cpus:8");
  EXPECT_EQ(ParseSetQuota("a:b:limit=cpus=0")->role, "a:b");
  EXPECT_EQ(ParseSetQuota("eng:limit=cpus=0")->guarantees, std::nullopt);
  for (const char* bad : {"", "eng", "eng:", "eng:cpus=4", ":limit=cpus=4", "eng:limit=cpus",
                          "eng:guarantee=cpus=-1", "eng:guarantee=cpus=nan"}) {
    EXPECT_FALSE(ParseSetQuota(bad).ok()) << bad;
  }
}

TEST(WhatIfFlags, WeightBelongsToARole) {
  EXPECT_EQ(ParseSetWeight("eng=2.5")->weight, 2.5);
  EXPECT_EQ(ParseSetWeight("eng=2.5")->role, "eng");
  for (const char* bad : {"", "eng", "=2", "eng=", "eng=x"}) {
    EXPECT_FALSE(ParseSetWeight(bad).ok()) << bad;
  }
}

TEST(WhatIfTable, ShowsBeforeAndAfter) {
  allocator::v1::WhatIfReport report;
  report.set_settled(true);
  report.set_cycles(6);
  report.mutable_snapshot()->set_master_address("m:7050");
  allocator::v1::WhatIfRole* role = report.add_roles();
  role->set_role("eng");
  (*role->mutable_used()->mutable_milli())["cpus"] = 1500;
  (*role->mutable_after()->mutable_milli())["mem"] = 2048'000;
  role->set_share_after(0.25);
  report.add_preemptions()->set_for_role("needy");

  const std::string text = WhatIfText(report);

  EXPECT_THAT(text, HasSubstr("master m:7050"));
  EXPECT_THAT(text, HasSubstr("cpus=1.5"));
  EXPECT_THAT(text, HasSubstr("mem=2.0G"));
  EXPECT_THAT(text, HasSubstr("25.0%"));
  EXPECT_THAT(text, HasSubstr("needy"));
  EXPECT_THAT(text, HasSubstr("settled after 6 allocation intervals"));
  report.set_settled(false);
  EXPECT_THAT(WhatIfText(report), HasSubstr("NOT SETTLED"));
}

}  // namespace
}  // namespace meros::cli

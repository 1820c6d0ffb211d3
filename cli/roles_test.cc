// Amounts as people write them, and roles as they are shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/amounts.h"
#include "cli/role_tree.h"

namespace meros::cli {
namespace {

using ::testing::HasSubstr;

TEST(Amounts, AreReadAndWrittenAlike) {
  const auto amounts = ParseAmounts("cpus=1.5,mem=16G,disk=512");
  ASSERT_TRUE(amounts.ok()) << amounts.status();
  EXPECT_EQ(amounts->at("mem"), 16384);
  EXPECT_EQ(AmountsText(*amounts), "cpus=1.5,disk=512M,mem=16.0G");
  EXPECT_TRUE(ParseAmounts("none")->empty());
  EXPECT_TRUE(ParseAmounts("")->empty());
  EXPECT_EQ(AmountsText({}), "-");
}

TEST(Amounts, SayWhichPartIsNotUnderstood) {
  for (const char* bad : {"cpus", "=4", "cpus=", "cpus=x", "cpus=-1", "cpus=nan", "cpus=1e999",
                          "cpus=4G", "cpus=1,,mem=2", "cpus=1,cpus=2"}) {
    EXPECT_FALSE(ParseAmounts(bad).ok()) << bad;
  }
  EXPECT_THAT(std::string(ParseAmounts("cpus=1,mem=x").status().message()), HasSubstr("'x'"));
}

TEST(RoleTable, SubRolesFollowTheirParentIndented) {
  meros::v1::master::ListRolesResponse response;
  for (const char* name : {"eng", "eng-x", "eng/web"}) {
    response.add_roles()->set_role(name);
    response.mutable_roles()->rbegin()->set_weight(1);
  }
  meros::v1::master::RoleView* eng = response.mutable_roles(0);
  eng->set_share(0.25);
  eng->set_dominant_resource("cpus");
  (*eng->mutable_config()->mutable_limits())["cpus"].set_value(4);
  eng->mutable_config()->set_preemptible(true);

  EXPECT_EQ(RoleTable(response),
            "ROLE   WEIGHT  PRIORITY       SHARE       GUARANTEE  LIMIT   USED  OFFERED  CONSUMED  "
            "FRAMEWORKS\n"
            "eng    1       0 preemptible  25.0% cpus  -          cpus=4  -     -        -         "
            "0\n"
            "  web  1       0              0%          -          -       -     -        -         "
            "0\n"
            "eng-x  1       0              0%          -          -       -     -        -         "
            "0\n");
}

}  // namespace
}  // namespace meros::cli

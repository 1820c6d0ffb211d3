// Fault domains as they are configured.
#include "libs/wire/fault_domain.h"

#include <gtest/gtest.h>

#include <string>

namespace meros::wire {
namespace {

TEST(FaultDomain, IsARegionAndAZone) {
  const auto domain = FaultDomainFromText("eu-west/a1");
  ASSERT_TRUE(domain.ok()) << domain.status();
  EXPECT_EQ(domain->fault_domain().region().name(), "eu-west");
  EXPECT_EQ(domain->fault_domain().zone().name(), "a1");
  EXPECT_FALSE(FaultDomainFromText("")->has_fault_domain());
}

TEST(FaultDomain, AnythingElseIsRefused) {
  for (const std::string& text :
       {std::string("eu"), std::string("/a"), std::string("eu/"), std::string("a/b/c"),
        std::string("e u/a"), std::string(256, 'x') + "/a"}) {
    EXPECT_FALSE(FaultDomainFromText(text).ok()) << text;
  }
}

}  // namespace
}  // namespace meros::wire

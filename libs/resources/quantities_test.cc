#include "libs/resources/quantities.h"

#include <gtest/gtest.h>

#include "libs/resources/parse.h"

namespace meros::resources {
namespace {

ResourceQuantities Of(absl::string_view text) { return *ParseQuantities(text); }

TEST(Quantities, AdditionMergesNamesInOrder) {
  ResourceQuantities sum = Of("mem:1;gpus:2;zoo:3");
  sum += Of("cpus:4;mem:5;disk:6;ant:7");
  EXPECT_EQ(sum.ToString(), "cpus:4;mem:6;disk:6;gpus:2;ant:7;zoo:3");
  sum += ResourceQuantities();
  EXPECT_EQ(ResourceQuantities() + sum, sum);
}

TEST(Quantities, SubtractionDropsWhatReachesZero) {
  ResourceQuantities rest = Of("cpus:4;mem:6;disk:6;ant:7;zoo:3");
  rest -= Of("cpus:1;disk:6;gpus:2;ant:9;cat:1");
  EXPECT_EQ(rest.ToString(), "cpus:3;mem:6;zoo:3");
}

TEST(Quantities, MayBeAddedToAndTakenFromThemselves) {
  ResourceQuantities self = Of("cpus:4;zoo:3");
  self += self;
  EXPECT_EQ(self.ToString(), "cpus:8;zoo:6");
  self -= self;
  EXPECT_TRUE(self.empty());
}

}  // namespace
}  // namespace meros::resources

// What operators set of roles: only what a call names, and what is wrong is named.
#include "services/master/shell/role_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meros::master {
namespace {

using ::testing::HasSubstr;

TEST(RoleCalls, SetOnlyWhatTheyNameAndNameTheFieldOfWhatIsWrong) {
  v1::master::UpdateRolesRequest request;
  v1::master::RoleSettings* settings = request.add_settings();
  settings->set_role("eng");
  settings->set_preemptible(true);
  settings->mutable_offer_max();
  settings->set_version(0);

  const auto call = DecodeCall(request);

  ASSERT_TRUE(call.ok()) << call.status();
  const RoleChange& change = call->changes[0];
  EXPECT_TRUE(change.preemptible.value());
  EXPECT_TRUE(change.offer_max.has_value() && change.offer_max->empty());
  EXPECT_EQ(change.version, 0u);
  EXPECT_FALSE(change.priority.has_value() || change.quota.has_value() ||
               change.weight.has_value() || change.placement.has_value());
  EXPECT_FALSE(change.min_allocatable || change.offer_timeout || change.max_offers_in_flight ||
               change.offer_split);
  settings->set_priority(1001);
  EXPECT_THAT(DecodeCall(request).status().message(), HasSubstr("settings[0].priority"));
  v1::master::UpdateWeightsRequest weights;
  weights.add_weights()->set_role("a b");
  EXPECT_THAT(DecodeCall(weights).status().message(), HasSubstr("weights[0].role"));
}

TEST(RoleCalls, SettingsOfOffersAreSetTakenBackAndBounded) {
  v1::master::UpdateRolesRequest request;
  v1::master::RoleSettings* settings = request.add_settings();
  settings->set_role("eng");
  auto* least = settings->mutable_min_allocatable()->mutable_least();
  (*least->add_quantities()->mutable_quantities())["cpus"].set_value(2);
  settings->mutable_offer_timeout()->mutable_timeout()->set_nanoseconds(0);
  settings->set_max_offers_in_flight(4);
  settings->set_offer_split(v1::master::ROLE_OFFER_SPLIT_BY_DEMAND);

  auto call = DecodeCall(request);
  ASSERT_TRUE(call.ok()) << call.status();
  EXPECT_EQ((*call->changes[0].min_allocatable)->at(0).ToString(), "cpus:2");
  EXPECT_EQ(call->changes[0].offer_timeout, std::optional(absl::InfiniteDuration()));
  EXPECT_EQ(call->changes[0].max_offers_in_flight, 4u);
  EXPECT_EQ(call->changes[0].offer_split, RoleOfferSplit::kByDemand);

  settings->mutable_offer_timeout()->clear_timeout();
  settings->mutable_min_allocatable()->clear_least();
  call = DecodeCall(request);
  ASSERT_TRUE(call.ok()) << call.status();
  ASSERT_TRUE(call->changes[0].offer_timeout && call->changes[0].min_allocatable);
  EXPECT_FALSE(call->changes[0].offer_timeout->has_value());
  EXPECT_FALSE(call->changes[0].min_allocatable->has_value());

  settings->mutable_offer_timeout()->mutable_timeout()->set_nanoseconds(5);
  EXPECT_THAT(DecodeCall(request).status().message(),
              HasSubstr("settings[0].offer_timeout.timeout.nanoseconds: must be 0 (never) or"));
  settings->clear_offer_timeout();
  settings->set_max_offers_in_flight(1'000'001);
  EXPECT_THAT(DecodeCall(request).status().message(),
              HasSubstr("settings[0].max_offers_in_flight: must be at most 1000000"));
}

}  // namespace
}  // namespace meros::master

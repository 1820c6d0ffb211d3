// What frameworks of Mesos rely on, as far as reading calls and writing events decides it: rows of
// docs/reference/mesos-checklist.md. Method: calls as messages through the rules and the core.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "services/master/shell/encode_scheduler.h"
#include "services/master/shell/operation_codec.h"
#include "services/master/shell/test_scheduler.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr resources::Reservation::Kind kDynamic = resources::Reservation::Kind::kDynamic;

TEST(MesosChecklistOfMessages, Row6WhatAnAcceptLeavesIsRefusedForAsLongAsItSays) {
  const auto left_after = [](const std::string& filters) {
    Scheduler scheduler;
    return scheduler.Accept(absl::StrCat("operations { type: LAUNCH launch { ",
                                         Task("t", kRunSleep), " } } ", filters));
  };
  const auto is_refused_for = [](const std::string& time) {
    return Contains(
        HasSubstr("RECOVER m-0000 eng m-S0 cpus:3;mem:960;ports:[1-100] refuse=" + time));
  };

  EXPECT_THAT(left_after(""), is_refused_for("5s"));
  EXPECT_THAT(left_after("filters {}"), is_refused_for("5s"));
  EXPECT_THAT(left_after("filters { refuse_seconds: 0 }"), is_refused_for("0"));
  EXPECT_THAT(left_after("filters { refuse_seconds: -1 }"), is_refused_for("5s"));
  EXPECT_THAT(left_after("filters { refuse_seconds: 1e300 }"), is_refused_for("8760h"));
}

// The only offer to a framework of role eng that subscribes with `roles_and_capabilities`: cpus,
// memory and a disk that is reserved for the role.
v1::Offer OfferedTo(const std::string& roles_and_capabilities) {
  v1::scheduler::Call call;
  EXPECT_TRUE(google::protobuf::TextFormat::MergeFromString(
      absl::StrCat("type: SUBSCRIBE subscribe { framework_info { user: 'u' name: 'n' ",
                   roles_and_capabilities, " } }"),
      &call));
  const Resources all =
      Resources::Of(4, 1024) + Parsed("disk:100").PushReservation({kDynamic, "eng", "p", {}});
  CoreDriver driver;
  driver.Lead();
  driver.ConnectAllocator();
  driver.Do(*DecodeCall(std::move(call), {.stream = 1}, "call"));
  driver.CommitWrites();
  driver.Register(2, "k", all);
  driver.Propose(1, "m-0000", "m-S0", all, "eng");

  v1::scheduler::Event event;
  for (const Effect& effect : driver.effects()) {
    if (const auto* told = std::get_if<ToScheduler>(&effect)) EncodeEvent(told->event, {}, &event);
  }
  EXPECT_EQ(event.offers().offers_size(), 1);
  return event.offers().offers(0);
}

const v1::Resource& DiskOf(const v1::Offer& offer) {
  return *std::find_if(offer.resources().begin(), offer.resources().end(),
                       [](const v1::Resource& resource) { return resource.name() == "disk"; });
}

TEST(MesosChecklistOfMessages, Row13WithoutMultiRoleOffersHaveNoAllocationInfo) {
  const v1::Offer of_one = OfferedTo("role: 'eng'");
  EXPECT_FALSE(of_one.has_allocation_info());
  EXPECT_EQ(of_one.resources_size(), 3);
  for (const v1::Resource& resource : of_one.resources()) {
    EXPECT_FALSE(resource.has_allocation_info()) << resource.name();
  }

  const v1::Offer of_many = OfferedTo("roles: 'eng' capabilities { type: MULTI_ROLE }");
  EXPECT_EQ(of_many.allocation_info().role(), "eng");
  EXPECT_EQ(of_many.resources_size(), 3);
  for (const v1::Resource& resource : of_many.resources()) {
    EXPECT_EQ(resource.allocation_info().role(), "eng") << resource.name();
  }
}

TEST(MesosChecklistOfMessages, Row13WithoutReservationRefinementReservationsAreInTheOldFields) {
  const v1::Offer older = OfferedTo("role: 'eng'");
  EXPECT_EQ(DiskOf(older).role(), "eng");
  EXPECT_EQ(DiskOf(older).reservation().principal(), "p");
  for (const v1::Resource& resource : older.resources()) {
    EXPECT_EQ(resource.reservations_size(), 0) << resource.name();
  }
  EXPECT_EQ(older.resources(0).role(), "*") << "what is not reserved says so";

  const v1::Offer newer = OfferedTo("role: 'eng' capabilities { type: RESERVATION_REFINEMENT }");
  ASSERT_EQ(DiskOf(newer).reservations_size(), 1);
  EXPECT_EQ(DiskOf(newer).reservations(0).role(), "eng");
  EXPECT_EQ(DiskOf(newer).reservations(0).principal(), "p");
  for (const v1::Resource& resource : newer.resources()) {
    EXPECT_FALSE(resource.has_role()) << resource.name();
    EXPECT_FALSE(resource.has_reservation()) << resource.name();
  }
}

v1::Resource ReservedDisk(const std::string& more = "") {
  v1::Resource disk;
  EXPECT_TRUE(google::protobuf::TextFormat::MergeFromString(
      absl::StrCat("name: 'disk' type: SCALAR scalar { value: 1 } "
                   "reservations { type: DYNAMIC role: 'eng' principal: 'p' } ",
                   more),
      &disk));
  return disk;
}

TEST(MesosChecklistOfMessages, Row17OperatorsMayNotSayForWhomResourcesAreAllocated) {
  const v1::Resource plain = ReservedDisk();
  const v1::Resource allocated = ReservedDisk("allocation_info { role: 'eng' }");
  const auto fault_of = [](auto request) {
    request.mutable_agent_id()->set_value("a");
    return DecodeCall(request).status();
  };
  const auto is_refused = HasSubstr("allocation_info: must not be set");

  v1::master::ReserveResourcesRequest reserve;
  *reserve.add_resources() = plain;
  EXPECT_TRUE(fault_of(reserve).ok()) << fault_of(reserve);
  *reserve.add_source() = allocated;
  EXPECT_THAT(fault_of(reserve).message(), is_refused);
  reserve.clear_source();
  *reserve.add_resources() = allocated;
  EXPECT_TRUE(absl::IsInvalidArgument(fault_of(reserve)));
  EXPECT_THAT(fault_of(reserve).message(), is_refused);

  v1::master::UnreserveResourcesRequest unreserve;
  *unreserve.add_resources() = plain;
  EXPECT_TRUE(fault_of(unreserve).ok()) << fault_of(unreserve);
  *unreserve.add_resources() = allocated;
  EXPECT_THAT(fault_of(unreserve).message(), is_refused);
}

}  // namespace
}  // namespace meros::master::testing

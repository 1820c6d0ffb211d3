// Maintenance schedules as they are named and changed on the command line.
#include "cli/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/format.h"

namespace meros::cli {
namespace {

using ::testing::HasSubstr;

meros::v1::MachineID Machine(const std::string& text) {
  const auto machine = ParseMachine(text);
  EXPECT_TRUE(machine.ok()) << machine.status();
  return machine.value_or(meros::v1::MachineID());
}

std::string Summary(const meros::v1::maintenance::Schedule& schedule) {
  std::string text;
  for (const auto& window : schedule.windows()) {
    text += "[";
    for (const auto& machine : window.machine_ids()) text += MachineText(machine) + " ";
    text += StartText(window.unavailability()) + " " + LengthText(window.unavailability()) + "]";
  }
  return text;
}

meros::v1::Unavailability At(int64_t seconds) {
  meros::v1::Unavailability unavailability;
  unavailability.mutable_start()->set_nanoseconds(seconds * 1'000'000'000);
  return unavailability;
}

TEST(ParseMachine, TakesHostnamesAddressesAndBoth) {
  EXPECT_EQ(Machine("node-1").hostname(), "node-1");
  EXPECT_FALSE(Machine("node-1").has_ip());
  EXPECT_EQ(Machine("10.0.0.1").ip(), "10.0.0.1");
  EXPECT_FALSE(Machine("10.0.0.1").has_hostname());
  EXPECT_EQ(MachineText(Machine("node-1/10.0.0.1")), "node-1/10.0.0.1");
  EXPECT_EQ(MachineText(Machine("/10.0.0.1")), "10.0.0.1");
  for (const char* bad : {"", "node/", "node/x", "/"}) {
    EXPECT_THAT(ParseMachine(bad).status().message(), HasSubstr("expected HOSTNAME")) << bad;
  }
}

TEST(ParseStart, TakesNowDelaysAndTimes) {
  const absl::Time now = absl::FromUnixSeconds(1000);
  EXPECT_EQ(*ParseStart("now", now), now);
  EXPECT_EQ(*ParseStart("+90m", now), now + absl::Minutes(90));
  EXPECT_EQ(*ParseStart("1970-01-01T01:00:00Z", now), absl::FromUnixSeconds(3600));
  for (const char* bad : {"", "+", "+-5m", "soon", "+inf", "infinite-future", "10:00"}) {
    EXPECT_THAT(ParseStart(bad, now).status().message(), HasSubstr("expected now")) << bad;
  }
  EXPECT_EQ(*ParseLength("1h30m"), absl::Minutes(90));
  EXPECT_FALSE(ParseLength("-1s").ok());
  EXPECT_FALSE(ParseLength("inf").ok());
}

TEST(Schedule, MovesMachinesIntoAWindowOfTheirOwn) {
  meros::v1::maintenance::Schedule schedule;
  Schedule({Machine("a"), Machine("b")}, At(0), &schedule);
  Schedule({Machine("B"), Machine("c")}, At(60), &schedule);
  EXPECT_EQ(Summary(schedule), "[a 1970-01-01T00:00:00Z -][B c 1970-01-01T00:01:00Z -]");

  Unschedule({Machine("a"), Machine("C"), Machine("nobody")}, &schedule);

  EXPECT_EQ(Summary(schedule), "[B 1970-01-01T00:01:00Z -]");
}

TEST(ParseSchedule, ReadsWhatJsonPrints) {
  meros::v1::maintenance::Schedule schedule;
  Schedule({Machine("a/10.0.0.1")}, At(5), &schedule);
  schedule.mutable_windows(0)->mutable_unavailability()->mutable_duration()->set_nanoseconds(1);

  const auto read = ParseSchedule(Json(schedule));

  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), schedule.SerializeAsString());
  EXPECT_THAT(ParseSchedule("{ windows: [ { machines: 1 } ] }").status().message(),
              HasSubstr("machines"));
}

}  // namespace
}  // namespace meros::cli

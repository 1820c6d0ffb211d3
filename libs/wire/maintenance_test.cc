// What operators may ask of maintenance.
#include "libs/wire/maintenance.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace meros::wire {
namespace {

using ::testing::HasSubstr;

v1::maintenance::Schedule Parse(const std::string& text) {
  v1::maintenance::Schedule schedule;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &schedule)) << text;
  return schedule;
}

std::string Fault(const std::string& text) {
  return std::string(ScheduleFromProto(Parse(text), FieldPath("schedule")).status().message());
}

constexpr char kWhen[] = "unavailability { start { nanoseconds: 1000 } }";

TEST(ScheduleFromProto, ReadsMachinesAndTimes) {
  const auto schedule = ScheduleFromProto(
      Parse("windows { machine_ids { hostname: 'Node-1.Example' } machine_ids { ip: '10.0.0.2' } "
            "  unavailability { start { nanoseconds: -5 } duration { nanoseconds: 7 } } } "
            "windows { machine_ids { hostname: 'node-1.example' ip: '10.0.0.2' } "
            "  unavailability { start { nanoseconds: 0 } } }"),
      FieldPath());

  ASSERT_TRUE(schedule.ok()) << schedule.status();
  ASSERT_EQ(schedule->size(), 2u);
  const MaintenanceWindow& first = (*schedule)[0];
  EXPECT_THAT(first.machines,
              ::testing::ElementsAre(Machine{"node-1.example", ""}, Machine{"", "10.0.0.2"}));
  EXPECT_EQ(first.start, absl::UnixEpoch() - absl::Nanoseconds(5));
  EXPECT_EQ(first.duration, absl::Nanoseconds(7));
  EXPECT_EQ((*schedule)[1].duration, absl::InfiniteDuration());
  EXPECT_TRUE(ScheduleFromProto({}, FieldPath())->empty());
}

TEST(ScheduleFromProto, NamesTheFieldOfWhatIsWrong) {
  const struct {
    std::string text, says;
  } cases[] = {
      {absl::StrCat("windows {", kWhen, "}"), "schedule.windows[0].machine_ids: must not be empty"},
      {absl::StrCat("windows { machine_ids {}", kWhen, "}"),
       "schedule.windows[0].machine_ids[0]: must have a hostname or an ip"},
      {absl::StrCat("windows { machine_ids { hostname: 'a b' }", kWhen, "}"),
       "machine_ids[0].hostname: must be a hostname"},
      {absl::StrCat("windows { machine_ids { hostname: '", std::string(254, 'a'), "' }", kWhen,
                    "}"),
       "machine_ids[0].hostname: must be a hostname of at most 253 bytes"},
      {absl::StrCat("windows { machine_ids { ip: '10.0.0' }", kWhen, "}"),
       "machine_ids[0].ip: must be an IPv4 address"},
      {absl::StrCat("windows { machine_ids { ip: '::1' }", kWhen, "}"), "must be an IPv4 address"},
      {"windows { machine_ids { hostname: 'a' } }",
       "schedule.windows[0].unavailability.start.nanoseconds: must be set"},
      {"windows { machine_ids { hostname: 'a' } unavailability { start { nanoseconds: 1 } "
       "duration { nanoseconds: -1 } } }",
       "unavailability.duration.nanoseconds: must not be negative, is -1"},
      {absl::StrCat("windows { machine_ids { hostname: 'a' }", kWhen,
                    "} windows { machine_ids "
                    "{ hostname: 'b' } machine_ids { hostname: 'A' }",
                    kWhen, "}"),
       "schedule.windows[1].machine_ids[1]: the machine is named more than once"},
  };
  for (const auto& c : cases) EXPECT_THAT(Fault(c.text), HasSubstr(c.says)) << c.text;
}

TEST(ScheduleFromProto, IsBoundedInMachinesAndBytes) {
  v1::maintenance::Schedule schedule = Parse(absl::StrCat("windows {", kWhen, "}"));
  const auto add = [&](const std::string& hostname) {
    schedule.mutable_windows(0)->add_machine_ids()->set_hostname(hostname);
  };
  for (int i = 0; i < kMaxScheduledMachines; ++i) add(absl::StrCat("m", i));
  EXPECT_TRUE(ScheduleFromProto(schedule, FieldPath()).ok());
  add("one-more");
  EXPECT_THAT(ScheduleFromProto(schedule, FieldPath("s")).status().message(),
              HasSubstr("s.windows: must have at most 10000 machines together, have 10001"));

  schedule.mutable_windows(0)->clear_machine_ids();
  for (int i = 0; i < 5000; ++i) add(absl::StrCat(std::string(200, 'x'), i));
  EXPECT_THAT(ScheduleFromProto(schedule, FieldPath("s")).status().message(),
              HasSubstr("s: must have at most 900000 bytes"));
}

TEST(MachinesFromProto, WantsOneToAThousandEachOnce) {
  google::protobuf::RepeatedPtrField<v1::MachineID> machines;
  const auto fault = [&] {
    return std::string(MachinesFromProto(machines, FieldPath(), "machines").status().message());
  };
  EXPECT_THAT(fault(), HasSubstr("machines: must not be empty"));
  for (int i = 0; i < kMaxMachinesPerCall; ++i) {
    machines.Add()->set_hostname(absl::StrCat("m", i));
  }
  EXPECT_EQ(fault(), "");
  machines.Add()->set_hostname("m7");
  EXPECT_THAT(fault(), HasSubstr("machines: must have at most 1000 items, has 1001"));
  machines.RemoveLast();
  machines.RemoveLast();
  machines.Add()->set_hostname("M7");
  EXPECT_THAT(fault(), HasSubstr("machines[999]: the machine is named more than once"));
}

}  // namespace
}  // namespace meros::wire

// Goal: paths name the place of a fault, required fields and UTF-8 are enforced at any depth, and
// durations are read by their rules.
#include "libs/wire/structure.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include <google/protobuf/text_format.h>

#include "libs/wire/durations.h"
#include "meros/v1/scheduler/scheduler.pb.h"
#include "meros/v1/task.pb.h"

namespace meros::wire {
namespace {

template <typename M>
M Parse(const std::string& text) {
  M message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

TEST(FieldPath, WritesStepsAsPeopleDo) {
  const FieldPath root;
  const FieldPath call = root.Item("calls", 2);
  const FieldPath accept = call.Field("accept");

  EXPECT_EQ(accept.Item("operations", 0).Field("launch").ToString(),
            "calls[2].accept.operations[0].launch");
  EXPECT_EQ(FieldPath("task").Entry("limits", "cp\"us").ToString(), "task.limits[\"cp\\\"us\"]");
  EXPECT_EQ(accept.Fault("is ", 3).message(), "calls[2].accept: is 3");
  EXPECT_EQ(root.Fault("is wrong").message(), "is wrong");
  EXPECT_TRUE(accept.Annotate(absl::OkStatus()).ok());
}

TEST(CheckStructure, NamesTheFirstMissingField) {
  const struct {
    const char* call;
    const char* expected;
  } kCases[] = {
      {"type: TEARDOWN", ""},
      {"kill {}", "calls[2].kill.task_id: must be set"},
      {"kill { task_id {} }", "calls[2].kill.task_id.value: must be set"},
      {"kill { task_id { value: 't' } }", ""},
      {"accept { offer_ids { value: 'a' } offer_ids {} }",
       "calls[2].accept.offer_ids[1].value: must be set"},
      {"accept { operations { launch { task_infos { name: 't' task_id { value: 't' } "
       "agent_id { value: 'a' } resources { name: 'cpus' type: SCALAR scalar {} } } } } }",
       "calls[2].accept.operations[0].launch.task_infos[0].resources[0].scalar.value: must be set"},
      {"accept { operations { launch { task_infos { name: 't' task_id { value: 't' } "
       "agent_id { value: 'a' } limits { key: 'cpus' value {} } } } } }",
       "calls[2].accept.operations[0].launch.task_infos[0].limits[0].value.value: must be set"},
  };
  const FieldPath root;
  for (const auto& c : kCases) {
    const auto call = Parse<v1::scheduler::Call>(c.call);
    EXPECT_EQ(CheckStructure(call, root.Item("calls", 2)).message(), c.expected) << c.call;
  }
}

TEST(CheckStructure, RefusesTextThatIsNotUtf8) {
  v1::TaskInfo task = Parse<v1::TaskInfo>(
      "name: 'ok' task_id { value: 'a' } agent_id { value: 'b' } command { arguments: 'x' }");
  EXPECT_TRUE(CheckStructure(task, FieldPath("task")).ok());

  task.mutable_command()->add_arguments("\xff");
  EXPECT_EQ(CheckStructure(task, FieldPath("task")).message(),
            "task.command.arguments[1]: must be UTF-8");

  task.clear_command();
  task.set_data("\xff\xfe");
  EXPECT_TRUE(CheckStructure(task, FieldPath("task")).ok()) << "bytes may be anything";
}

TEST(CheckStructure, ShortcutsAcceptNothingThatTheWalkRefuses) {
  const auto check = [](const std::string& text) {
    return std::string(CheckStructure(Parse<v1::Resource>(text), FieldPath("resource")).message());
  };
  const std::string good = "name: 'cpus' type: SCALAR ";
  EXPECT_EQ(check(good + "scalar { value: 1 }"), "");
  EXPECT_EQ(check(good + "ranges { range { begin: 1 end: 2 } } allocation_info { role: 'a' }"), "");
  EXPECT_EQ(check("type: SCALAR"), "resource.name: must be set");
  EXPECT_EQ(check("name: 'cpus'"), "resource.type: must be set");
  EXPECT_EQ(check("name: '\\377' type: SCALAR"), "resource.name: must be UTF-8");
  EXPECT_EQ(check(good + "role: '\\377'"), "resource.role: must be UTF-8");
  EXPECT_EQ(check(good + "scalar {}"), "resource.scalar.value: must be set");
  EXPECT_EQ(check(good + "ranges { range { begin: 1 } }"),
            "resource.ranges.range[0].end: must be set");
  EXPECT_EQ(check(good + "set { item: '\\377' }"), "resource.set.item[0]: must be UTF-8");
  EXPECT_EQ(check(good + "allocation_info { role: '\\377' }"),
            "resource.allocation_info.role: must be UTF-8");
  EXPECT_EQ(check(good + "provider_id {}"), "resource.provider_id.value: must be set");
  EXPECT_EQ(check(good + "disk { persistence {} }"), "resource.disk.persistence.id: must be set");
  EXPECT_EQ(check(good + "reservations { labels { labels {} } }"),
            "resource.reservations[0].labels.labels[0].key: must be set");
  EXPECT_EQ(check(good + "reservation { principal: '\\377' }"),
            "resource.reservation.principal: must be UTF-8");
}

TEST(CheckStructure, FollowsTypesThatContainThemselves) {
  v1::ContainerID id;
  v1::ContainerID* inner = &id;
  for (int i = 0; i < 50; ++i) {
    inner->set_value("c");
    inner = inner->mutable_parent();
  }
  EXPECT_FALSE(CheckStructure(id, FieldPath()).ok());
  inner->set_value("root");
  EXPECT_TRUE(CheckStructure(id, FieldPath()).ok());
}

TEST(IsUtf8, FollowsTheStandard) {
  for (const char* good : {"", "abc", "abcdefghijklmnop", "\xc3\xa9", "\xe2\x82\xac",
                           "\xf0\x9f\x98\x80", "12345678\xc3\xa9", "\xed\x9f\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "12345678\xff", "\xe2\x82"}) {
    EXPECT_FALSE(IsUtf8(bad)) << bad;
  }
}

TEST(Durations, MustNotBeNegative) {
  v1::DurationInfo message;
  message.set_nanoseconds(1'500'000'000);
  EXPECT_EQ(*DurationFromProto(message, FieldPath()), absl::Milliseconds(1500));
  message.set_nanoseconds(-1);
  EXPECT_EQ(DurationFromProto(message, FieldPath("grace")).status().message(),
            "grace.nanoseconds: must be >= 0, got -1");
}

TEST(Durations, SecondsMustFitTheClock) {
  EXPECT_EQ(*DurationFromSeconds(2.5, FieldPath()), absl::Milliseconds(2500));
  EXPECT_TRUE(DurationFromSeconds(9.2e9, FieldPath()).ok());
  for (const double bad : std::vector<double>{NAN, INFINITY, -INFINITY, 1e300, 9.3e9}) {
    EXPECT_FALSE(DurationFromSeconds(bad, FieldPath()).ok()) << bad;
  }
}

TEST(Durations, Row6RefusalsAreBoundedAndNeverFail) {
  const auto refuse = [](double seconds) {
    v1::Filters filters;
    filters.set_refuse_seconds(seconds);
    return RefuseTimeout(filters);
  };
  EXPECT_EQ(RefuseTimeout(v1::Filters()), absl::Seconds(5));
  EXPECT_EQ(refuse(0), absl::ZeroDuration());
  EXPECT_EQ(refuse(0.5), absl::Milliseconds(500));
  EXPECT_EQ(refuse(-1), absl::Seconds(5));
  EXPECT_EQ(refuse(NAN), absl::Seconds(5));
  EXPECT_EQ(refuse(-INFINITY), absl::Seconds(5));
  EXPECT_EQ(refuse(1e300), absl::Hours(24 * 365));
  EXPECT_EQ(refuse(INFINITY), absl::Hours(24 * 365));
  EXPECT_EQ(refuse(31'536'000), absl::Hours(24 * 365));
}

}  // namespace
}  // namespace meros::wire

// Goal: messages become resources and back without loss, in the format the reader can read, and
// every wrong resource is refused at its place. Method: text-format literals; JSON (tested on its
// own) as a second opinion about what a message means.
#include "libs/wire/resources_proto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <google/protobuf/text_format.h>

#include "libs/resources/parse.h"
#include "meros/v1/task.pb.h"

namespace meros::wire {
namespace {

using resources::ParseResources;
using resources::Resources;
using ::testing::HasSubstr;

// The resources field of a task, from its text.
v1::TaskInfo Task(const std::string& text) {
  v1::TaskInfo task;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &task)) << text;
  return task;
}

absl::StatusOr<Resources> Read(const std::string& text) {
  return ResourcesFromProto(Task(text).resources(), FieldPath());
}

Resources Json(const std::string& json) {
  const auto parsed = ParseResources(json);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return *parsed;
}

constexpr char kCpus[] = "name: 'cpus' type: SCALAR scalar { value: 4 }";

std::string CpusWith(const std::string& more) {
  return absl::StrCat("resources { ", kCpus, " ", more, " }");
}

constexpr char kEverything[] = R"([
  {"name":"cpus","type":"SCALAR","scalar":{"value":4.125}},
  {"name":"cpus","type":"SCALAR","scalar":{"value":1},"revocable":{}},
  {"name":"mem","type":"SCALAR","scalar":{"value":512},"allocation_info":{"role":"eng"},
   "reservations":[{"type":"STATIC","role":"eng"},
                   {"type":"DYNAMIC","role":"eng/web","principal":"p",
                    "labels":{"labels":[{"key":"k"},{"key":"l","value":"v"}]}}]},
  {"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":5},{"begin":9,"end":9}]}},
  {"name":"zones","type":"SET","set":{"item":["a","b"]}},
  {"name":"disk","type":"SCALAR","scalar":{"value":64},"provider_id":{"value":"rp"},
   "disk":{"source":{"type":"RAW","id":"x","vendor":"v","profile":"fast",
                     "metadata":{"labels":[{"key":"k","value":"v"}]}}}},
  {"name":"disk","type":"SCALAR","scalar":{"value":64},"role":"eng","reservation":{},"shared":{},
   "disk":{"persistence":{"id":"v1","principal":"p"},
           "volume":{"container_path":"data","mode":"RO"},
           "source":{"type":"PATH","path":{"root":"/srv"}}}}])";

TEST(ResourcesProto, RoundTripKeepsEverything) {
  Resources all = Json(kEverything);
  all += all.Shared();
  v1::TaskInfo task;

  EXPECT_EQ(ResourcesToProto(all, task.mutable_resources()), 0u);

  EXPECT_EQ(task.resources_size(), 8) << "the shared volume is written once for each share";
  const auto read = ResourcesFromProto(task.resources());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, all);
  EXPECT_EQ(PrintResourcesJson(*read), PrintResourcesJson(all)) << "mount points too";
}

TEST(ResourcesProto, ReadsBothFormatsOfReservations) {
  const auto older = Read(CpusWith("role: 'eng' reservation { principal: 'p' }"));
  const auto newer = Read(CpusWith("reservations { type: DYNAMIC role: 'eng' principal: 'p' }"));
  const auto both =
      Read(CpusWith("role: 'eng' reservation { principal: 'p' } "
                    "reservations { type: DYNAMIC role: 'eng' principal: 'p' }"));

  ASSERT_TRUE(older.ok()) << older.status();
  EXPECT_EQ(*older, *newer);
  EXPECT_EQ(*older, *both);
}

TEST(ResourcesProto, WritesTheOlderFormatForThoseWhoCannotReadTheNewer) {
  const Resources all = Json(kEverything);
  v1::TaskInfo task;

  EXPECT_EQ(
      ResourcesToProto(all, task.mutable_resources(), {.refinement = false, .allocation = false}),
      1u)
      << "refined memory cannot be written";

  for (const v1::Resource& resource : task.resources()) {
    EXPECT_EQ(resource.reservations_size(), 0);
    EXPECT_FALSE(resource.has_allocation_info());
    EXPECT_NE(resource.name(), "mem");
  }
  EXPECT_EQ(*ResourcesFromProto(task.resources()), all - all.Named(resources::ResourceName::Mem()));
}

TEST(ResourcesProto, MergesEntriesOfOneKind) {
  const auto read = Read(CpusWith("") + CpusWith(""));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, Resources::Of(8, 0));
}

TEST(ResourcesProto, RefusesWrongResourcesAtTheirPlace) {
  const struct {
    std::string text;
    const char* expected;
  } kCases[] = {
      {"resources { name: 'cpus' type: SCALAR scalar { value: nan } }",
       "resources[0].scalar.value: must be finite and >= 0, got nan"},
      {CpusWith("") + "resources { name: 'mem' type: SCALAR scalar { value: -1 } }",
       "resources[1].scalar.value: must be finite and >= 0, got -1"},
      {"resources { name: 'cpus' type: SCALAR scalar { value: inf } }", "must be finite"},
      {"resources { name: 'cpus' type: SCALAR scalar { value: 1e300 } }", "must be at most"},
      {"resources { name: 'cpus' type: SCALAR scalar { value: 1e-310 } }", "subnormal"},
      {"resources { name: 'cpus' type: SCALAR }", "exactly one of scalar, ranges and set"},
      {"resources { name: 'cpus' type: SCALAR scalar { value: 1 } set { item: 'a' } }",
       "exactly one of scalar, ranges and set"},
      {"resources { name: 'cpus' type: RANGES scalar { value: 1 } }",
       "resources[0].type: is RANGES, which the value is not"},
      {"resources { name: 'cpus' type: TEXT scalar { value: 1 } }", "is TEXT"},
      {"resources { type: SCALAR scalar { value: 1 } }", "resources[0]: resource name is empty"},
      {"resources { name: 'gpus' type: SCALAR scalar { value: 0.5 } }", "must be a whole number"},
      {"resources { name: 'ports' type: RANGES ranges { range { begin: 5 end: 1 } } }",
       "resources[0].ranges: range begins after its end: 5-1"},
      {"resources { name: 'ports' type: RANGES ranges { range { begin: 1 end: 5 } "
       "range { begin: 5 end: 6 } } }",
       "resources[0].ranges: ranges overlap"},
      {"resources { name: 'ports' type: RANGES ranges { range { begin: 1 end: 5 } } }"
       "resources { name: 'ports' type: RANGES role: 'eng' ranges { range { begin: 5 end: 6 } } }",
       "resources[1]: 'ports' overlaps another entry: [5-6]"},
      {"resources { name: 'z' type: SET set { item: 'a' item: 'a' } }",
       "resources[0].set: set item is repeated: 'a'"},
      {CpusWith("reservation {}"), "resources[0]: role '*' cannot hold a reservation"},
      {CpusWith("role: 'a b'"), "white space"},
      {CpusWith("role: 'eng' reservation { role: 'eng' }"), "must not have type or role"},
      {CpusWith("reservations { role: 'eng' }"),
       "resources[0].reservations[0].type: must be STATIC or DYNAMIC"},
      {CpusWith("reservations { type: STATIC }"), "resources[0].reservations[0].role: must be set"},
      {CpusWith("reservations { type: STATIC role: '*' }"), "role '*' cannot hold"},
      {CpusWith("role: 'a' reservations { type: STATIC role: 'b' }"), "contradict"},
      {CpusWith("reservations { type: STATIC role: 'a' } reservations { type: DYNAMIC role: 'b' }"),
       "not its ancestor"},
      {CpusWith("allocation_info {}"), "resources[0].allocation_info.role: must be set"},
      {CpusWith("shared {}"), "only persistent volumes may be shared"},
      {CpusWith("disk { persistence { id: 'v' } }"), "only 'disk' may carry"},
      {"resources { name: 'disk' type: SCALAR scalar { value: 1 } disk { persistence { id: '..' } "
       "} }",
       "persistence id"},
      {"resources { name: 'disk' type: SCALAR scalar { value: 1 } disk { persistence { id: 'v' } "
       "volume { container_path: 'd' mode: RW host_path: '/' } } }",
       "resources[0].disk.volume.host_path: must not be set"},
      {"resources { name: 'disk' type: SCALAR scalar { value: 1 } disk { source { type: UNKNOWN } "
       "} }",
       "resources[0].disk.source.type: must be PATH"},
      {"resources { name: 'disk' type: SCALAR scalar { value: 1 } "
       "disk { source { type: PATH mount { root: '/' } } } }",
       "does not match its type PATH"},
  };
  for (const auto& c : kCases) {
    const auto read = Read(c.text);
    ASSERT_FALSE(read.ok()) << c.text;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(c.expected)) << c.text;
  }
}

TEST(ResourcesProto, ListsAreBounded) {
  v1::TaskInfo task;
  for (int i = 0; i < 4097; ++i) task.add_resources();
  EXPECT_THAT(std::string(ResourcesFromProto(task.resources()).status().message()),
              HasSubstr("resources: has 4097 entries, at most 4096"));
}

TEST(QuantitiesProto, RoundTripAndFaults) {
  QuantityMap map;
  map["mem"].set_value(32);
  map["cpus"].set_value(0.01);
  const auto quantities = QuantitiesFromProto(map, FieldPath(), "quantities");
  ASSERT_TRUE(quantities.ok()) << quantities.status();
  EXPECT_EQ(quantities->ToString(), "cpus:0.01;mem:32");
  QuantityMap written;
  QuantitiesToProto(*quantities, &written);
  EXPECT_EQ(written.size(), 2u);
  EXPECT_EQ(written["cpus"].value(), 0.01);

  map["mem"].set_value(-1);
  EXPECT_EQ(QuantitiesFromProto(map, FieldPath(), "quantities").status().message(),
            "quantities[\"mem\"].value: must be finite and >= 0, got -1");
}

TEST(AttributesProto, RoundTripAndFaults) {
  const auto attributes = *resources::Attributes::Parse("rack:r1;ssd:1;ports:[1-5];rack:r2");
  AttributeList list;
  AttributesToProto(attributes, &list);
  const auto read = AttributesFromProto(list, FieldPath());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ToString(), attributes.ToString());

  list[1].set_type(v1::Value::SET);
  EXPECT_EQ(AttributesFromProto(list, FieldPath()).status().message(),
            "attributes[1]: must be SCALAR, RANGES or TEXT and have that value");
}

}  // namespace
}  // namespace meros::wire

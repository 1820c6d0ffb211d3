// Goal: what people write is read as they mean it, and every wrong input is refused with the part
// that is wrong. Method: tables of good and bad input for text, JSON, quantities and attributes.
#include "libs/resources/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/resources/attributes.h"

namespace meros::resources {
namespace {

using ::testing::HasSubstr;

struct Bad {
  std::string input;
  std::string expected;  // A part of the message.
};

TEST(ParseText, ReadsEveryKindOfValue) {
  const auto parsed = ParseResources(
      " cpus:4; mem:4096.5;ports:[31000-32000, 80 - 90];"
      "zones:{b, a};cpus(eng/web):2;cpus:0.5;");

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->DebugString(),
            "cpus:4.5;cpus(eng/web):2;mem:4096.5;ports:[80-90, 31000-32000];zones:{a, b}");
}

TEST(ParseText, NothingIsNoResources) {
  EXPECT_EQ(*ParseResources(""), Resources());
  EXPECT_EQ(*ParseResources(" ; ;"), Resources());
  EXPECT_EQ(*ParseResources("cpus:0;ports:[];zones:{}"), Resources());
}

TEST(ParseText, DefaultRoleReservesWhatNamesNone) {
  const auto parsed = ParseResources("cpus:4;mem(*):1", "eng");

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->Reserved("eng").Cpus(), Scalar::FromUnits(4));
  EXPECT_EQ(parsed->Unreserved().Mem(), Scalar::FromUnits(1));
}

TEST(ParseText, RefusesWrongInput) {
  const Bad kBad[] = {
      {"cpus", "'cpus': must be name:value"},
      {"cpus:1:2", "must be name:value"},
      {"cpus:4;mem:abc", "'mem:abc': value must be a number"},
      {"cpus:-1", "'cpus:-1': must be finite and >= 0, got -1"},
      {"cpus:nan", "value must be a number"},
      {"cpus:inf", "value must be a number"},
      {"cpus:0x10", "value must be a number"},
      {"cpus:1e300", "must be at most"},
      {"cpus:1e-310", "subnormal"},
      {"cpus:0.0001", "at least 0.001"},
      {"cpus:", "value must be a number"},
      {":4", "name is empty"},
      {"gpus:1.5", "whole number"},
      {"ports:[1-5", "brackets are not balanced"},
      {"ports:[1-5]]", "brackets are not balanced"},
      {"ports:[80]", "range must be begin-end"},
      {"ports:[5-1]", "begins after its end: 5-1"},
      {"ports:[1--5]", "range must be begin-end"},
      {"ports:[1-18446744073709551616]", "range must be begin-end"},
      {"zones:{a,b", "brackets are not balanced"},
      {"zones:{a,a}", "set item is repeated: 'a'"},
      {"cpus(eng:4", "brackets are not balanced"},
      {"cpus(eng)x:4", "brackets are not balanced"},
      {"cpus():4", "role name is empty"},
      {"cpus(a//b):4", "empty component"},
      {"cpus(-a):4", "starts with '-'"},
      {std::string(kMaxInputBytes + 1, 'x'), "at most"},
      {"cpus:4503599627370;cpus:4503599627370", "the sum of 'cpus' exceeds"},
  };
  for (const Bad& bad : kBad) {
    const auto parsed = ParseResources(bad.input);
    ASSERT_FALSE(parsed.ok()) << bad.input.substr(0, 100);
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(bad.expected));
    EXPECT_LT(parsed.status().message().size(), 400u);
  }
}

TEST(PrintText, SaysWhatItCannotExpress) {
  Metadata revocable;
  revocable.revocable = true;
  const Resource resource(ResourceName::Cpus(), Scalar::FromUnits(1), MetadataRef(revocable));

  const auto text = PrintResourcesText(resource);

  EXPECT_EQ(text.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(text.status().message()), HasSubstr("cpus(revocable):1"));
}

TEST(ParseJson, ReadsBothFormatsOfReservations) {
  const auto older = ParseResources(
      R"([{"name":"cpus","type":"SCALAR","scalar":{"value":4},"role":"eng",
           "reservation":{"principal":"p","labels":{"labels":[{"key":"k","value":"v"}]}}}])");
  const auto newer = ParseResources(
      R"([{"name":"cpus","type":"SCALAR","scalar":{"value":4},
           "reservations":[{"type":"DYNAMIC","role":"eng","principal":"p",
                            "labels":{"labels":[{"key":"k","value":"v"}]}}]}])");

  ASSERT_TRUE(older.ok()) << older.status();
  ASSERT_TRUE(newer.ok()) << newer.status();
  EXPECT_EQ(*older, *newer);
}

TEST(ParseJson, ReadsDisks) {
  const auto parsed = ParseResources(
      R"([{"name":"disk","type":"SCALAR","scalar":{"value":64},"role":"eng","reservation":{},
           "disk":{"persistence":{"id":"v1"},"volume":{"container_path":"data","mode":"RW"},
                   "source":{"type":"PATH","path":{"root":"/srv"}}},"shared":{}}])");

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->DebugString(),
            "disk(eng dynamic; path /srv; volume v1; at data; shared x1):64");
}

TEST(ParseJson, ReadsWholeNumbersAsProtobufWritesThem) {
  const auto parsed = ParseResources(
      R"([{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":"1","end":5}]}}])");

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->Ports(), (Ranges{{1, 5}}));
}

TEST(ParseJson, RefusesWrongInput) {
  const auto cpus = [](const std::string& more) {
    return R"([{"name":"cpus","type":"SCALAR","scalar":{"value":4})" + more + "}]";
  };
  const Bad kBad[] = {
      {"[", "not valid JSON"},
      {"{}", "resources: must be an array"},
      {"[1]", "resources[0]: must be an object"},
      {R"([{"type":"SCALAR"}])", "resources[0].name: must be a string"},
      {R"([{"name":"cpus"}])", "resources[0].type: must be a string"},
      {R"([{"name":"cpus","type":"SCALAR"}])", "exactly one of scalar, ranges and set"},
      {R"([{"name":"cpus","type":"TEXT","scalar":{"value":1}}])", "must be SCALAR, RANGES or SET"},
      {R"([{"name":"cpus","type":"SET","scalar":{"value":1}}])", "resources[0].set: must be an"},
      {R"([{"name":"cpus","type":"SCALAR","scalar":{"value":-1}}])",
       "resources[0].scalar.value: must be finite and >= 0, got -1"},
      {R"([{"name":"cpus","type":"SCALAR","scalar":{"value":1e999}}])", "not valid JSON"},
      {R"([{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":5},{"begin":5,
           "end":6}]}}])",
       "resources[0].ranges: ranges overlap: 1-5 and 5-6"},
      {R"([{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":-1,"end":5}]}}])",
       "resources[0].ranges.range[0].begin: must be a whole number"},
      {cpus(R"(,"reservatoin":{})"), "unknown field 'reservatoin'"},
      {cpus(R"(,"reservation":{})"), "role '*' cannot hold a reservation"},
      {cpus(R"(,"role":"a","reservations":[{"type":"STATIC","role":"b"}])"), "contradict"},
      {cpus(R"(,"role":"a","reservations":[{"type":"STATIC","role":"a"},
               {"type":"DYNAMIC","role":"a/b"}])"),
       "refined reservation"},
      {cpus(R"(,"reservations":[{"type":"STATIC","role":"a"},{"type":"DYNAMIC","role":"b"}])"),
       "not its ancestor"},
      {cpus(R"(,"reservations":[{"role":"a"}])"), "resources[0].reservations[0].type"},
      {cpus(R"(,"disk":{"persistence":{"id":"v"}})"), "only 'disk' may carry"},
      {cpus(R"(,"shared":{})"), "only persistent volumes may be shared"},
      {cpus(R"(,"revocable":1)"), "resources[0].revocable: must be an object"},
  };
  for (const Bad& bad : kBad) {
    const auto parsed = ParseResources(bad.input);
    ASSERT_FALSE(parsed.ok()) << bad.input;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(bad.expected)) << bad.input;
  }
}

TEST(ParseJson, DeepNestingIsHarmless) {
  EXPECT_FALSE(ParseResourcesJson(std::string(500'000, '[')).ok());
  EXPECT_FALSE(ParseResourcesJson(std::string(400'000, '[') + std::string(400'000, ']')).ok());
}

TEST(ParseQuantities, ReadsAlternatives) {
  const auto parsed = ParseQuantityAlternatives("cpus:0.01|mem:32;disk:1");

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  ASSERT_EQ(parsed->size(), 2u);
  EXPECT_EQ((*parsed)[0].ToString(), "cpus:0.01");
  EXPECT_EQ((*parsed)[1].ToString(), "mem:32;disk:1");
  EXPECT_TRUE(ParseQuantityAlternatives("")->empty());
}

TEST(ParseQuantities, RefusesWhatIsNoQuantity) {
  for (const char* bad : {"cpus", "cpus:a", "cpus:1;cpus:2", "ports:[1-2]", "cpus(eng):1"}) {
    EXPECT_FALSE(ParseQuantities(bad).ok()) << bad;
  }
}

TEST(ParseAttributes, KeepsOrderAndRepetition) {
  const auto parsed = Attributes::Parse("rack:r1; os:debian 12;ssd:1;ports:[1-5];rack:r2;u:a:b");

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->ToString(), "rack:r1;os:debian 12;ssd:1;ports:[1-5];rack:r2;u:a:b");
  EXPECT_EQ(std::get<std::string>(parsed->Find("rack")->value), "r1");
  EXPECT_EQ(parsed->Find("none"), nullptr);
  EXPECT_EQ(*parsed, *Attributes::Parse("u:a:b;rack:r2;rack:r1;ports:[1-5];ssd:1;os:debian 12"));
}

TEST(ParseAttributes, NegativeAndInfiniteNumbersAreText) {
  EXPECT_EQ(std::get<std::string>(Attributes::Parse("t:-1")->Find("t")->value), "-1");
  EXPECT_EQ(std::get<std::string>(Attributes::Parse("t:inf")->Find("t")->value), "inf");
}

TEST(ParseAttributes, RefusesWrongInput) {
  for (const char* bad : {"rack", ":r1", "rack:", "zones:{a}", "ports:[1-"}) {
    EXPECT_FALSE(Attributes::Parse(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace meros::resources

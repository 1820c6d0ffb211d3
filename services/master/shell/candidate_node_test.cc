// Goal: the node of a candidate is what detectors of Mesos expect, and we find a leader in theirs.
#include "services/master/shell/candidate_node.h"

#include <gtest/gtest.h>

#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"

namespace meros::master {
namespace {

v1::MasterInfo Info() {
  v1::MasterInfo info;
  info.set_id("5f1a");
  info.set_ip(0);
  info.set_port(7050);
  info.set_pid("m1.example.org:7050");
  info.set_hostname("m1.example.org");
  info.set_version("0.1.0");
  info.mutable_address()->set_hostname("m1.example.org");
  info.mutable_address()->set_port(7050);
  info.add_capabilities()->set_type(v1::MasterInfo::Capability::QUOTA_V2);
  return info;
}

google::protobuf::Struct Parsed(const std::string& json) {
  google::protobuf::Struct parsed;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &parsed).ok()) << json;
  return parsed;
}

TEST(CandidateNode, Row22HasTheFieldsThatDetectorsOfMesosRead) {
  const auto node = Parsed(CandidateJson(Info(), "10.1.2.3")).fields();

  EXPECT_EQ(node.at("id").string_value(), "5f1a");
  EXPECT_EQ(node.at("hostname").string_value(), "m1.example.org");
  EXPECT_EQ(node.at("port").number_value(), 7050);
  EXPECT_EQ(node.at("pid").string_value(), "master@10.1.2.3:7050");
  EXPECT_EQ(node.at("version").string_value(), "0.1.0");
  EXPECT_EQ(node.at("ip").number_value(), 10 + (1 << 8) + (2 << 16) + (3 << 24))
      << "a number in network order";
  const auto& address = node.at("address").struct_value().fields();
  EXPECT_EQ(address.at("hostname").string_value(), "m1.example.org");
  EXPECT_EQ(address.at("ip").string_value(), "10.1.2.3");
  EXPECT_EQ(address.at("port").number_value(), 7050);
  const auto& capability = node.at("capabilities").list_value().values(0).struct_value().fields();
  EXPECT_EQ(capability.at("type").string_value(), "QUOTA_V2");
}

TEST(CandidateNode, AHostWithoutAnAddressGoesByItsName) {
  const auto node = Parsed(CandidateJson(Info(), "")).fields();
  EXPECT_EQ(node.at("pid").string_value(), "master@m1.example.org:7050");
  EXPECT_EQ(node.at("address").struct_value().fields().count("ip"), 0u);
}

TEST(CandidateNode, TellsWhomToDial) {
  EXPECT_EQ(CandidateAddress(CandidateJson(Info(), "10.1.2.3")), "m1.example.org:7050");
  // As a master of Mesos writes it, with a field that we do not know.
  EXPECT_EQ(CandidateAddress(R"({"address":{"hostname":"h","ip":"10.0.0.1","port":5050},)"
                             R"("hostname":"h","id":"x","ip":16777226,"new":{"a":[1]},)"
                             R"("pid":"master@10.0.0.1:5050","port":5050,"version":"1.11.0"})"),
            "h:5050");
  EXPECT_EQ(CandidateAddress(R"({"id":"x","ip":16777226,"pid":"master@10.0.0.1:5050"})"),
            "10.0.0.1:5050");
  for (const char* other : {"", "{}", "[]", "\x0a\x04info", "{\"address\":7}"}) {
    EXPECT_EQ(CandidateAddress(other), "") << other;
  }
}

TEST(CandidateNode, TellsTheRegion) {
  v1::MasterInfo info = Info();
  EXPECT_EQ(CandidateRegion(CandidateJson(info, "")), "");
  info.mutable_domain()->mutable_fault_domain()->mutable_region()->set_name("east");
  EXPECT_EQ(CandidateRegion(CandidateJson(info, "")), "east");
  EXPECT_EQ(CandidateRegion("no json"), "");
}

}  // namespace
}  // namespace meros::master

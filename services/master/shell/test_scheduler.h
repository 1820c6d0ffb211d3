// For the tests of what a scheduler may not say: a master's core behind the rules for messages, and
// calls as text.
//
// Thread rule: thread-compatible.
#pragma once

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/resources/parse.h"
#include "services/master/core/testing/driver.h"
#include "services/master/shell/decode_scheduler.h"

namespace meros::master::testing {

using Lines = std::vector<std::string>;

inline std::string Long(size_t size) { return std::string(size, 'x'); }

inline resources::Resources Parsed(absl::string_view text) {
  auto parsed = resources::ParseResourcesText(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.value_or(resources::Resources());
}

inline std::string Scalar(absl::string_view name, absl::string_view amount,
                          absl::string_view more = "") {
  return absl::StrCat("resources { name: '", name, "' type: SCALAR scalar { value: ", amount, " } ",
                      more, " } ");
}

// Framework m-0000 of role eng on stream 1, agent m-S0 on stream 2 whose resources are all offered.
class Scheduler {
 public:
  Scheduler() {
    driver_.Lead();
    driver_.ConnectAllocator();
    AFramework framework;
    framework.roles = {"eng"};
    framework.principal = "p";
    driver_.Subscribe(1, framework);
    driver_.CommitWrites();
    driver_.Register(2, "k", kAll);
    Offer(Parsed("cpus:4;mem:1024;ports:[1-100]"));
  }

  CoreDriver& driver() { return driver_; }
  void Offer(const resources::Resources& resources) {
    driver_.Propose(++proposals_, "m-0000", "m-S0", resources, "eng");
  }
  // ACCEPT of the newest offer with these operations, as text.
  Lines Accept(const std::string& operations) {
    return Call(absl::StrCat("type: ACCEPT accept { offer_ids { value: '",
                             driver_.Offer(proposals_).value(), "' } ", operations, "}"));
  }
  // Any call, as text. A call that is refused before the core gets to it ends the stream.
  Lines Call(const std::string& text) {
    v1::scheduler::Call call;
    EXPECT_TRUE(google::protobuf::TextFormat::MergeFromString(
        absl::StrCat("framework_id { value: 'm-0000' } ", text), &call))
        << text;
    absl::StatusOr<Input> input = DecodeCall(std::move(call), {.stream = 1}, "call");
    if (!input.ok()) return {absl::StrCat("the stream ends: ", input.status().message())};
    return driver_.Do(*std::move(input));
  }

  const resources::Resources kAll = Parsed("cpus:8;mem:4096;disk:1000;gpus:2;ports:[1-200]");

 private:
  CoreDriver driver_;
  uint64_t proposals_ = 0;
};

inline std::string NameOf(const std::string& rule) {
  std::string name;
  for (char c : rule) name += absl::ascii_isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}
template <typename Row>
std::string RowName(const ::testing::TestParamInfo<Row>& info) {
  return NameOf(info.param.rule);
}

inline constexpr char kRunSleep[] = "command { value: 'sleep 1' } ";

// A task of one cpu and 64 MiB without a command.
inline std::string Task(const std::string& id, const std::string& more) {
  return absl::StrCat("task_infos { name: 't' task_id { value: '", id,
                      "' } agent_id { value: 'm-S0' } ", Scalar("cpus", "1"), Scalar("mem", "64"),
                      more, " } ");
}

}  // namespace meros::master::testing

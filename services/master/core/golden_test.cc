// Golden interaction scripts: testdata/*.txt hold commands and everything that each causes. Reading
// one tells how the protocol works. MEROS_UPDATE_GOLDEN=1 rewrites them; the difference is for
// review.
//
//   > command argument...
//   what it caused, one effect a line
//
// Commands: lead EPOCH | allocator | subscribe STREAM [id=ID] [roles=A,B] | register STREAM KEY
// CPUS MEM | reregister STREAM ID [TASK=STATE...] | propose N FRAMEWORK AGENT CPUS MEM [ROLE] |
// accept STREAM FRAMEWORK OFFER AGENT [TASK=CPUS/MEM...] | decline STREAM FRAMEWORK OFFER
// SECONDS | update STREAM FRAMEWORK TASK STATE UUID | acknowledge STREAM FRAMEWORK AGENT TASK
// UUID | kill STREAM FRAMEWORK TASK | reconcile STREAM FRAMEWORK [TASK...] | quota ROLE
// guarantee=CPUS|limit=CPUS... [force] | weight ROLE WEIGHT | teardown FRAMEWORK | heartbeat
// STREAM | schedule HOST=START... | maintenance-start HOST | maintenance-stop HOST | ask FRAMEWORK
// AGENT | inverse-accept STREAM FRAMEWORK SECONDS | inverse-decline STREAM FRAMEWORK SECONDS |
// scheduler-gone STREAM | agent-gone STREAM | commit | registry-away | wait SECONDS
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using Words = std::vector<std::string>;

int64_t Number(const std::string& text) {
  int64_t value = 0;
  EXPECT_TRUE(absl::SimpleAtoi(text, &value)) << text;
  return value;
}

v1::TaskState State(const std::string& name) {
  v1::TaskState state = v1::TASK_STAGING;
  EXPECT_TRUE(v1::TaskState_Parse("TASK_" + name, &state)) << name;
  return state;
}

class Script {
 public:
  Words Run(const Words& w) {
    if (w[0] == "lead") return Lead(Number(w[1]));
    if (w[0] == "allocator") return driver_.ConnectAllocator();
    if (w[0] == "subscribe") return Subscribe(w);
    if (w[0] == "register") {
      return driver_.Do(
          AgentRegister{static_cast<StreamId>(Number(w[1])),
                        DescriptionOf(w[2], Resources::Of(Number(w[3]), Number(w[4])))});
    }
    if (w[0] == "reregister") return Reregister(w);
    if (w[0] == "propose") {
      return driver_.Propose(Number(w[1]), w[2], w[3], Resources::Of(Number(w[4]), Number(w[5])),
                             w.size() > 6 ? w[6] : "*");
    }
    if (w[0] == "accept") return Accept(w);
    if (w[0] == "decline") {
      return driver_.Call(Number(w[1]), w[2],
                          Decline{{driver_.Offer(Number(w[3]))}, absl::Seconds(Number(w[4]))});
    }
    if (w[0] == "update") return driver_.Update(Number(w[1]), w[2], w[3], State(w[4]), w[5]);
    if (w[0] == "acknowledge") {
      return driver_.Call(Number(w[1]), w[2], AcknowledgeCall{AgentId(w[3]), TaskId(w[4]), w[5]});
    }
    if (w[0] == "kill") {
      return driver_.Call(Number(w[1]), w[2], Kill{TaskId(w[3]), AgentId(), nullptr});
    }
    if (w[0] == "reconcile") {
      ReconcileCall call;
      for (size_t i = 3; i < w.size(); ++i) call.tasks.push_back({TaskId(w[i]), AgentId()});
      return driver_.Call(Number(w[1]), w[2], call);
    }
    if (w[0] == "quota" || w[0] == "weight") return SetRole(w);
    if (w[0] == "schedule" || absl::StartsWith(w[0], "maintenance-")) return Maintain(w);
    if (w[0] == "ask") {
      return driver_.Do(AllocatorInverseOffers{driver_.books().allocator_stream,
                                               {{FrameworkId(w[1]), AgentId(w[2])}}});
    }
    if (absl::StartsWith(w[0], "inverse-")) return AnswerInverse(w);
    if (w[0] == "teardown") return driver_.Do(OperatorTeardown{1, "", FrameworkId(w[1])});
    if (w[0] == "heartbeat") return driver_.Do(AgentHeartbeat{static_cast<StreamId>(Number(w[1]))});
    if (w[0] == "scheduler-gone") {
      return driver_.Do(SchedulerStreamClosed{static_cast<StreamId>(Number(w[1]))});
    }
    if (w[0] == "agent-gone") {
      return driver_.Do(AgentStreamClosed{static_cast<StreamId>(Number(w[1]))});
    }
    if (w[0] == "commit") return driver_.CommitWrites();
    if (w[0] == "registry-away") return driver_.CommitWrites(absl::UnavailableError("away"));
    if (w[0] == "wait") return driver_.Advance(absl::Seconds(Number(w[1])));
    ADD_FAILURE() << "no such command: " << w[0];
    return {};
  }

 private:
  Words Lead(uint64_t epoch) {
    driver_.Lead(epoch);
    return {};
  }

  Words Subscribe(const Words& w) {
    AFramework framework;
    for (size_t i = 2; i < w.size(); ++i) {
      const Words pair = absl::StrSplit(w[i], absl::MaxSplits('=', 1));
      if (pair[0] == "id") framework.id = pair[1];
      if (pair[0] == "roles") framework.roles = absl::StrSplit(pair[1], ',');
    }
    return driver_.Subscribe(Number(w[1]), framework);
  }

  Words Reregister(const Words& w) {
    AgentReregister message;
    message.stream = Number(w[1]);
    message.agent_id = AgentId(w[2]);
    const Agent* known = driver_.books().agents.Find(message.agent_id);
    message.agent = DescriptionOf(known == nullptr ? "" : known->record.registration_key,
                                  Resources::Of(4, 4096), w[2]);
    AFramework framework;
    framework.id = "m-0000";
    message.frameworks.push_back({FrameworkId("m-0000"), SubscriptionOf(framework)});
    for (size_t i = 3; i < w.size(); ++i) {
      const Words pair = absl::StrSplit(w[i], '=');
      message.tasks.push_back(
          AReportedTask(pair[0], "m-0000", State(pair[1]), Resources::Of(1, 64)));
    }
    return driver_.Do(std::move(message));
  }

  Words Accept(const Words& w) {
    LaunchOperation launch;
    for (size_t i = 5; i < w.size(); ++i) {
      const Words task = absl::StrSplit(w[i], absl::ByAnyChar("=/"));
      launch.tasks.push_back(ATask(task[0], w[4], Resources::Of(Number(task[1]), Number(task[2]))));
    }
    return driver_.Call(
        Number(w[1]), w[2],
        master::Accept{{driver_.Offer(Number(w[3]))}, {std::move(launch)}, absl::Seconds(5)});
  }

  Words SetRole(const Words& w) {
    OperatorUpdateRoles call{1, "", {{}}, w.back() == "force"};
    RoleChange& change = call.changes[0];
    change.role = w[1];
    if (w[0] == "weight") change.weight = Number(w[2]);
    for (size_t i = 2; i < w.size() && w[0] == "quota"; ++i) {
      if (!change.quota.has_value()) change.quota.emplace();
      const Words pair = absl::StrSplit(w[i], '=');
      const auto cpus = resources::ResourceName::Cpus();
      if (pair[0] == "guarantee") {
        change.quota->guarantees.Add(cpus, resources::Scalar::FromUnits(Number(pair[1])));
      } else if (pair[0] == "limit") {
        change.quota->limits.Set(cpus, resources::Scalar::FromUnits(Number(pair[1])));
      }
    }
    return driver_.Do(std::move(call));
  }

  Words Maintain(const Words& w) {
    OperatorMaintenance call{.call = 1};
    if (w[0] == "maintenance-start") call.kind = OperatorMaintenance::Kind::kStart;
    if (w[0] == "maintenance-stop") call.kind = OperatorMaintenance::Kind::kStop;
    for (size_t i = 1; i < w.size(); ++i) {
      if (call.kind != OperatorMaintenance::Kind::kSchedule) {
        call.machines.push_back({w[i], ""});
        continue;
      }
      const Words pair = absl::StrSplit(w[i], '=');
      call.windows.push_back(
          {{{pair[0], ""}}, {absl::UnixEpoch() + absl::Seconds(Number(pair[1]))}});
    }
    return driver_.Do(std::move(call));
  }

  // Answers all that the framework has.
  Words AnswerInverse(const Words& w) {
    AnswerInverseOffers call;
    call.accepted = w[0] == "inverse-accept";
    call.refuse = absl::Seconds(Number(w[3]));
    for (uint64_t sequence : driver_.books().inverse_offers.Of(FrameworkId(w[2]))) {
      call.offers.push_back(driver_.books().inverse_offers.Find(sequence)->id);
    }
    return driver_.Call(Number(w[1]), w[2], std::move(call));
  }

  CoreDriver driver_;
};

std::string PathOf(const std::string& name) {
  const char* root = std::getenv("MEROS_SOURCE_DIR");
  return absl::StrCat(root == nullptr ? "." : root, "/services/master/testdata/", name, ".txt");
}

void RunScript(const std::string& name) {
  std::ifstream file(PathOf(name));
  ASSERT_TRUE(file.good()) << PathOf(name);
  std::stringstream content;
  content << file.rdbuf();
  Script script;
  Words actual;
  for (const std::string& line : Words(absl::StrSplit(content.str(), '\n'))) {
    if (absl::StartsWith(line, "#") || line.empty()) {
      actual.push_back(line);
    } else if (absl::StartsWith(line, "> ")) {
      actual.push_back(line);
      for (std::string& effect : script.Run(absl::StrSplit(line.substr(2), ' '))) {
        actual.push_back("  " + effect);
      }
    }
  }
  const std::string text = absl::StrJoin(actual, "\n");
  if (std::getenv("MEROS_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(PathOf(name)) << text;
    return;
  }
  EXPECT_EQ(text, content.str()) << "MEROS_UPDATE_GOLDEN=1 rewrites " << PathOf(name);
}

TEST(MasterGolden, TheLifeOfAnOffer) { RunScript("offer_life"); }
TEST(MasterGolden, TheLifeOfATask) { RunScript("task_life"); }
TEST(MasterGolden, AnAgentIsLostAndReturns) { RunScript("agent_lost_and_returned"); }
TEST(MasterGolden, QuotaAndWeight) { RunScript("quota"); }
TEST(MasterGolden, MaintenanceOfAMachine) { RunScript("maintenance"); }
TEST(MasterGolden, AFrameworkFailsOver) { RunScript("framework_failover"); }

}  // namespace
}  // namespace meros::master::testing

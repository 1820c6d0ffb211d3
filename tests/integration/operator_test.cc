// Goal: what operators ask of a running cluster is answered as they asked: listings and watches
// show what their filters say, a framework is torn down, completion knows the verbs, and the log
// level is what they set, for as long as they said.
// Method: a cluster of the real services, a framework with a task, and the command line.
#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/build_facts/build_facts.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class OperatorTest : public ::testing::Test {
 protected:
  OperatorTest()
      : cluster_({.directory = directory_.path(),
                  // An agent that a test stops for a while is not lost meanwhile.
                  .master_flags = {"--agent_unreachable_timeout=1h"},
                  .agent_flags = {"--hostname=node-1", "--attributes=rack:r1;gen:2"}}) {}

  void SetUp() override {
    const absl::Status started = cluster_.Start();
    ASSERT_TRUE(started.ok()) << started;
  }

  // What the command prints; it is to succeed.
  std::string Out(std::vector<std::string> arguments) {
    const auto result = cluster_.Cli(std::move(arguments));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }
  // What it says; it is to fail.
  std::string Err(std::vector<std::string> arguments) {
    const auto result = cluster_.Cli(std::move(arguments));
    EXPECT_EQ(result.exit_code, 1) << result.out;
    return result.err;
  }

  testing::TempDir directory_;
  testing::LocalCluster cluster_;
};

TEST_F(OperatorTest, ListingsAndWatchesShowWhatTheirFiltersSay) {
  RecordingScheduler scheduler;
  sdk::SchedulerDriver driver(&scheduler, {.masters = {cluster_.master_address()},
                                           .framework = Framework("filtered"),
                                           .tls = {.insecure = true}});
  ASSERT_TRUE(driver.Start().ok());
  const auto offer = scheduler.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  auto task = ShellTask("t1", *offer, 0.1, 32, "sleep 1000");
  auto* label = task.mutable_labels()->add_labels();
  label->set_key("tier");
  label->set_value("web");
  driver.LaunchTasks({offer->id()}, {task});
  ASSERT_TRUE(scheduler.WaitState("t1", meros::v1::TASK_RUNNING).has_value());
  const std::string framework = scheduler.framework_id();
  const std::string agent = offer->agent_id().value();

  EXPECT_THAT(Out({"agents", "--hostname", "NODE-1", "--attribute", "rack=r1", "--attribute",
                   "gen=2.0", "--state", "CONNECTED"}),
              HasSubstr(agent));
  EXPECT_THAT(Out({"agents", "--attribute", "rack=r2"}), Not(HasSubstr(agent)));
  EXPECT_THAT(Out({"agents", "--region", "east"}), Not(HasSubstr(agent)));
  EXPECT_THAT(Out({"ps", "--label", "tier=web", "--agent", agent, "--role", "*"}), HasSubstr("t1"));
  EXPECT_THAT(Out({"ps", "--label", "tier=db"}), Not(HasSubstr("t1")));
  EXPECT_THAT(Out({"frameworks", "--role", "*", "--name", "filtered"}), HasSubstr(framework));
  EXPECT_THAT(Out({"frameworks", "--principal", "nobody"}), Not(HasSubstr(framework)));
  EXPECT_THAT(Err({"frameworks", "--role", "a//b"}), HasSubstr("role: "));

  EXPECT_THAT(Out({"watch", "--once"}),
              AllOf(HasSubstr("agent      " + agent), HasSubstr("framework  " + framework),
                    HasSubstr("t1 RUNNING")));
  EXPECT_THAT(Out({"watch", "--once", "--agent", agent}),
              AllOf(HasSubstr("agent      " + agent), Not(HasSubstr("framework  ")),
                    HasSubstr("t1 RUNNING")));
  EXPECT_THAT(Out({"watch", "--once", "--framework", framework, "--kind", "tasks"}),
              AllOf(Not(HasSubstr("agent  ")), HasSubstr("t1 RUNNING")));
  EXPECT_THAT(Err({"watch", "--once", "--framework", framework, "--kind", "agents"}),
              HasSubstr("kinds[0]: nothing of WATCH_AGENTS"));

  EXPECT_THAT(Err({"watch", "--once", "--kind", "planets"}),
              HasSubstr("--kind: must be agents, frameworks, "));
  Out({"maintenance", "set", "node-9", "--start", "2030-01-31T22:00:00Z", "--duration", "30m"});
  EXPECT_EQ(Out({"watch", "--once", "--kind", "operations,executors,maintenance"}),
            "maintenance 2030-01-31T22:00:00Z 30m node-9\n");
  EXPECT_THAT(Out({"watch", "--once", "--kind", "maintenance", "--json"}),
              HasSubstr("\"hostname\":\"node-9\""));
  driver.Stop();
}

TEST_F(OperatorTest, OffersAreListedUntilTheyAreAnswered) {
  RecordingScheduler scheduler;
  sdk::SchedulerDriver driver(&scheduler, {.masters = {cluster_.master_address()},
                                           .framework = Framework("slow"),
                                           .tls = {.insecure = true}});
  ASSERT_TRUE(driver.Start().ok());
  const auto offer = scheduler.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  EXPECT_EQ(offer->url().address().hostname(), "node-1");
  EXPECT_EQ(offer->url().address().ip(), "127.0.0.1");
  const std::string id = offer->id().value();

  EXPECT_THAT(Out({"offers"}), AllOf(HasSubstr(id), HasSubstr("slow"), HasSubstr("node-1")));
  EXPECT_THAT(Out({"offers", "--role", "other"}), Not(HasSubstr(id)));
  EXPECT_THAT(Out({"offers", "--agent", offer->agent_id().value(), "--json"}), HasSubstr(id));
  meros::v1::Filters filters;
  filters.set_refuse_seconds(1000);
  driver.DeclineOffer(offer->id(), filters);
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60),
                                  [&] { return !absl::StrContains(Out({"offers"}), id); }));
  driver.Stop();
}

TEST_F(OperatorTest, AFrameworkIsShownWithItsExecutorsUntilItIsTornDown) {
  RecordingScheduler scheduler;
  sdk::SchedulerDriver driver(&scheduler, {.masters = {cluster_.master_address()},
                                           .framework = Framework("shown"),
                                           .tls = {.insecure = true}});
  ASSERT_TRUE(driver.Start().ok());
  const auto offer = scheduler.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  // Agents run no custom executors: one is known until its agent, which is held, has refused it.
  cluster_.agent().Pause();
  auto task = ShellTask("t1", *offer, 0.1, 32, "");
  task.clear_command();
  task.mutable_executor()->set_type(meros::v1::ExecutorInfo::CUSTOM);
  task.mutable_executor()->mutable_executor_id()->set_value("sleeper");
  task.mutable_executor()->mutable_command()->set_value("sleep 1000");
  driver.LaunchTasks({offer->id()}, {task});
  const std::string id = scheduler.framework_id();

  EXPECT_TRUE(testing::Eventually(
      absl::Seconds(60), [&] { return absl::StrContains(Out({"executors"}), "sleeper"); }));
  EXPECT_THAT(Out({"executors", "--framework", id, "--agent", offer->agent_id().value()}),
              AllOf(HasSubstr("sleeper"), HasSubstr("shown"), HasSubstr("node-1")));
  EXPECT_THAT(Out({"executors", "--json"}), HasSubstr("\"sleeper\""));
  EXPECT_THAT(Out({"executors", "--framework", "other"}), Not(HasSubstr("sleeper")));
  EXPECT_THAT(
      Out({"framework", "show", id}),
      AllOf(HasSubstr("framework         " + id + "\n"), HasSubstr("name              shown\n"),
            HasSubstr("state             CONNECTED\n"), HasSubstr("MULTI_ROLE,PARTITION_AWARE"),
            HasSubstr("failover timeout  600s\n"),
            HasSubstr("used              cpus 0.1, mem 32M, "),
            HasSubstr("tasks             1 active, 0 completed\n")));
  EXPECT_THAT(Out({"framework", "show", id, "--json"}), HasSubstr("\"name\":\"shown\""));
  EXPECT_THAT(Err({"framework", "show", "nobody"}), HasSubstr("nobody"));

  Out({"teardown", id});
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] {
    return absl::StrContains(Out({"framework", "show", id}), "state             COMPLETED\n");
  }));
  EXPECT_THAT(Out({"framework", "show", id}), HasSubstr("completed  "));
  EXPECT_THAT(Out({"frameworks"}), Not(HasSubstr(id)));
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] {
    return !absl::StrContains(Out({"executors"}), "sleeper");
  })) << "its executor goes with it";
  cluster_.agent().Resume();
  driver.Stop();
}

TEST_F(OperatorTest, CompletionKnowsEveryVerbAndItsOptions) {
  // What bash proposes for the words, of which the last one is being typed.
  const auto proposals = [&](const std::string& words) {
    const std::string file = directory_ / "completion";
    std::ofstream(file) << Out({"completion", "bash"}) << "COMP_WORDS=(" << words
                        << ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_meros\n"
                        << "echo \"${COMPREPLY[*]}\" > " << file << ".out\n";
    EXPECT_EQ(std::system(absl::StrCat("bash ", file).c_str()), 0);
    std::stringstream out;
    out << std::ifstream(file + ".out").rdbuf();
    return out.str();
  };

  EXPECT_EQ(proposals("meros tear"), "teardown\n");
  EXPECT_EQ(proposals("meros framework sh"), "show\n");
  EXPECT_EQ(proposals("meros executors --fr"), "--framework\n");
  EXPECT_THAT(Out({"completion", "zsh"}), HasSubstr("bashcompinit"));
}

TEST_F(OperatorTest, TheVersionSaysWhichBuildItIs) {
  EXPECT_THAT(Out({"version"}), HasSubstr(absl::StrCat("master  ", ThisBuild().version)));
  EXPECT_THAT(Out({"version"}), HasSubstr(ThisBuild().git_sha.substr(0, 12)));
}

TEST_F(OperatorTest, TheLogLevelIsWhatWasSetForAsLongAsWasSaid) {
  EXPECT_EQ(Out({"log-level"}), "info\n");

  Out({"log-level", "debug", "--duration", "2h"});
  EXPECT_THAT(Out({"log-level"}), AllOf(HasSubstr("debug for "), HasSubstr(", then info")));
  Out({"log-level", "error", "--duration", "1ms"});
  EXPECT_TRUE(
      testing::Eventually(absl::Seconds(60), [&] { return Out({"log-level"}) == "info\n"; }));

  Out({"log-level", "warning"});
  EXPECT_EQ(Out({"log-level"}), "warning\n");
  EXPECT_THAT(Err({"log-level", "loud"}), HasSubstr("level: log level must be debug, info"));
  EXPECT_THAT(Err({"log-level", "debug", "--duration", "0s"}),
              HasSubstr("duration: must be from 1 ms to 365 days, is 0"));
}

TEST_F(OperatorTest, TheFlagsAreWhatTheMasterRunsWith) {
  EXPECT_EQ(Out({"flags", "election"}), "registry\n");
  EXPECT_EQ(Out({"flags", "max_unreachable_age"}), "336h\n");
  EXPECT_THAT(Out({"flags"}), HasSubstr("\nroot_submissions  "));
  EXPECT_THAT(Out({"flags", "--json"}), HasSubstr("\"source\":\"command line\""));
  EXPECT_THAT(Out({"flags", "--json"}), HasSubstr("\"name\":\"root_submissions\""));
  EXPECT_THAT(Err({"flags", "no_such"}), HasSubstr("the master has no flag no_such"));
}

}  // namespace
}  // namespace meros::integration

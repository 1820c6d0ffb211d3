// Goal: what meros simulate says of a saved snapshot is what the live allocator then does.
// Method: a cluster of real services with a quota, a running task and open offers; a snapshot; the
// simulation of twice the agents and another limit; then the same done to the cluster.
#include <google/protobuf/util/json_util.h>

#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "meros/allocator/v1/what_if.pb.h"
#include "meros/v1/master/operator/roles.pb.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

using absl::StrContains;
using allocator::v1::WhatIfReport;

template <typename Message>
Message FromJson(const std::string& text) {
  Message message;
  const auto status = google::protobuf::util::JsonStringToMessage(text, &message);
  EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << text;
  return message;
}

// Cpus that the role holds in the report: what it has in use, what it has on offer, and at the end.
struct Cpus {
  double used = 0, offered = 0, then = 0;
};
Cpus CpusOf(const WhatIfReport& report, const std::string& name) {
  Cpus cpus;
  const auto of = [](const allocator::v1::Quantities& amounts) {
    const auto found = amounts.milli().find("cpus");
    return found == amounts.milli().end() ? 0 : static_cast<double>(found->second) / 1000;
  };
  for (const auto& role : report.roles()) {
    if (role.role() == name) cpus = {of(role.used()), of(role.offered()), of(role.after())};
  }
  return cpus;
}

class WhatIfTest : public ::testing::Test {
 protected:
  WhatIfTest()
      : file_(absl::StrCat(directory_.path(), "/snapshot")),
        cluster_({.directory = directory_.path(),
                  .agents = 2,
                  .agent_resources = "cpus:8;mem:8192;disk:100",
                  // Open offers stay as they are while they are looked at.
                  .master_flags = {"--offer_timeout=0s"}}) {}

  // The second agent joins later.
  void SetUp() override {
    ASSERT_TRUE(cluster_.RestartRegistry().ok());
    ASSERT_TRUE(cluster_.RestartAllocator().ok());
    ASSERT_TRUE(cluster_.RestartMaster().ok());
    ASSERT_TRUE(StartAgent(0).ok());
  }

  absl::Status StartAgent(int i) {
    const absl::Status status = cluster_.RestartContainerizer(i);
    return status.ok() ? cluster_.RestartAgent(i) : status;
  }

  std::unique_ptr<sdk::SchedulerDriver> Connect(RecordingScheduler* scheduler,
                                                const std::string& role) {
    meros::v1::FrameworkInfo info = Framework(role);
    info.set_roles(0, role);
    auto driver = std::make_unique<sdk::SchedulerDriver>(
        scheduler,
        sdk::DriverOptions{
            .masters = {cluster_.master_address()}, .framework = info, .tls = {.insecure = true}});
    EXPECT_TRUE(driver->Start().ok());
    return driver;
  }

  // Waits until the role holds so much, used and offered together, in the live cluster.
  bool Holds(const std::string& role, double cpus) {
    return testing::Eventually(absl::Seconds(90), [&] {
      const auto listed = cluster_.Cli({"role", role, "--json"});
      if (listed.exit_code != 0) return false;
      double held = 0;
      const auto roles = FromJson<meros::v1::master::ListRolesResponse>(listed.out);
      for (const auto& view : roles.roles()) {
        if (view.role() == role)
          held = Amount(view.used(), "cpus") + Amount(view.offered(), "cpus");
      }
      return held == cpus;
    });
  }

  WhatIfReport Simulate(std::vector<std::string> changes) {
    changes.insert(changes.begin(), {"simulate", "--snapshot", file_, "--json"});
    const auto simulated = cluster_.Cli(std::move(changes));
    EXPECT_EQ(simulated.exit_code, 0) << simulated.err;
    return FromJson<WhatIfReport>(simulated.out);
  }

  testing::TempDir directory_;
  const std::string file_;
  testing::LocalCluster cluster_;
};

TEST_F(WhatIfTest, TheLiveAllocatorDoesWhatTheSimulationSaid) {
  ASSERT_EQ(
      cluster_.Cli({"quota", "set", "eng", "--guarantee", "cpus=2", "--limit", "cpus=6"}).exit_code,
      0);
  RecordingScheduler eng, ops;
  auto eng_driver = Connect(&eng, "eng");
  const auto offer = eng.WaitOffer(absl::Seconds(60));
  ASSERT_TRUE(offer.has_value());
  meros::v1::Filters at_once;
  at_once.set_refuse_seconds(0);
  eng_driver->LaunchTasks({offer->id()}, {ShellTask("t", *offer, 1, 16, "sleep 600")}, at_once);
  ASSERT_TRUE(eng.WaitState("t", meros::v1::TASK_RUNNING, absl::Seconds(60)).has_value());
  ASSERT_TRUE(Holds("eng", 6));
  auto ops_driver = Connect(&ops, "ops");
  ASSERT_TRUE(Holds("ops", 2));

  const auto saved = cluster_.Cli({"snapshot", "--output", file_});
  ASSERT_EQ(saved.exit_code, 0) << saved.err;
  const WhatIfReport now = Simulate({});
  const WhatIfReport then = Simulate({"--add-agents", "1", "--set-quota", "eng:limit=cpus=3"});

  EXPECT_TRUE(now.settled());
  EXPECT_EQ(now.before().agents(), 1u);
  EXPECT_EQ(CpusOf(now, "eng").used, 1);
  EXPECT_EQ(CpusOf(now, "eng").offered, 5);
  EXPECT_EQ(CpusOf(now, "ops").offered, 2);
  EXPECT_EQ(CpusOf(now, "eng").then + CpusOf(now, "ops").then, 8);
  EXPECT_EQ(then.after().agents(), 2u);
  EXPECT_EQ(CpusOf(then, "eng").then, 3);
  EXPECT_EQ(CpusOf(then, "ops").then, 13);

  ASSERT_EQ(cluster_.Cli({"quota", "set", "eng", "--limit", "cpus=3"}).exit_code, 0);
  ASSERT_TRUE(StartAgent(1).ok());

  EXPECT_TRUE(Holds("eng", CpusOf(then, "eng").then));
  EXPECT_TRUE(Holds("ops", CpusOf(then, "ops").then));
  for (auto* driver : {eng_driver.get(), ops_driver.get()}) {
    driver->Stop();
    EXPECT_TRUE(driver->Join().ok());
  }
}

TEST_F(WhatIfTest, BadInputIsRefusedWithFlagValueAndWhatIsAllowed) {
  ASSERT_EQ(cluster_.Cli({"snapshot", "--output", file_}).exit_code, 0);
  const auto fault = [&](std::vector<std::string> changes) {
    changes.insert(changes.begin(), {"simulate", "--snapshot", file_});
    const auto result = cluster_.Cli(std::move(changes));
    EXPECT_EQ(result.exit_code, 1) << result.out;
    return result.err;
  };
  EXPECT_TRUE(StrContains(fault({"--add-agents", "many"}), "--add-agents many: must be N"));
  EXPECT_TRUE(StrContains(fault({"--remove-agent", "x"}), "--remove-agent x: no such agent"));
  EXPECT_TRUE(StrContains(fault({"--set-quota", "eng"}), "--set-quota eng: must be ROLE:"));
  EXPECT_TRUE(StrContains(fault({"--set-quota", "eng:guarantee=cpus=4:limit=cpus=3"}),
                          "must be at least the guarantee of 4"));
  EXPECT_TRUE(StrContains(fault({"--set-weight", "eng=0"}), "must be from 0.001"));

  std::stringstream text;
  text << std::ifstream(file_).rdbuf();
  const std::string good = text.str();
  const auto with = [&](const std::string& content) {
    std::ofstream(file_) << content;
    return fault({});
  };
  EXPECT_TRUE(StrContains(with(good.substr(0, good.size() / 2)), "--snapshot")) << "cut off";
  EXPECT_TRUE(StrContains(with("\x7f"
                               "ELF"),
                          "is no allocation snapshot"));
  EXPECT_TRUE(StrContains(with(""), "is no allocation snapshot"));
  EXPECT_TRUE(
      StrContains(with(R"({"header":{"format":"meros-allocation-snapshot","format_version":9}})"),
                  "has format version 9"));
  EXPECT_EQ(cluster_.Cli({"simulate", "--snapshot", directory_.path()}).exit_code, 1);
  EXPECT_EQ(cluster_.Cli({"simulate", "--snapshot", file_ + ".none"}).exit_code, 1);
  const auto unwritable = cluster_.Cli({"snapshot", "--output", file_ + ".none/x"});
  EXPECT_EQ(unwritable.exit_code, 1);
  EXPECT_TRUE(StrContains(unwritable.err, "cannot be written")) << unwritable.err;
}

}  // namespace
}  // namespace meros::integration

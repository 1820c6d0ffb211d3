// The real program: start, ready line, monitoring, stop, and what it says about settings it cannot
// use.
#include "libs/testing/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "libs/testing/temp_dir.h"

namespace meros::master {
namespace {

using ::testing::HasSubstr;

class MasterProcess : public ::testing::Test {
 protected:
  std::unique_ptr<meros::testing::Process> Start(std::vector<std::string> arguments) {
    auto process =
        meros::testing::Process::Start({.name = absl::StrCat("master", ++starts_),
                                        .program = meros::testing::BinaryPath("meros-master"),
                                        .arguments = std::move(arguments),
                                        .log_dir = directory_.path()});
    EXPECT_TRUE(process.ok()) << process.status();
    return *std::move(process);
  }

  // Exit status and what was said of a start that must fail.
  std::pair<int, std::string> Fails(std::vector<std::string> arguments) {
    auto process = Start(std::move(arguments));
    auto status = process->Wait(absl::Seconds(60));
    EXPECT_TRUE(status.ok()) << status.status();
    return {WEXITSTATUS(status.value_or(0)), process->Log()};
  }

  meros::testing::TempDir directory_;
  int starts_ = 0;
};

TEST_F(MasterProcess, ServesWithoutRegistryAndStopsOnSigterm) {
  auto process = Start({"--insecure", "--address=127.0.0.1:0", "--metrics_port=0",
                        "--registry=127.0.0.1:1", "--allocator=127.0.0.1:1"});
  ASSERT_TRUE(process->WaitReady(absl::Seconds(60)).ok());
  EXPECT_THAT(process->address(), HasSubstr("127.0.0.1:"));
  EXPECT_GT(process->metrics_port(), 0);

  auto status = process->Stop(absl::Seconds(60));

  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_TRUE(WIFEXITED(*status));
  EXPECT_EQ(WEXITSTATUS(*status), 0);
}

TEST_F(MasterProcess, SettingsThatCannotBeUsedAreNamed) {
  struct Case {
    std::vector<std::string> arguments;
    std::string says;
  };
  const Case cases[] = {
      {{"--insecure", "--no_such_flag=1"}, "no_such_flag"},
      {{"--insecure", "--lease_ttl=soon"}, "lease_ttl"},
      {{"--insecure", "--lease_ttl=1ms"}, "--lease_ttl"},
      {{"--insecure", "--election=zk://a:2181"}, "--election: expected zk://"},
      {{"--insecure", "--election=zk://a:2181,:1/meros"}, "':1' is no server"},
      {{"--insecure", "--election=zk://me@a:2181/meros"}, "USER:PASSWORD has no user"},
      {{"--insecure", "--election=zk://a:2181/meros", "--zk_session_timeout=1ms"},
       "--zk_session_timeout"},
      {{"--insecure", "--election=dice"}, "--election"},
      {{"--insecure", "--address=nowhere"}, "--address"},
      {{"--insecure", "--registry=,"}, "--registry"},
      {{"--insecure", "--offer_timeout=1ms"}, "--offer_timeout"},
      {{"--insecure", "--max_frameworks=0"}, "max_frameworks"},
      {{"--address=127.0.0.1:0"}, "tls_"},
      {{"--insecure", "--config=/no/such/file"}, "/no/such/file"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.arguments.back());
    const auto [code, log] = Fails(c.arguments);
    EXPECT_EQ(code, 2) << log;
    EXPECT_THAT(log, HasSubstr(c.says));
  }
}

TEST_F(MasterProcess, AYamlFileWithAWrongTypeIsNamedWithItsLine) {
  const std::string path = absl::StrCat(directory_.path(), "/master.yaml");
  std::ofstream(path) << "insecure: true\nmax_frameworks: many\n";

  const auto [code, log] = Fails({"--config=" + path});

  EXPECT_EQ(code, 2);
  EXPECT_THAT(log, HasSubstr("max_frameworks"));
  EXPECT_THAT(log, HasSubstr(":2"));
}

TEST_F(MasterProcess, AWhitelistThatCannotBeReadIsNamedWithItsLine) {
  const std::string path = directory_ / "agents";
  std::ofstream(path) << "# of rack 1\nnode-1\nnode 2\n";
  const std::vector<std::string> arguments = {"--insecure", "--address=127.0.0.1:0",
                                              "--metrics_port=0", "--registry=127.0.0.1:1",
                                              "--allocator=127.0.0.1:1"};
  std::vector<std::string> bad = arguments;
  bad.push_back("--whitelist=file://" + path);
  const auto [code, log] = Fails(bad);
  EXPECT_EQ(code, 1);
  EXPECT_THAT(log, HasSubstr(path + ":3: expected a hostname, found 'node 2'"));

  std::vector<std::string> missing = arguments;
  missing.push_back("--whitelist=/no/such/list");
  EXPECT_THAT(Fails(missing).second, HasSubstr("/no/such/list"));
  std::vector<std::string> none = arguments;
  none.push_back("--whitelist=*");
  EXPECT_TRUE(Start(none)->WaitReady(absl::Seconds(60)).ok());
}

TEST_F(MasterProcess, AnAddressInUseIsNamed) {
  const std::vector<std::string> arguments = {"--insecure", "--metrics_port=0",
                                              "--registry=127.0.0.1:1", "--allocator=127.0.0.1:1"};
  std::vector<std::string> first = arguments;
  first.push_back("--address=127.0.0.1:0");
  auto process = Start(first);
  ASSERT_TRUE(process->WaitReady(absl::Seconds(60)).ok());
  std::vector<std::string> second = arguments;
  second.push_back("--address=" + process->address());

  const auto [code, log] = Fails(second);

  EXPECT_EQ(code, 1);
  EXPECT_THAT(log, HasSubstr(process->address()));
}

}  // namespace
}  // namespace meros::master

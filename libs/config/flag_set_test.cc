// Goal: sources win over each other in the promised order, and every mistake is named with its
// source, key, what was found and what was expected. Method: a set with one flag of each kind;
// files in the test's temporary directory.
#include "libs/config/flag_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "libs/config/common_flags.h"

namespace meros::config {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Settings {
  std::string listen = "0.0.0.0:7050";
  int64_t port = 7;
  bool insecure = false;
  absl::Duration timeout = absl::Seconds(5);
  Bytes cache = Mebibytes(1);
  StringList masters;
  std::string token = "default-token";
  double share = 0.5;
};

class FlagSetTest : public ::testing::Test {
 protected:
  FlagSetTest() : flags_("master", "Offers resources.") {
    flags_.Add(&settings_.listen, {.name = "listen", .help = "Address.", .group = "Network"});
    flags_.Add(&settings_.port,
               {.name = "port", .help = "Port.", .group = "Network", .constraint = IsPort()});
    flags_.Add(&settings_.insecure, {.name = "insecure", .help = "No TLS.", .group = "Network"});
    flags_.Add(&settings_.timeout,
               {.name = "timeout", .help = "Wait.", .constraint = AtLeast(absl::Seconds(1))});
    flags_.Add(&settings_.cache, {.name = "cache", .help = "Cache."});
    flags_.Add(&settings_.masters, {.name = "masters", .help = "Masters."});
    flags_.Add(&settings_.token, {.name = "token", .help = "Token.", .secret = Secret::kYes});
    flags_.Add(&settings_.share,
               {.name = "share", .help = "Share.", .constraint = InRange(0.0, 1.0)});
    AddCommonFlags(&common_, &flags_);
  }

  absl::Status Parse(std::vector<std::string> arguments,
                     std::map<std::string, std::string> environment = {}) {
    absl::StatusOr<Outcome> outcome =
        flags_.Parse({.arguments = std::move(arguments), .environment = std::move(environment)});
    if (outcome.ok()) outcome_ = *outcome;
    return outcome.status();
  }

  std::string Error(std::vector<std::string> arguments,
                    std::map<std::string, std::string> environment = {}) {
    return std::string(Parse(std::move(arguments), std::move(environment)).message());
  }

  // The flag that makes `yaml` the configuration.
  std::string WithFile(const std::string& yaml) {
    path_ = ::testing::TempDir() + "/flag_set_test_" +
            ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".yaml";
    std::ofstream(path_) << yaml;
    return "--config=" + path_;
  }

  Settings settings_;
  CommonConfig common_;
  FlagSet flags_;
  Outcome outcome_;
  std::string path_;
};

TEST_F(FlagSetTest, DefaultsStandWithoutSources) {
  ASSERT_TRUE(Parse({}).ok());

  EXPECT_EQ(settings_.port, 7);
  EXPECT_EQ(settings_.timeout, absl::Seconds(5));
  EXPECT_EQ(common_.log_level, "info");
}

TEST_F(FlagSetTest, LaterSourcesWin) {
  const std::string file =
      WithFile("port: 1\nlisten: file\ntimeout: 2s\nmasters: [a, 'b,c']\ncache: '2KB'\n");
  const std::map<std::string, std::string> environment = {
      {"MEROS_MASTER_PORT", "2"}, {"MEROS_MASTER_LISTEN", "env"}, {"MEROS_AGENT_PORT", "9"}};

  ASSERT_TRUE(Parse({file, "--port", "3", "--insecure"}, environment).ok());

  EXPECT_EQ(settings_.port, 3);
  EXPECT_EQ(settings_.listen, "env");
  EXPECT_EQ(settings_.timeout, absl::Seconds(2));
  EXPECT_EQ(settings_.masters, StringList({"a", "b,c"}));
  EXPECT_EQ(settings_.cache, Kibibytes(2));
  EXPECT_TRUE(settings_.insecure);
  EXPECT_THAT(outcome_.warnings, IsEmpty());
}

TEST_F(FlagSetTest, TheFileMayBeNamedInTheEnvironment) {
  WithFile("port: 11\n");

  ASSERT_TRUE(Parse({}, {{"MEROS_MASTER_CONFIG", path_}}).ok());

  EXPECT_EQ(settings_.port, 11);
}

TEST_F(FlagSetTest, BooleansHaveThreeForms) {
  ASSERT_TRUE(Parse({"--insecure"}).ok());
  EXPECT_TRUE(settings_.insecure);
  ASSERT_TRUE(Parse({"--no-insecure"}).ok());
  EXPECT_FALSE(settings_.insecure);
  ASSERT_TRUE(Parse({"--insecure=true"}).ok());
  EXPECT_TRUE(settings_.insecure);
  EXPECT_EQ(Error({"--insecure=yes"}),
            "command line: --insecure: expected boolean (true or false), found 'yes'");
  EXPECT_EQ(Error({"--no-port"}), "command line: --no-port: unknown, did you mean port?");
}

TEST_F(FlagSetTest, MistakesOnTheCommandLineAreNamed) {
  EXPECT_EQ(Error({"--prot=1"}), "command line: --prot: unknown, did you mean port?");
  EXPECT_EQ(Error({"--xyzzy_plugh=1"}), "command line: --xyzzy_plugh: unknown");
  EXPECT_EQ(Error({"--port=70000"}),
            "command line: --port: expected integer from 0 to 65535, found '70000'");
  EXPECT_EQ(Error({"--port"}),
            "command line: --port: expected integer from 0 to 65535, found nothing");
  EXPECT_EQ(Error({"--share=1.1"}),
            "command line: --share: expected number from 0 to 1, found '1.1'");
  EXPECT_EQ(Error({"--log_level=loud"}),
            "command line: --log_level: expected string one of debug, info, warning, error, found "
            "'loud'");
  EXPECT_EQ(Error({"serve"}), "command line: unexpected argument 'serve', flags start with --");
}

TEST_F(FlagSetTest, MistakesInTheFileAreNamedWithTheirLine) {
  const auto error = [this](const std::string& yaml) {
    std::string message = Error({WithFile(yaml)});
    return message.substr(message.rfind('/') + 1)
        .substr(message.find(".yaml") - message.rfind('/') - 1);
  };

  EXPECT_EQ(error("port: 1\nprot: 2\n"), ".yaml:2: key 'prot': unknown, did you mean port?");
  EXPECT_EQ(error("port: '80'\n"),
            ".yaml:1: key 'port': expected integer from 0 to 65535, found quoted string");
  EXPECT_EQ(error("port: [1]\n"),
            ".yaml:1: key 'port': expected integer from 0 to 65535, found list");
  EXPECT_EQ(error("port:\n"),
            ".yaml:1: key 'port': expected integer from 0 to 65535, found nothing");
  EXPECT_EQ(error("port: x\n"), ".yaml:1: key 'port': expected integer from 0 to 65535, found 'x'");
  EXPECT_EQ(error("listen: {a: b}\n"),
            ".yaml:1: key 'listen': expected string, found nested structure");
  EXPECT_EQ(error("masters: a\n"), ".yaml:1: key 'masters': expected list, found value");
  EXPECT_EQ(error("port: 1\nport: 2\n"), ".yaml:2: key 'port' appears twice");
  EXPECT_EQ(error("- a\n"), ".yaml:1: expected a mapping of flag names to values");
  EXPECT_THAT(error("a: [\n"), HasSubstr("not YAML: "));
}

TEST_F(FlagSetTest, AFileThatIsNotThereOrADirectoryIsAnError) {
  EXPECT_EQ(Parse({"--config=/no/such/file"}).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Error({"--config=/"}), HasSubstr("expected a file, found a directory"));
}

TEST_F(FlagSetTest, EnvironmentMistakesAreErrorsAndUnknownVariablesWarnings) {
  EXPECT_EQ(Error({}, {{"MEROS_MASTER_TIMEOUT", "5"}}),
            "environment: MEROS_MASTER_TIMEOUT: expected duration with unit such as 500ms, 5s or "
            "1h30m at "
            "least 1s, found '5'");

  ASSERT_TRUE(Parse({}, {{"MEROS_MASTER_TIMOUT", "5s"}}).ok());
  EXPECT_THAT(
      outcome_.warnings,
      ::testing::ElementsAre("environment: MEROS_MASTER_TIMOUT: unknown, did you mean timeout?"));
}

TEST_F(FlagSetTest, RequiredFlagsMustBeGiven) {
  std::string name;
  flags_.Add(&name, {.name = "work_dir", .help = "Directory.", .required = Required::kYes});

  EXPECT_THAT(Error({}), HasSubstr("flag --work_dir is required"));
  EXPECT_TRUE(Parse({"--work_dir=/x"}).ok());
}

TEST_F(FlagSetTest, EffectiveValuesTellTheirSourceAndHideSecrets) {
  ASSERT_TRUE(Parse({"--port=3", "--token=hunter2"}, {{"MEROS_MASTER_LISTEN", "env"}}).ok());

  std::map<std::string, EffectiveFlag> by_name;
  for (const EffectiveFlag& flag : flags_.Effective()) by_name[flag.name] = flag;
  EXPECT_EQ(by_name["port"].value, "3");
  EXPECT_EQ(by_name["port"].default_value, "7");
  EXPECT_EQ(by_name["port"].source, Source::kCommandLine);
  EXPECT_EQ(by_name["listen"].source, Source::kEnvironment);
  EXPECT_EQ(by_name["cache"].source, Source::kDefault);
  EXPECT_EQ(by_name["token"].value, "<redacted>");
  EXPECT_EQ(by_name["token"].default_value, "<redacted>");
}

TEST_F(FlagSetTest, EffectiveValuesHideThePasswordInAUrl) {
  const auto shown = [this](const std::string& value) {
    EXPECT_TRUE(Parse({"--listen=" + value}).ok());
    for (const EffectiveFlag& flag : flags_.Effective()) {
      if (flag.name == "listen") return flag.value;
    }
    return std::string();
  };
  EXPECT_EQ(shown("zk://me:p@ss:word@a:2181,b:2181/meros"), "zk://me:***@a:2181,b:2181/meros");
  for (const char* plain : {"zk://a:2181,b:2181/meros", "zk://me@a:2181/m", "zk://a:1/x:y@z",
                            "0.0.0.0:7050", "a:b@c", ""}) {
    EXPECT_EQ(shown(plain), plain);
  }
}

TEST_F(FlagSetTest, HelpIsGroupedAndKeepsSecrets) {
  ASSERT_TRUE(Parse({"--help"}).ok());

  EXPECT_EQ(outcome_.action, Outcome::Action::kPrintAndExit);
  EXPECT_THAT(outcome_.output, HasSubstr("\nNetwork\n  --listen\n      Address.\n"));
  EXPECT_THAT(outcome_.output, HasSubstr("integer from 0 to 65535; default: 7\n"));
  EXPECT_THAT(outcome_.output, Not(HasSubstr("default-token")));
}

TEST_F(FlagSetTest, MarkdownAndVersionAreOutputs) {
  ASSERT_TRUE(Parse({"--help_markdown"}).ok());
  EXPECT_THAT(outcome_.output, HasSubstr("| `--port` | integer from 0 to 65535 | `7` | Port. |\n"));
  ASSERT_TRUE(Parse({"--no-help_markdown", "--version"}).ok());
  EXPECT_EQ(outcome_.output, "meros-master " + std::string(Version()) + "\n");
}

}  // namespace
}  // namespace meros::config

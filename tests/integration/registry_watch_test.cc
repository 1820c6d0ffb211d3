// Goal: `meros registry watch` shows the record of the cluster as it changes, a line a change, and
// goes on after a restart of the registry with what was missed. Method: the real registry and
// command line; a session plays the master.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "services/registry/test_session.h"

namespace meros::integration {
namespace {

using registry::Session;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kLimit = absl::Seconds(60);

class RegistryWatchTest : public ::testing::Test {
 protected:
  void Serve(const std::string& address) {
    auto process = testing::Process::Start(
        {.name = "registry",
         .program = testing::BinaryPath("meros-registry"),
         .arguments = {"--address=" + address, "--insecure", "--metrics_port=0",
                       "--store=sqlite:" + (directory_ / "r.db")},
         .log_dir = directory_.path()});
    ASSERT_TRUE(process.ok()) << process.status();
    registry_ = *std::move(process);
    const absl::Status ready = registry_->WaitReady(kLimit);
    ASSERT_TRUE(ready.ok()) << ready;
  }
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(Serve("127.0.0.1:0"));
    epoch_ = Session(registry_->address()).Call(registry::Acquire("m")).lease().epoch();
    ASSERT_GT(epoch_, 0u);
  }
  std::unique_ptr<testing::Process> Watch(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"registry", "watch", "--registry", registry_->address(),
                                          "--insecure"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto process = testing::Process::Start({.name = absl::StrCat("watch-", ++watches_),
                                            .program = testing::BinaryPath("meros"),
                                            .arguments = std::move(arguments),
                                            .log_dir = directory_.path()});
    EXPECT_TRUE(process.ok()) << process.status();
    return *std::move(process);
  }
  // What it shows until it ends by itself.
  std::string Shown(std::vector<std::string> more) {
    auto watch = Watch(std::move(more));
    EXPECT_TRUE(watch->Wait(kLimit).ok());
    return watch->Output() + watch->Log();
  }
  bool Shows(const testing::Process& watch, const std::string& text) const {
    return testing::Eventually(kLimit,
                               [&] { return watch.Output().find(text) != std::string::npos; });
  }
  uint64_t Put(const std::string& name, const std::string& value) {
    const auto answer = Session(registry_->address()).Call(registry::Put(epoch_, name, value));
    EXPECT_EQ(answer.code(), 0) << answer.message();
    return answer.commit().revision();
  }

  testing::TempDir directory_;
  std::unique_ptr<testing::Process> registry_;
  uint64_t epoch_ = 0;
  int watches_ = 0;
};

TEST_F(RegistryWatchTest, ShowsRecordsThenChangesAndGoesOnAfterARestart) {
  const uint64_t first = Put("a-1", "12345");
  auto watch = Watch({"--kinds", "agent,role"});
  EXPECT_TRUE(Shows(*watch, absl::StrCat(first, "  agent  a-1  put  5 B\n")));
  auto remove = registry::Put(epoch_, "a-1", "");
  remove.mutable_commit()->mutable_mutations(0)->set_remove(true);
  const auto removed = Session(registry_->address()).Call(remove);
  EXPECT_TRUE(Shows(*watch, absl::StrCat(removed.commit().revision(), "  agent  a-1  removed\n")));

  const std::string address = registry_->address();
  registry_->Kill();
  ASSERT_NO_FATAL_FAILURE(Serve(address));
  const uint64_t after = Put("a-2", "1");

  EXPECT_TRUE(Shows(*watch, absl::StrCat(after, "  agent  a-2  put  1 B\n")));
  EXPECT_THAT(watch->Output(), Not(HasSubstr("lease")));
  EXPECT_TRUE(watch->running());
  watch->Kill();

  EXPECT_EQ(Shown({"--kinds=AGENT", "--once"}),
            absl::StrCat(after, "  agent  a-2  put  1 B\n"));
  EXPECT_THAT(Shown({"--once", "--json"}),
              AllOf(HasSubstr("\"RECORD_KIND_LEASE\""), HasSubstr("\"last\":true"),
                    HasSubstr(absl::StrCat("\"revision\":\"", after, "\""))));
}

TEST_F(RegistryWatchTest, GoesOnAfterARevisionOrSaysThatItCannot) {
  const uint64_t first = Put("a-1", "1");
  const uint64_t second = Put("a-2", "1");
  auto watch = Watch({"--after", absl::StrCat(first)});
  EXPECT_TRUE(Shows(*watch, absl::StrCat(second, "  agent  a-2  put  1 B\n")));
  EXPECT_THAT(watch->Output(), Not(HasSubstr("a-1")));

  auto beyond = Watch({"--after", absl::StrCat(second + 10)});
  EXPECT_TRUE(Shows(*beyond, "a-2"));
  EXPECT_THAT(beyond->Output(), HasSubstr("a-1"));
  EXPECT_THAT(beyond->Log(), HasSubstr("all there is follows"));
}

TEST_F(RegistryWatchTest, SaysWhatCannotBeDone) {
  EXPECT_THAT(Shown({"--kinds", "agents"}),
              HasSubstr("--kinds: must be of agent, framework, quota"));
  registry_->Kill();
  EXPECT_THAT(Shown({"--timeout", "1"}), HasSubstr("registry 127.0.0.1:"));
}

}  // namespace
}  // namespace meros::integration

// The whitelist as a file: what it may hold, when it is read again, and what a bad one costs.
#include "services/master/shell/whitelist_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"

namespace meros::master {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::Duration kPatience = absl::Seconds(60);

TEST(ParseWhitelist, ReadsOneHostnameALine) {
  const auto list = ParseWhitelist("b.example\n\n  # of rack 2\na-1\r\nb.example\nfe80::1", "f");

  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_THAT(**list, ElementsAre("a-1", "b.example", "fe80::1"));
  EXPECT_THAT(**ParseWhitelist("", "f"), IsEmpty());
}

TEST(ParseWhitelist, NamesTheLineThatIsNoHostname) {
  EXPECT_EQ(ParseWhitelist("a\nb c\n", "/etc/list").status().message(),
            "/etc/list:2: expected a hostname, found 'b c'");
  EXPECT_THAT(ParseWhitelist("\n\n*", "f").status().message(), HasSubstr("f:3:"));
  EXPECT_THAT(ParseWhitelist(std::string(254, 'a'), "f").status().message(), HasSubstr("f:1:"));
  EXPECT_THAT(ParseWhitelist(absl::string_view("a\0z", 3), "f").status().message(),
              HasSubstr("a\\x00z"));
}

class WhitelistFileTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) { std::ofstream(path_, std::ios::trunc) << text; }

  meros::testing::TempDir directory_;
  const std::string path_ = directory_ / "list";
};

TEST_F(WhitelistFileTest, HandsOnOnlyWhatChanged) {
  WhitelistFile file(path_);
  EXPECT_TRUE(absl::IsNotFound(file.Read().status()));
  Write("a\n");
  EXPECT_THAT(***file.Read(), ElementsAre("a"));

  Write("# the same\na\n");

  EXPECT_EQ(*file.Read(), std::nullopt);
  Write("");
  EXPECT_THAT(***file.Read(), IsEmpty());
}

TEST_F(WhitelistFileTest, ATooLargeFileIsRefused) {
  WhitelistFile file(path_);
  Write(std::string(kMaxWhitelistBytes, '\n'));
  EXPECT_TRUE(file.Read().ok());
  Write(std::string(kMaxWhitelistBytes + 1, '\n'));

  EXPECT_THAT(file.Read().status().message(), HasSubstr("has more than 8388608 bytes"));
}

TEST_F(WhitelistFileTest, ABadFileLeavesTheLastListInForceAndIsCounted) {
  Write("a\n");
  Mutex mutex;
  std::vector<WhitelistRef> lists;
  const auto put = [&](WhitelistRef list) {
    MutexLock lock(&mutex);
    lists.push_back(std::move(list));
  };
  const auto put_so_far = [&] {
    MutexLock lock(&mutex);
    return lists.size();
  };
  telemetry::MetricRegistry registry("master");
  WhitelistMetrics metrics(&registry);
  auto watch = WhitelistWatch::Start(path_, absl::Milliseconds(10), put, &metrics);
  ASSERT_TRUE(watch.ok()) << watch.status();
  ASSERT_EQ(put_so_far(), 1u);

  Write("not a hostname\n");

  ASSERT_TRUE(
      meros::testing::Eventually(kPatience, [&] { return metrics.errors.ValueForTest() >= 2; }));
  EXPECT_EQ(put_so_far(), 1u);
  // Atomically: a file that is being written may be read half.
  std::ofstream(path_ + ".new") << "b\nc\n";
  ASSERT_EQ(std::rename((path_ + ".new").c_str(), path_.c_str()), 0);
  ASSERT_TRUE(meros::testing::Eventually(kPatience, [&] { return put_so_far() == 2; }));
  (*watch)->Stop();
  EXPECT_THAT(*lists[1], ElementsAre("b", "c"));
  EXPECT_EQ(metrics.loads.ValueForTest(), 2);
}

TEST_F(WhitelistFileTest, AWatchOfABadFileDoesNotStart) {
  Write("a b\n");
  telemetry::MetricRegistry registry("master");
  WhitelistMetrics metrics(&registry);
  const auto unexpected = [](WhitelistRef) { ADD_FAILURE(); };

  const auto watch = WhitelistWatch::Start(path_, absl::Hours(1), unexpected, &metrics);

  EXPECT_TRUE(absl::IsInvalidArgument(watch.status()));
}

}  // namespace
}  // namespace meros::master

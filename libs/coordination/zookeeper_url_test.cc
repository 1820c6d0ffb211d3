// Goal: what operators write is understood, what they cannot mean is refused, and no password is
// shown.
#include "libs/coordination/zookeeper_url.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace meros::coordination {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ZooKeeperUrl, FillsInThePortAndTakesThePath) {
  const auto url = ParseZooKeeperUrl("zk://a,b:2182,[::1]/meros/west/");

  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->servers, "a:2181,b:2182,[::1]:2181");
  EXPECT_EQ(url->path, "/meros/west");
  EXPECT_EQ(url->credentials, "");
  EXPECT_EQ(url->Redacted(), "zk://a:2181,b:2182,[::1]:2181/meros/west");
}

TEST(ZooKeeperUrl, KeepsCredentialsAndDoesNotShowThePassword) {
  const auto url = ParseZooKeeperUrl("zk://me:se:c@ret@a:1/p");

  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->credentials, "me:se:c@ret");
  EXPECT_EQ(url->servers, "a:1");
  EXPECT_EQ(url->Redacted(), "zk://me:***@a:1/p");
}

TEST(ZooKeeperUrl, RefusesWhatCannotBeMeant) {
  for (const char* text :
       {"", "zk:", "zk://", "zk:///p", "zk://a", "zk://a/", "zk://a,/p", "zk://a:0/p", "zk://a:x/p",
        "zk://a:70000/p", "zk://a//p", "zk://a/../p", "zk://a/p/./q", "zk://a/p\n", "http://a/p",
        "zk://:pw@a/p", "zk://me@a/p"}) {
    const auto url = ParseZooKeeperUrl(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(url.status().message()), HasSubstr("zk://")) << text;
  }
  EXPECT_THAT(std::string(ParseZooKeeperUrl("zk://me:secret@a:x/p").status().message()),
              Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace meros::coordination

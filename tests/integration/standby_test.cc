// Goal: a master that could not take over without harm does not stand by. Method: a leader and a
// second master of the real program on loopback.
#include <sys/wait.h>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"

namespace meros::integration {
namespace {

TEST(Standby, AMasterInAnotherRegionThanTheLeaderEndsAndSaysWhy) {
  testing::TempDir directory;
  testing::LocalCluster cluster(
      {.directory = directory.path(), .agents = 0, .master_flags = {"--domain=east/1"}});
  const absl::Status started = cluster.Start();
  ASSERT_TRUE(started.ok()) << started;
  const auto start = [&](const std::string& name, const std::string& domain) {
    auto master = testing::Process::Start(
        {.name = name,
         .program = testing::BinaryPath("meros-master"),
         .arguments = {"--insecure", "--address=127.0.0.1:0", "--metrics_port=0",
                       "--registry=" + cluster.registry_address(), "--allocator=127.0.0.1:1",
                       "--domain=" + domain},
         .log_dir = directory.path()});
    EXPECT_TRUE(master.ok()) << master.status();
    return *std::move(master);
  };

  auto neighbour = start("neighbour", "east/2");
  auto stranger = start("stranger", "west/1");

  const auto status = stranger->Wait(absl::Seconds(60));
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(WEXITSTATUS(*status), 1);
  EXPECT_TRUE(absl::StrContains(stranger->Log(), "is in region east, this master in west"))
      << stranger->Log();
  EXPECT_TRUE(neighbour->running());
}

}  // namespace
}  // namespace meros::integration

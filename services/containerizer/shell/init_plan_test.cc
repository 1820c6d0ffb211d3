// Goal: a spec becomes the request that meros-init runs.
#include "services/containerizer/shell/init_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

namespace meros::containerizer {
namespace {

using ::testing::ElementsAre;

v1::LaunchSpec Spec() {
  v1::LaunchSpec spec;
  spec.set_container_id("c");
  spec.mutable_command()->set_value("/bin/true");
  spec.set_sandbox_directory("/tmp");
  return spec;
}

TEST(InitPlan, ShellLineAndPlainProgram) {
  v1::LaunchSpec spec = Spec();
  EXPECT_THAT(MakeInitRequest(spec, {})->arguments, ElementsAre("/bin/true"));

  spec.mutable_command()->set_shell(true);
  spec.mutable_command()->set_value("a | b");
  EXPECT_EQ(MakeInitRequest(spec, {})->program, "/bin/sh");
  EXPECT_THAT(MakeInitRequest(spec, {})->arguments, ElementsAre("sh", "-c", "a | b"));
}

TEST(InitPlan, LaterEnvironmentEntriesWinAndPathHasADefault) {
  v1::LaunchSpec spec = Spec();
  for (const char* value : {"1", "2"}) {
    v1::EnvironmentVariable* const variable = spec.add_environment();
    variable->set_name("A");
    variable->set_value(value);
  }

  EXPECT_THAT(MakeInitRequest(spec, {})->environment,
              ElementsAre("A=2", ::testing::StartsWith("PATH=/usr/local/sbin:")));
}

TEST(InitPlan, ResourceLimitsFollowTheDefaultForOpenFiles) {
  v1::LaunchSpec spec = Spec();
  spec.add_rlimits()->set_type(v1::Rlimit::CORE);
  v1::Rlimit* const files = spec.add_rlimits();
  files->set_type(v1::Rlimit::NOFILE);
  files->set_soft(10);
  files->set_hard(20);

  const auto rlimits = MakeInitRequest(spec, {.soft = 1024, .hard = 4096})->rlimits;

  ASSERT_EQ(rlimits.size(), 3u);
  EXPECT_EQ(rlimits[0].soft, 1024u);
  EXPECT_EQ(rlimits[1].resource, RLIMIT_CORE);
  EXPECT_EQ(rlimits[1].hard, UINT64_MAX);
  EXPECT_EQ(rlimits[2].soft, 10u);
}

TEST(InitPlan, UnknownUserIsNamed) {
  v1::LaunchSpec spec = Spec();
  spec.set_user("no-such-user");

  EXPECT_TRUE(absl::IsNotFound(MakeInitRequest(spec, {}).status()));
}

}  // namespace
}  // namespace meros::containerizer

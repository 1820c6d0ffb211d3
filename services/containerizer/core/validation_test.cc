// Goal: every rule of a launch is checked, and the message names the field.
#include "services/containerizer/core/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace meros::containerizer {
namespace {

v1::LaunchSpec GoodSpec() {
  v1::LaunchSpec spec;
  spec.set_container_id("5f0c-task_1:a");
  spec.mutable_command()->set_value("/bin/true");
  spec.set_sandbox_directory("/var/lib/meros/sandbox");
  return spec;
}

TEST(ValidateLaunch, AcceptsTheLeastSpec) {
  EXPECT_EQ(ValidateLaunch(GoodSpec()), absl::OkStatus());
}

TEST(ValidateLaunch, NamesTheFieldThatIsWrong) {
  struct Case {
    const char* field;
    std::function<void(v1::LaunchSpec*)> spoil;
  };
  const Case cases[] = {
      {"container_id", [](auto* s) { s->clear_container_id(); }},
      {"container_id", [](auto* s) { s->set_container_id("a/b"); }},
      {"container_id", [](auto* s) { s->set_container_id(".."); }},
      {"container_id", [](auto* s) { s->set_container_id("a b"); }},
      {"container_id", [](auto* s) { s->set_container_id(std::string(243, 'x')); }},
      {"spec.command.value", [](auto* s) { s->clear_command(); }},
      {"spec.command.value",
       [](auto* s) { s->mutable_command()->set_value(std::string("a\0b", 3)); }},
      {"spec.command.arguments",
       [](auto* s) {
         s->mutable_command()->set_shell(true);
         s->mutable_command()->add_arguments("x");
       }},
      {"spec.environment.name", [](auto* s) { s->add_environment()->set_name("A=B"); }},
      {"spec.environment",
       [](auto* s) {
         s->add_environment()->set_name("A");
         s->mutable_environment(0)->set_value(std::string(kCommandBytesMax, 'x'));
       }},
      {"spec.sandbox_directory", [](auto* s) { s->set_sandbox_directory("relative"); }},
      {"spec.stdout_path", [](auto* s) { s->set_stdout_path("/etc/passwd"); }},
      {"resources.memory_limit_bytes",
       [](auto* s) { s->mutable_resources()->set_memory_limit_bytes(4096); }},
      {"resources.cpu_limit_millis",
       [](auto* s) { s->mutable_resources()->set_cpu_limit_millis(1); }},
      {"resources.pids_limit", [](auto* s) { s->mutable_resources()->set_pids_limit(1); }},
      {"spec.rlimits", [](auto* s) { s->add_rlimits()->set_type(v1::Rlimit::TYPE_UNSPECIFIED); }},
      {"spec.rlimits.soft",
       [](auto* s) {
         v1::Rlimit* const limit = s->add_rlimits();
         limit->set_type(v1::Rlimit::NOFILE);
         limit->set_soft(2);
         limit->set_hard(1);
       }},
      {"spec.namespaces.pid", [](auto* s) { s->mutable_namespaces()->set_pid(true); }},
      {"spec.hostname", [](auto* s) { s->set_hostname(std::string(65, 'h')); }},
  };
  for (const Case& c : cases) {
    v1::LaunchSpec spec = GoodSpec();
    c.spoil(&spec);

    const absl::Status status = ValidateLaunch(spec);

    EXPECT_TRUE(absl::IsInvalidArgument(status)) << c.field;
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(c.field));
  }
}

TEST(ValidateSignal, RefusesWhatCannotBeHandedOver) {
  for (const uint32_t signal : {0u, 19u, 32u, 33u, 65u}) EXPECT_FALSE(ValidateSignal(signal).ok());
  for (const uint32_t signal : {1u, 9u, 15u, 64u}) EXPECT_TRUE(ValidateSignal(signal).ok());
}

}  // namespace
}  // namespace meros::containerizer

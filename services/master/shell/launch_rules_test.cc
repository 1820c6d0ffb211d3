// Goal: what a scheduler may not launch is refused as frameworks of Mesos know it, rule by rule,
// and what it launches beside it runs. Method: a row per rule, named after it; a good task with one
// fault goes as a message through the rules for messages and the core, beside a good one. The rules
// have the numbers of libs/wire/task_rules.h. Rule 0, whether the framework may run tasks as this
// user, has no row: there is nothing to authorize with yet. Groups are in accept_rules_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/master/shell/test_scheduler.h"

namespace meros::master::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ValuesIn;

struct LaunchRow {
  std::string rule;
  std::string task;      // merged into a good task without a command
  std::string expected;  // in what the framework is told
  std::function<void(Scheduler*)> before = [](Scheduler*) {};
};

constexpr char kExecutor[] = "executor_id { value: 'e' } command { value: 'x' } ";

std::string Run(const std::string& more) { return absl::StrCat(kRunSleep, more); }
std::string Custom(const std::string& more) {
  return absl::StrCat("executor { ", kExecutor, more, " } ");
}
std::string Volume(const std::string& id) {
  return Scalar("disk", "1",
                absl::StrCat("role: 'eng' reservation {} disk { persistence { id: '", id,
                             "' } volume { container_path: '", id, "' mode: RW } }"));
}

class LaunchRules : public ::testing::TestWithParam<LaunchRow> {};

TEST_P(LaunchRules, OneTaskIsAnErrorAndTheOthersRun) {
  Scheduler scheduler;
  GetParam().before(&scheduler);

  const Lines lines =
      scheduler.Accept(absl::StrCat("operations { type: LAUNCH launch { ",
                                    Task("bad", GetParam().task), Task("good", kRunSleep), " } }"));

  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("scheduler 1: UPDATE "),
                                    HasSubstr("TASK_ERROR REASON_TASK_INVALID"),
                                    Not(HasSubstr("uuid=")), HasSubstr(GetParam().expected))));
  EXPECT_THAT(lines, Contains("agent 2: RUN good role=eng"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("RUN bad"))));
}

std::vector<LaunchRow> Rules1To5() {
  return {
      {"Rule1 task id is not empty", Run("task_id { value: '' }"), "task_id.value: must not be"},
      {"Rule1 task id has at most 255 bytes", Run("task_id { value: '" + Long(256) + "' }"),
       "at most 255 bytes"},
      {"Rule1 task id is not a dot", Run("task_id { value: '.' }"), "must not be '.'"},
      {"Rule1 task id is not two dots", Run("task_id { value: '..' }"), "must not be '..'"},
      {"Rule1 task id has no control characters", Run("task_id { value: 'a\\001' }"), "control"},
      {"Rule1 task id has no slash", Run("task_id { value: 'a/b' }"), "must not contain '/'"},
      {"Rule1 task id has no backslash", Run("task_id { value: 'a\\\\b' }"), "must not contain"},
      {"Rule2 task id is not that of a task that runs", kRunSleep, "task id bad is already in use",
       [](Scheduler* s) {
         s->Accept(
             absl::StrCat("operations { type: LAUNCH launch { ", Task("bad", kRunSleep), " } }"));
         s->Offer(Parsed("cpus:3;mem:512"));
       }},
      {"Rule2 task id is not that of a task whose end is unacknowledged", kRunSleep,
       "task id bad is already in use",
       [](Scheduler* s) {
         s->Accept(
             absl::StrCat("operations { type: LAUNCH launch { ", Task("bad", kRunSleep), " } }"));
         s->driver().Update(2, "m-0000", "bad", v1::TASK_FINISHED, "u");
         s->Offer(Parsed("cpus:3;mem:512"));
       }},
      {"Rule3 agent is the one of the offer", Run("agent_id { value: 'm-S9' }"),
       "task.agent_id is m-S9 but the offers are of agent m-S0"},
      {"Rule4 grace period is not negative",
       Run("kill_policy { grace_period { nanoseconds: -1 } }"), "kill_policy.grace_period"},
      {"Rule5 completion time is not negative", Run("max_completion_time { nanoseconds: -1 }"),
       "max_completion_time"},
  };
}
INSTANTIATE_TEST_SUITE_P(Rules1To5, LaunchRules, ValuesIn(Rules1To5()), RowName<LaunchRow>);

std::vector<LaunchRow> Rule6() {
  return {
      {"Rule6 check has a type", Run("check {}"), "check.type: must be"},
      {"Rule6 check of a command has one", Run("check { type: COMMAND }"), "check.command"},
      {"Rule6 command of a check has a value",
       Run("check { type: COMMAND command { command {} } }"),
       "check.command.command.value: must be set"},
      {"Rule6 http path of a check begins with a slash",
       Run("check { type: HTTP http { port: 80 path: 'x' } }"), "must start with '/'"},
      {"Rule6 tcp check has tcp", Run("check { type: TCP }"), "check.tcp: must be set"},
      {"Rule6 delay of a check is not negative",
       Run("check { type: TCP tcp { port: 1 } delay_seconds: -1 }"), "check.delay_seconds"},
      {"Rule6 interval of a check is not negative",
       Run("check { type: TCP tcp { port: 1 } interval_seconds: -1 }"), "check.interval_seconds"},
      {"Rule6 timeout of a check is not negative",
       Run("check { type: TCP tcp { port: 1 } timeout_seconds: -1 }"), "check.timeout_seconds"},
      {"Rule6 environment of a check is valid",
       Run("check { type: COMMAND command { command { value: 'x' environment { variables { "
           "name: 'A' type: UNKNOWN } } } } }"),
       "must be VALUE or SECRET"},
      {"Rule6 health check has a type or implies one", Run("health_check {}"),
       "health_check.type: must be"},
      {"Rule6 health check by command has one", Run("health_check { type: COMMAND }"),
       "health_check.command: must be set"},
      {"Rule6 scheme of a health check is http or https",
       Run("health_check { http { port: 1 scheme: 'ftp' } }"), "must be 'http' or 'https'"},
      {"Rule6 http path of a health check begins with a slash",
       Run("health_check { http { port: 1 path: 'x' } }"), "must start with '/'"},
      {"Rule6 health check by tcp has tcp", Run("health_check { type: TCP }"),
       "health_check.tcp: must be set"},
      {"Rule6 grace of a health check is not negative",
       Run("health_check { type: TCP tcp { port: 1 } grace_period_seconds: -1 }"),
       "grace_period_seconds"},
  };
}
INSTANTIATE_TEST_SUITE_P(Rule6, LaunchRules, ValuesIn(Rule6()), RowName<LaunchRow>);

std::vector<LaunchRow> Rule7() {
  return {
      {"Rule7 resources are valid", Run(Scalar("x", "nan")), "resources[2].scalar.value"},
      {"Rule7 gpus are whole", Run(Scalar("gpus", "0.5")), "whole number"},
      {"Rule7 disk says what it is", Run(Scalar("disk", "1", "disk {}")), "disk"},
      {"Rule7 dynamic reservations are not revocable",
       Run(Scalar("x", "1", "revocable {} role: 'eng' reservation {}")),
       "revocable 'x' is dynamically reserved"},
      {"Rule7 persistence ids are unique for a role", Run(Volume("v") + Volume("v")),
       "persistence id 'v' is used twice"},
      {"Rule7 resources are allocated to one role",
       Run(Scalar("x", "1", "allocation_info { role: 'a' }") +
           Scalar("y", "1", "allocation_info { role: 'b' }")),
       "more than one role"},
      {"Rule7 that role is the one of the offer",
       Run(Scalar("disk", "1", "allocation_info { role: 'a' }")),
       "resources are allocated to role a, the offers to eng"},
      {"Rule7 that role is the one of the offer for the executor alone",
       absl::StrCat("executor { type: CUSTOM executor_id { value: 'e' } command { value: 'x' } ",
                    Scalar("disk", "1", "allocation_info { role: 'a' }"), "}"),
       "resources are allocated to role a, the offers to eng"},
      {"Rule7 a resource is revocable or not", Run(Scalar("cpus", "1", "revocable {}")),
       "both as revocable and not"},
  };
}
INSTANTIATE_TEST_SUITE_P(Rule7, LaunchRules, ValuesIn(Rule7()), RowName<LaunchRow>);

std::vector<LaunchRow> Rule8() {
  return {
      {"Rule8 variable by value has one",
       Run("command { environment { variables { name: 'A' } } }"), "must have a value"},
      {"Rule8 variable by value has no secret",
       Run("command { environment { variables { name: 'A' value: 'x' secret { type: VALUE "
           "value { data: 'y' } } } } }"),
       "must not have a secret"},
      {"Rule8 variable by secret has one",
       Run("command { environment { variables { name: 'A' type: SECRET } } }"),
       "must have a secret"},
      {"Rule8 variable by secret has no value",
       Run("command { environment { variables { name: 'A' type: SECRET value: 'x' } } }"),
       "must not have a value"},
      {"Rule8 secret of a variable has no nul",
       Run("command { environment { variables { name: 'A' type: SECRET secret { type: VALUE "
           "value { data: 'a\\000b' } } } } }"),
       "must not contain NUL"},
      {"Rule8 type of a variable is known",
       Run("command { environment { variables { name: 'A' type: UNKNOWN value: 'x' } } }"),
       "must be VALUE or SECRET"},
      {"Rule8 volume has one of host path and image and source",
       Run("container { type: MESOS volumes { mode: RW container_path: 'd' } }"),
       "exactly one of host_path, image and source, has 0"},
      {"Rule8 volume has no two of them",
       Run("container { type: MESOS volumes { mode: RW container_path: 'd' host_path: '/' "
           "image { type: DOCKER } } }"),
       "has 2"},
      {"Rule8 source of a volume has the member of its type",
       Run("container { type: MESOS volumes { mode: RW container_path: 'd' "
           "source { type: DOCKER_VOLUME } } }"),
       "source.docker_volume: must be set"},
      {"Rule8 docker container has docker", Run("container { type: DOCKER }"),
       "container.docker: must be set"},
      {"Rule8 docker parameter is not name",
       Run("container { type: DOCKER docker { image: 'i' parameters { key: 'name' value: 'x' } } "
           "}"),
       "must not be 'name'"},
  };
}
INSTANTIATE_TEST_SUITE_P(Rule8, LaunchRules, ValuesIn(Rule8()), RowName<LaunchRow>);

// The agent comes back as one of an older version, and is offered anew.
void ComeBackWithoutLimits(Scheduler* scheduler) {
  AgentReregister again;
  again.stream = 2;
  again.agent_id = AgentId("m-S0");
  again.agent = DescriptionOf("k", scheduler->kAll, "m-S0");
  again.agent.capabilities.Remove(v1::AgentInfo::Capability::TASK_RESOURCE_LIMITS);
  scheduler->driver().Do(std::move(again));
  scheduler->Offer(Parsed("cpus:4;mem:1024"));
}

std::vector<LaunchRow> Rules9And10() {
  return {
      {"Rule9 the agent can limit tasks", Run("limits { key: 'mem' value { value: 128 } }"),
       "agent m-S0 cannot limit tasks (capability TASK_RESOURCE_LIMITS)", ComeBackWithoutLimits},
      {"Rule9 only cpus and mem are limited", Run("limits { key: 'disk' value { value: 1 } }"),
       "only cpus and mem may be limited"},
      {"Rule9 limit of mem is not below the request",
       Run("limits { key: 'mem' value { value: 5 } }"),
       "must be at least the request of 64, got 5"},
      {"Rule9 limit of cpus is not below the request",
       Run("limits { key: 'cpus' value { value: 0.5 } }"),
       "must be at least the request of 1, got 0.5"},
      {"Rule10 command or executor", "", "exactly one of command and executor"},
      {"Rule10 not command and executor", Run(Custom("")), "exactly one of command and executor"},
  };
}
INSTANTIATE_TEST_SUITE_P(Rules9And10, LaunchRules, ValuesIn(Rules9And10()), RowName<LaunchRow>);

std::vector<LaunchRow> Rule11() {
  return {
      {"Rule11 executor is custom", Custom("type: DEFAULT"), "executor.type: must be CUSTOM"},
      {"Rule11 executor has a command", "executor { executor_id { value: 'e' } }",
       "executor.command: must be set"},
      {"Rule11 executor id is valid", Custom("executor_id { value: 'a/b' }"),
       "executor.executor_id.value: must not contain '/'"},
      {"Rule11 shutdown grace period is not negative",
       Custom("shutdown_grace_period { nanoseconds: -1 }"), "executor.shutdown_grace_period"},
      {"Rule11 command of the executor is valid",
       Custom("command { environment { variables { name: 'A' } } }"), "must have a value"},
      {"Rule11 container of the executor is valid", Custom("container { type: DOCKER }"),
       "executor.container.docker: must be set"},
      {"Rule11 framework of the executor is this one", Custom("framework_id { value: 'other' }"),
       "executor.framework_id: must be 'm-0000'"},
      {"Rule11 resources of the executor are valid", Custom(Scalar("x", "-1")),
       "executor.resources[0].scalar.value"},
      {"Rule11 resources of the executor are not shared",
       Custom(Scalar("disk", "1",
                     "role: 'eng' reservation {} shared {} disk { persistence { id: 'v' } "
                     "volume { container_path: 'd' mode: RW } }")),
       "executor.resources: must not be shared"},
      {"Rule11 running executor is described the same way", Custom("name: 'another'"),
       "executor e runs with another description",
       [](Scheduler* s) {
         s->Accept(absl::StrCat("operations { type: LAUNCH launch { ", Task("first", Custom("")),
                                " } }"));
         s->Offer(Parsed("cpus:3;mem:512"));
       }},
      {"Rule11 executor does not share cgroups",
       Custom("container { type: MESOS linux_info { share_cgroups: true } }"),
       "share_cgroups: must not be true for an executor"},
  };
}
INSTANTIATE_TEST_SUITE_P(Rule11, LaunchRules, ValuesIn(Rule11()), RowName<LaunchRow>);

std::vector<LaunchRow> Rules12To14() {
  return {
      {"Rule12 ranges of task and executor do not overlap",
       "resources { name: 'ports' type: RANGES ranges { range { begin: 1 end: 5 } } } " +
           Custom("resources { name: 'ports' type: RANGES ranges { range { begin: 5 end: 9 } } }"),
       "'ports' overlaps"},
      {"Rule12 persistence ids of task and executor are unique", Volume("v") + Custom(Volume("v")),
       "persistence id 'v' is used twice"},
      {"Rule12 revocable is not mixed over task and executor",
       Custom(Scalar("cpus", "1", "revocable {}")), "both as revocable and not"},
      {"Rule13 task fits into what is left of the offers", Run(Scalar("cpus", "4")),
       "task needs cpus:5"},
      {"Rule13 executor that does not run yet counts", Custom(Scalar("mem", "1000")), "task needs"},
      {"Rule14 cgroups are shared outside of groups",
       Run("container { type: MESOS linux_info { share_cgroups: false } }"),
       "share_cgroups: may be false only in a task group"},
  };
}
INSTANTIATE_TEST_SUITE_P(Rules12To14, LaunchRules, ValuesIn(Rules12To14()), RowName<LaunchRow>);

std::vector<LaunchRow> Order() {
  return {
      {"Order lower rules come first",
       Run(Scalar("cpus", "400") + "agent_id { value: 'm-S9' } "
                                   "kill_policy { grace_period { nanoseconds: -1 } }"),
       "task.agent_id is m-S9"},
  };
}
INSTANTIATE_TEST_SUITE_P(Order, LaunchRules, ValuesIn(Order()), RowName<LaunchRow>);

TEST(LaunchRulesOfRunningExecutors, ItsResourcesAreNotTakenAgain) {
  Scheduler scheduler;
  scheduler.Accept(absl::StrCat("operations { type: LAUNCH launch { ",
                                Task("first", Custom(Scalar("mem", "512"))), " } }"));
  scheduler.Offer(Parsed("cpus:1;mem:64"));

  EXPECT_THAT(scheduler.Accept(absl::StrCat("operations { type: LAUNCH launch { ",
                                            Task("second", Custom(Scalar("mem", "512"))), " } }")),
              Contains(HasSubstr("agent 2: RUN second")));
}

TEST(LaunchRulesOfCompletedTasks, TheirIdsMayBeUsedAgain) {
  Scheduler scheduler;
  const std::string launch =
      absl::StrCat("operations { type: LAUNCH launch { ", Task("t", kRunSleep), " } }");
  scheduler.Accept(launch);
  scheduler.driver().Update(2, "m-0000", "t", v1::TASK_FINISHED, "0123456789abcdef");
  scheduler.driver().Call(1, "m-0000",
                          AcknowledgeCall{AgentId("m-S0"), TaskId("t"), "0123456789abcdef"});
  scheduler.Offer(Parsed("cpus:3;mem:512"));

  EXPECT_THAT(scheduler.Accept(launch), Contains(HasSubstr("agent 2: RUN t")));
}

}  // namespace
}  // namespace meros::master::testing

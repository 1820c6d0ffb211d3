// Goal: every rule for tasks and groups refuses what it should with its number and place, and
// accepts the rest. Method: a good task (group), changed in one way a case by text that is merged
// into it.
#include "libs/wire/task_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <google/protobuf/text_format.h>

namespace meros::wire {
namespace {

using ::testing::HasSubstr;

const FrameworkId kFramework("fw");

template <typename M>
void Merge(const std::string& text, M* message) {
  ASSERT_TRUE(google::protobuf::TextFormat::MergeFromString(text, message)) << text;
}

constexpr char kTask[] = R"(
  name: 'sleeper' task_id { value: 't1' } agent_id { value: 'a1' }
  resources { name: 'cpus' type: SCALAR scalar { value: 1 } allocation_info { role: 'eng' } }
  resources { name: 'mem' type: SCALAR scalar { value: 64 } allocation_info { role: 'eng' } })";

std::string Long(size_t size) { return std::string(size, 'x'); }

TaskVerdict Judge(const std::string& changes, bool has_command = true) {
  v1::TaskInfo task;
  Merge(kTask, &task);
  if (has_command) Merge("command { value: 'sleep 1' }", &task);
  Merge(changes, &task);
  return JudgeTask(task, kFramework, FieldPath("task"));
}

struct BadTask {
  int rule;
  std::string changes;
  std::string expected;
  bool has_command = true;
};

void ExpectRefused(const std::vector<BadTask>& cases) {
  for (const BadTask& c : cases) {
    const TaskVerdict verdict = Judge(c.changes, c.has_command);
    EXPECT_EQ(verdict.rule, c.rule) << c.changes << ": " << verdict.status;
    EXPECT_THAT(std::string(verdict.status.message()), HasSubstr(c.expected)) << c.changes;
  }
}

TEST(JudgeTask, AcceptsGoodTasksAndReturnsTheirResources) {
  const TaskVerdict verdict = Judge("");
  EXPECT_TRUE(verdict.status.ok()) << verdict.status;
  EXPECT_EQ(verdict.rule, 0);
  EXPECT_EQ(verdict.resources, resources::Resources::Of(1, 64).WithAllocationRole("eng"));
  EXPECT_TRUE(verdict.executor_resources.empty());

  for (const char* changes : {
           "kill_policy { grace_period { nanoseconds: 0 } }",
           "max_completion_time { nanoseconds: 5 }",
           "check { type: HTTP http { port: 80 path: '/health' } }",
           "check { type: COMMAND command { command { value: 'true' } } delay_seconds: 0 }",
           "check { type: TCP tcp { port: 80 } }",
           "health_check { command { value: 'true' } }",
           "health_check { type: HTTP http { port: 80 scheme: 'https' } }",
           "health_check { type: TCP tcp { port: 80 } grace_period_seconds: 1 }",
           "command { environment { variables { name: 'A' value: '' } } }",
           "command { environment { variables { name: 'A' type: SECRET "
           "secret { type: REFERENCE reference { name: 's' } } } } }",
           "container { type: MESOS volumes { mode: RW container_path: 'd' host_path: '/d' } }",
           "container { type: DOCKER docker { image: 'i' } }",
           "limits { key: 'cpus' value { value: 1 } }",
           "limits { key: 'mem' value { value: inf } }",
           "resources { name: 'disk' type: SCALAR scalar { value: 1 } }",
       }) {
    EXPECT_TRUE(Judge(changes).status.ok()) << changes << ": " << Judge(changes).status;
  }
}

TEST(JudgeTask, Rule1Identity) {
  ExpectRefused({
      {1, "task_id { value: '' }", "task.task_id.value: must not be empty"},
      {1, "task_id { value: 'a/b' }", "task.task_id.value: must not contain '/'"},
      {1, "task_id { value: '..' }", "must not be '..'"},
      {1, "task_id { value: 'a\\n' }", "control character"},
      {1, "task_id { value: '" + Long(256) + "' }", "at most 255 bytes"},
      {1, "name: '" + Long(5000) + "'", "task.name: must be at most 4096 bytes, got 5000"},
      {1, "data: '" + Long((1 << 20) + 1) + "'", "task.data: must be at most"},
  });
  EXPECT_TRUE(Judge("task_id { value: '" + Long(255) + "' }").status.ok());
}

TEST(JudgeTask, Rules4And5Durations) {
  ExpectRefused({
      {4, "kill_policy { grace_period { nanoseconds: -1 } }",
       "task.kill_policy.grace_period.nanoseconds: must be >= 0, got -1"},
      {5, "max_completion_time { nanoseconds: -5 }",
       "task.max_completion_time.nanoseconds: must be >= 0, got -5"},
  });
}

TEST(JudgeTask, Rule6Checks) {
  ExpectRefused({
      {6, "check {}", "task.check.type: must be COMMAND, HTTP or TCP"},
      {6, "check { type: COMMAND }", "task.check.command: must be set"},
      {6, "check { type: COMMAND command { command {} } }",
       "task.check.command.command.value: must be set"},
      {6, "check { type: HTTP }", "task.check.http: must be set"},
      {6, "check { type: HTTP http { port: 80 path: 'x' } }",
       "task.check.http.path: must start with '/'"},
      {6, "check { type: HTTP http { port: 70000 } }", "task.check.http.port: must be at most"},
      {6, "check { type: TCP }", "task.check.tcp: must be set"},
      {6, "check { type: TCP tcp { port: 1 } delay_seconds: -1 }",
       "task.check.delay_seconds: must be >= 0, got -1"},
      {6, "check { type: TCP tcp { port: 1 } interval_seconds: -1 }", "interval_seconds"},
      {6, "check { type: TCP tcp { port: 1 } timeout_seconds: nan }", "timeout_seconds"},
      {6, "health_check {}", "task.health_check.type: must be"},
      {6, "health_check { type: COMMAND }", "task.health_check.command: must be set"},
      {6, "health_check { type: COMMAND command {} }",
       "task.health_check.command.value: must be set"},
      {6, "health_check { type: COMMAND command { value: 'x' environment { variables {} } } }",
       "task.health_check.command.environment.variables[0].name: must not be empty"},
      {6, "health_check { type: HTTP }", "task.health_check.http: must be set"},
      {6, "health_check { http { port: 1 scheme: 'ftp' } }", "must be 'http' or 'https'"},
      {6, "health_check { http { port: 1 path: 'x' } }", "must start with '/'"},
      {6, "health_check { type: TCP }", "task.health_check.tcp: must be set"},
      {6, "health_check { type: TCP tcp { port: 1 } grace_period_seconds: -1 }",
       "grace_period_seconds"},
  });
}

TEST(JudgeTask, Rule7Resources) {
  v1::TaskInfo empty;
  Merge(kTask, &empty);
  empty.clear_resources();
  EXPECT_THAT(std::string(JudgeTask(empty, kFramework, FieldPath("task")).status.message()),
              HasSubstr("task.resources: must not be empty"));
  ExpectRefused({
      {7, "resources { name: 'x' type: SCALAR scalar { value: nan } }",
       "task.resources[2].scalar.value: must be finite and >= 0, got nan"},
      {7, "resources { name: 'gpus' type: SCALAR scalar { value: 0.5 } }", "whole number"},
      {7, "resources { name: 'disk' type: SCALAR scalar { value: 1 } disk {} }",
       "needs a persistence id or a source"},
      {7, "resources { name: 'x' type: SCALAR scalar { value: 1 } allocation_info { role: 'o' } }",
       "more than one role"},
      {7, "resources { name: 'cpus' type: SCALAR scalar { value: 1 } revocable {} }",
       "'cpus' is given both as revocable and not"},
      {7,
       "resources { name: 'x' type: SCALAR scalar { value: 1 } revocable {} role: 'eng' "
       "reservation {} }",
       "revocable 'x' is dynamically reserved"},
      {7,
       "resources { name: 'disk' type: SCALAR scalar { value: 1 } role: 'eng' reservation {} "
       "disk { persistence { id: 'v' } volume { container_path: 'd' mode: RW } } }"
       "resources { name: 'disk' type: SCALAR scalar { value: 2 } role: 'eng' reservation {} "
       "disk { persistence { id: 'v' } volume { container_path: 'e' mode: RW } } }",
       "persistence id 'v' is used twice"},
  });
}

TEST(JudgeTask, Rule8CommandAndContainer) {
  ExpectRefused({
      {8, "command { environment { variables { value: 'x' } } }",
       "task.command.environment.variables[0].name: must not be empty"},
      {8, "command { environment { variables { name: 'A=B' value: 'x' } } }",
       "must not contain '='"},
      {8, "command { environment { variables { name: 'A' } } }", "must have a value"},
      {8, "command { environment { variables { name: 'A' type: UNKNOWN value: 'x' } } }",
       "type: must be VALUE or SECRET"},
      {8,
       "command { environment { variables { name: 'A' value: 'x' secret { type: VALUE "
       "value { data: 'y' } } } } }",
       "must not have a secret"},
      {8, "command { environment { variables { name: 'A' type: SECRET } } }", "must have a secret"},
      {8, "command { environment { variables { name: 'A' type: SECRET value: 'x' } } }",
       "must not have a value"},
      {8,
       "command { environment { variables { name: 'A' type: SECRET secret { type: VALUE "
       "value { data: 'a\\000b' } } } } }",
       "secret.value.data: must not contain NUL bytes"},
      {8,
       "command { environment { variables { name: 'A' type: SECRET secret { type: REFERENCE "
       "} } } }",
       "secret.reference: must be set"},
      {8, "command { arguments: 'a\\000b' }", "task.command.arguments[0]: must not contain NUL"},
      {8, "command { uris { value: '' } }", "task.command.uris[0].value: must not be empty"},
      {8, "container { type: MESOS volumes { mode: RW container_path: 'd' } }",
       "task.container.volumes[0]: must have exactly one of host_path, image and source, has 0"},
      {8,
       "container { type: MESOS volumes { mode: RW container_path: 'd' host_path: '/' "
       "source { type: SECRET } } }",
       "has 2"},
      {8, "container { type: MESOS volumes { mode: RW container_path: '' host_path: '/' } }",
       "container_path: must not be empty"},
      {8, "container { type: MESOS volumes { mode: RW container_path: 'd' source {} } }",
       "source.type: must be a known type"},
      {8,
       "container { type: MESOS volumes { mode: RW container_path: 'd' "
       "source { type: DOCKER_VOLUME } } }",
       "source.docker_volume: must be set"},
      {8,
       "container { type: MESOS volumes { mode: RW container_path: 'd' "
       "source { type: SANDBOX_PATH } } }",
       "source.sandbox_path: must be set"},
      {8, "container { type: DOCKER }", "task.container.docker: must be set"},
      {8, "container { type: DOCKER docker { image: 'i' parameters { key: 'name' value: 'x' } } }",
       "task.container.docker.parameters[0]: must not be 'name'"},
      {8, "command {}", "task.command.value: must be set when shell is true", false},
  });
}

TEST(JudgeTask, Rule9Limits) {
  ExpectRefused({
      {9, "limits { key: 'disk' value { value: 1 } }",
       "task.limits[\"disk\"]: only cpus and mem may be limited"},
      {9, "limits { key: 'cpus' value { value: 0.5 } }",
       "task.limits[\"cpus\"].value: must be at least the request of 1, got 0.5"},
      {9, "limits { key: 'cpus' value { value: nan } }", "must be finite"},
      {9, "limits { key: 'cpus' value { value: -inf } }", "must be finite"},
      {9, "limits { key: 'mem' value { value: -5 } }", "must be finite and >= 0"},
  });
  v1::TaskInfo task;
  Merge(kTask, &task);
  Merge("command { value: 'x' } limits { key: 'mem' value { value: 100 } }", &task);
  task.mutable_resources()->RemoveLast();
  EXPECT_THAT(std::string(JudgeTask(task, kFramework, FieldPath("task")).status.message()),
              HasSubstr("task.limits[\"mem\"]: needs a request for 'mem'"));
}

TEST(JudgeTask, Rule10CommandOrExecutor) {
  ExpectRefused({
      {10, "", "task: must have exactly one of command and executor", false},
      {10, "executor { executor_id { value: 'e' } command { value: 'x' } }",
       "must have exactly one of command and executor"},
  });
}

TEST(JudgeTask, Rule11Executor) {
  const auto executor = [](const std::string& changes) {
    return "executor { executor_id { value: 'e' } command { value: 'x' } " + changes + " }";
  };
  const TaskVerdict good = Judge(
      executor("framework_id { value: 'fw' } type: CUSTOM resources { name: 'mem' type: SCALAR "
               "scalar { value: 32 } }"),
      false);
  EXPECT_TRUE(good.status.ok()) << good.status;
  EXPECT_EQ(good.executor_resources, resources::Resources::Of(0, 32));
  ExpectRefused({
      {11, executor("type: DEFAULT"), "task.executor.type: must be CUSTOM or unset", false},
      {11, "executor { executor_id { value: 'e' } }", "task.executor.command: must be set", false},
      {11, "executor { executor_id { value: '' } command { value: 'x' } }",
       "task.executor.executor_id.value: must not be empty", false},
      {11, executor("shutdown_grace_period { nanoseconds: -1 }"), "shutdown_grace_period", false},
      {11, executor("framework_id { value: 'other' }"), "task.executor.framework_id: must be 'fw'",
       false},
      {11, executor("container { type: DOCKER }"), "task.executor.container.docker: must be set",
       false},
      {11, executor("container { type: MESOS linux_info { share_cgroups: true } }"),
       "share_cgroups: must not be true for an executor", false},
      {11, executor("resources { name: 'x' type: SCALAR scalar { value: -1 } }"),
       "task.executor.resources[0].scalar.value", false},
      {11,
       executor("resources { name: 'disk' type: SCALAR scalar { value: 1 } role: 'eng' "
                "reservation {} shared {} disk { persistence { id: 'v' } "
                "volume { container_path: 'd' mode: RW } } }"),
       "task.executor.resources: must not be shared", false},
      {11, executor("command { environment { variables {} } }"),
       "task.executor.command.environment.variables[0].name", false},
  });
}

TEST(JudgeTask, Rule12TaskAndExecutorTogether) {
  const std::string ports =
      "resources { name: 'ports' type: RANGES ranges { range { begin: 1 end: 5 } } }";
  ExpectRefused({
      {12, ports + "executor { executor_id { value: 'e' } command { value: 'x' } " + ports + " }",
       "task: 'ports' overlaps", false},
      {12,
       "executor { executor_id { value: 'e' } command { value: 'x' } "
       "resources { name: 'cpus' type: SCALAR scalar { value: 1 } revocable {} } }",
       "both as revocable and not", false},
      {12,
       "executor { executor_id { value: 'e' } command { value: 'x' } resources { name: 'cpus' "
       "type: SCALAR scalar { value: 1 } allocation_info { role: 'other' } } }",
       "more than one role", false},
  });
}

TEST(JudgeTask, Rule14ShareCgroups) {
  ExpectRefused({{14, "container { type: MESOS linux_info { share_cgroups: false } }",
                  "task.container.linux_info.share_cgroups: may be false only in a task group"}});
}

constexpr char kGroup[] = R"(
  executor {
    type: DEFAULT executor_id { value: 'e' }
    resources { name: 'cpus' type: SCALAR scalar { value: 0.1 } }
    resources { name: 'mem' type: SCALAR scalar { value: 32 } }
    resources { name: 'disk' type: SCALAR scalar { value: 10 } }
  }
  task_group {
    tasks {
      name: 'a' task_id { value: 'a' } agent_id { value: 'a1' } command { value: 'x' }
      resources { name: 'cpus' type: SCALAR scalar { value: 1 } }
    }
    tasks {
      name: 'b' task_id { value: 'b' } agent_id { value: 'a1' } command { value: 'x' }
      resources { name: 'cpus' type: SCALAR scalar { value: 2 } }
    }
  })";

using Launch = v1::Offer::Operation::LaunchGroup;

TaskGroupVerdict JudgeGroup(const std::function<void(Launch*)>& change) {
  Launch launch;
  Merge(kGroup, &launch);
  change(&launch);
  return JudgeTaskGroup(launch, kFramework, FieldPath("launch_group"));
}

TEST(JudgeTaskGroup, AcceptsGoodGroups) {
  const TaskGroupVerdict verdict = JudgeGroup([](Launch*) {});

  ASSERT_TRUE(verdict.status.ok()) << verdict.status;
  ASSERT_EQ(verdict.resources.size(), 2u);
  EXPECT_EQ(verdict.resources[1], resources::Resources::Of(2, 0));
  EXPECT_EQ(verdict.executor_resources.Mem(), resources::Scalar::FromUnits(32));
  EXPECT_TRUE(JudgeGroup([](Launch* launch) {
                for (v1::TaskInfo& task : *launch->mutable_task_group()->mutable_tasks()) {
                  Merge(
                      "container { type: MESOS linux_info { share_cgroups: false } } "
                      "limits { key: 'cpus' value { value: 4 } }",
                      &task);
                  *task.mutable_executor() = launch->executor();
                }
              }).status.ok());
}

TEST(JudgeTaskGroup, OneBadPartRefusesTheWhole) {
  const struct {
    std::function<void(Launch*)> change;
    const char* expected;
  } kCases[] = {
      {[](Launch* l) { l->clear_task_group(); },
       "launch_group.task_group.tasks: must not be empty"},
      {[](Launch* l) { l->mutable_executor()->clear_type(); },
       "launch_group.executor.type: must be DEFAULT or CUSTOM"},
      {[](Launch* l) { Merge("command { value: 'x' }", l->mutable_executor()); },
       "launch_group.executor.command: must not be set for type DEFAULT"},
      {[](Launch* l) { Merge("type: CUSTOM", l->mutable_executor()); },
       "launch_group.executor.command: must be set for type CUSTOM"},
      {[](Launch* l) { Merge("container { type: DOCKER }", l->mutable_executor()); },
       "must be of type MESOS without an image"},
      {[](Launch* l) {
         Merge("container { type: MESOS mesos { image { type: DOCKER } } }", l->mutable_executor());
       },
       "must be of type MESOS without an image"},
      {[](Launch* l) {
         Merge(
             "type: CUSTOM command { value: 'x' } container { type: DOCKER docker { image: 'i' } }",
             l->mutable_executor());
       },
       "must not be of type DOCKER"},
      {[](Launch* l) {
         l->mutable_executor()->mutable_resources(0)->mutable_scalar()->set_value(0.001);
       },
       "must have at least 0.01 cpus"},
      {[](Launch* l) {
         l->mutable_executor()->mutable_resources(1)->mutable_scalar()->set_value(31);
       },
       "must have at least 32 MiB of mem"},
      {[](Launch* l) { l->mutable_executor()->mutable_resources()->RemoveLast(); },
       "must have some disk"},
      {[](Launch* l) { l->mutable_task_group()->mutable_tasks(1)->clear_resources(); },
       "launch_group.task_group.tasks[1].resources: must not be empty"},
      {[](Launch* l) {
         Merge("executor { executor_id { value: 'other' } }",
               l->mutable_task_group()->mutable_tasks(1));
       },
       "tasks[1].executor: must be the group's executor"},
      {[](Launch* l) {
         Merge("container { type: DOCKER docker { image: 'i' } }",
               l->mutable_task_group()->mutable_tasks(0));
       },
       "tasks[0].container: must not be of type DOCKER"},
      {[](Launch* l) {
         Merge(
             "container { type: MESOS network_infos {} } "
             "health_check { type: TCP tcp { port: 1 } }",
             l->mutable_task_group()->mutable_tasks(0));
       },
       "tasks[0].health_check: must not be HTTP or TCP"},
      {[](Launch* l) {
         Merge("limits { key: 'cpus' value { value: 4 } }",
               l->mutable_task_group()->mutable_tasks(0));
       },
       "tasks[0].limits: need share_cgroups=false"},
      {[](Launch* l) {
         Merge("container { type: MESOS linux_info { share_cgroups: false } }",
               l->mutable_task_group()->mutable_tasks(1));
       },
       "tasks[1]: must have the same share_cgroups"},
      {[](Launch* l) {
         for (v1::TaskInfo& task : *l->mutable_task_group()->mutable_tasks()) {
           Merge("resources { name: 'ports' type: RANGES ranges { range { begin: 1 end: 2 } } }",
                 &task);
         }
       },
       "tasks[1].resources: 'ports' overlaps"},
  };
  for (const auto& c : kCases) {
    const TaskGroupVerdict verdict = JudgeGroup(c.change);
    EXPECT_THAT(std::string(verdict.status.message()), HasSubstr(c.expected));
    EXPECT_TRUE(verdict.resources.empty());
  }
}

}  // namespace
}  // namespace meros::wire

// Goal: the parts that the scripts do not show: tables of states, the container of a task,
// outcomes, stale masters and hostile messages. Method: inputs in, effects out, on the model of a
// node.
#include "services/agent/core/agent_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/agent/core/launch_spec.h"
#include "services/agent/core/testing/node_model.h"

namespace meros::agent {
namespace {

namespace cv1 = containerizer::v1;

std::map<std::string, std::string> EnvironmentOf(const cv1::LaunchSpec& spec) {
  std::map<std::string, std::string> out;
  for (const auto& variable : spec.environment()) out[variable.name()] = variable.value();
  return out;
}

Task CommandTask() {
  Task task;
  task.key = {FrameworkId("F"), TaskId("t1")};
  task.info.emplace();
  task.info->mutable_command()->set_value("echo hello");
  task.container = ContainerId("c1");
  task.sandbox = "/w/c1";
  task.resources.emplace();
  task.resources->cpus = resources::Scalar::FromMillis(500);
  task.resources->mem = resources::Scalar::FromUnits(64);
  return task;
}

std::unique_ptr<NodeModel> RunningNode(std::vector<Effect>* effects = nullptr) {
  auto node = std::make_unique<NodeModel>(1, [effects](const Effect& effect) {
    if (effects != nullptr) effects->push_back(effect);
  });
  node->acknowledges = true;
  node->StartAgent();
  node->ConnectContainerizer();
  node->ConnectMaster();
  return node;
}

template <typename T>
int CountOf(const std::vector<Effect>& effects) {
  int n = 0;
  for (const Effect& effect : effects) n += std::holds_alternative<T>(effect) ? 1 : 0;
  return n;
}

TEST(AgentStates, EveryStateButTheLastHasAWayOut) {
  for (AgentState from : {AgentState::kRecovering, AgentState::kConnecting,
                          AgentState::kRegistering, AgentState::kRunning}) {
    bool has_way_out = false;
    for (const AgentTransition& t : AgentTransitions()) has_way_out |= t.from == from;
    EXPECT_TRUE(has_way_out) << Name(from);
  }
  EXPECT_FALSE(IsLegal(AgentState::kTerminating, AgentState::kConnecting));
  EXPECT_FALSE(IsLegal(AgentState::kRecovering, AgentState::kRunning));
}

TEST(TaskStates, NothingLeavesTheEnd) {
  for (const TaskTransition& t : TaskTransitions()) EXPECT_NE(t.from, TaskPhase::kEnded);
}

TEST(LaunchSpec, GivesAShellCommandItsResourcesAndNamespaces) {
  const cv1::LaunchSpec spec =
      LaunchSpecOf(ModelOptions(), AgentId("A"), CommandTask(), v1::FrameworkInfo());

  EXPECT_TRUE(spec.command().shell());
  EXPECT_EQ(spec.command().value(), "echo hello");
  EXPECT_EQ(spec.resources().cpu_request_millis(), 500u);
  EXPECT_EQ(spec.resources().cpu_limit_millis(), 0u);
  EXPECT_EQ(spec.resources().memory_limit_bytes(), 64u << 20);
  EXPECT_TRUE(spec.namespaces().pid());
}

TEST(LaunchSpec, LimitsBoundTheContainer) {
  Task task = CommandTask();
  task.resources->cpus_limit = resources::Scalar::FromUnits(2);
  task.resources->mem_limit = resources::Scalar::Max();

  const cv1::LaunchSpec spec =
      LaunchSpecOf(ModelOptions(), AgentId("A"), task, v1::FrameworkInfo());

  EXPECT_EQ(spec.resources().cpu_limit_millis(), 2000u);
  EXPECT_EQ(spec.resources().memory_limit_bytes(), 0u);
  EXPECT_EQ(spec.resources().memory_request_bytes(), 64u << 20);
}

TEST(LaunchSpec, TheTasksOwnEnvironmentComesLast) {
  AgentOptions options = ModelOptions();
  options.task_environment = {{"A", "operator"}, {"B", "operator"}};
  Task task = CommandTask();
  auto* variable = task.info->mutable_command()->mutable_environment()->add_variables();
  variable->set_name("A");
  variable->set_value("task");

  const auto environment =
      EnvironmentOf(LaunchSpecOf(options, AgentId("agent-1"), task, v1::FrameworkInfo()));

  EXPECT_EQ(environment.at("A"), "task");
  EXPECT_EQ(environment.at("B"), "operator");
  EXPECT_EQ(environment.at("MESOS_SANDBOX"), "/w/c1");
  EXPECT_EQ(environment.at("MESOS_TASK_ID"), "t1");
  EXPECT_EQ(environment.at("MEROS_AGENT_ID"), "agent-1");
  EXPECT_EQ(environment.at("MESOS_SLAVE_ID"), "agent-1");
}

TEST(LaunchSpec, TheTasksUserWinsOverItsFrameworks) {
  v1::FrameworkInfo framework;
  framework.set_user("nobody");
  v1::TaskInfo task;

  EXPECT_EQ(UserOf(ModelOptions(), task, framework), "nobody");
  task.mutable_command()->set_user("daemon");
  EXPECT_EQ(UserOf(ModelOptions(), task, framework), "daemon");
  AgentOptions options = ModelOptions();
  options.switch_user = false;
  EXPECT_EQ(UserOf(options, task, framework), "");
}

TEST(AgentCore, LeavesAMasterOfAnOldEpoch) {
  std::vector<Effect> effects;
  auto node = RunningNode(&effects);
  agent_link::v1::MasterMessage newer;
  newer.mutable_registered()->set_agent_id("A");
  newer.mutable_registered()->set_epoch(7);
  node->answers_registration = false;
  node->BreakMaster();
  node->ConnectMaster();
  node->Say(newer);
  ASSERT_EQ(node->core().state(), AgentState::kRunning);
  node->CrashAgent();
  node->StartAgent();
  node->ConnectContainerizer();
  node->ConnectMaster();
  effects.clear();

  agent_link::v1::MasterMessage older = newer;
  older.mutable_registered()->set_epoch(6);
  node->Say(older);

  EXPECT_EQ(CountOf<CloseLink>(effects), 1);
  EXPECT_EQ(CountOf<OpenLink>(effects), 1);
  EXPECT_EQ(node->core().state(), AgentState::kConnecting);
}

TEST(AgentCore, SaysWhichMasterDidNotAnswer) {
  std::vector<Effect> effects;
  auto node = RunningNode(&effects);
  node->BreakMaster();
  effects.clear();

  node->ConnectMaster("master-0:7050");

  std::vector<std::string> said;
  for (const Effect& effect : effects) {
    const auto* sent = std::get_if<ToMaster>(&effect);
    if (sent == nullptr || !sent->message.has_reregister()) continue;
    said.push_back(sent->message.reregister().agent().lost_master());
  }
  EXPECT_EQ(said, std::vector<std::string>{"master-0:7050"});
}

TEST(ReportOf, SaysAllThatAMasterKeepsOfATask) {
  Task task = CommandTask();
  v1::TaskInfo& info = *task.info;
  EXPECT_FALSE(ReportOf(task, AgentId("A")).has_user());
  info.mutable_labels()->add_labels()->set_key("k");
  info.mutable_discovery()->set_name("web");
  info.mutable_container()->set_type(v1::ContainerInfo::MESOS);
  info.mutable_health_check()->set_type(v1::HealthCheck::COMMAND);
  info.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(1);
  info.mutable_command()->set_user("nobody");
  (*info.mutable_limits())["cpus"].set_value(2);

  const v1::Task report = ReportOf(task, AgentId("A"));

  EXPECT_EQ(report.labels().labels(0).key(), "k");
  EXPECT_EQ(report.discovery().name(), "web");
  EXPECT_EQ(report.container().type(), v1::ContainerInfo::MESOS);
  EXPECT_EQ(report.health_check().type(), v1::HealthCheck::COMMAND);
  EXPECT_EQ(report.kill_policy().grace_period().nanoseconds(), 1);
  EXPECT_EQ(report.user(), "nobody");
  EXPECT_EQ(report.limits().at("cpus").value(), 2);
}

TEST(AgentCore, ReportsEachTaskOnce) {
  auto node = RunningNode();
  node->Run("t1");
  node->BreakMaster();
  node->said.clear();
  node->ConnectMaster();

  const auto said = std::find_if(node->said.begin(), node->said.end(), [](const auto& message) {
    return message.reregister().tasks_size() > 0;
  });
  ASSERT_NE(said, node->said.end());
  EXPECT_EQ(said->reregister().tasks_size(), 1);
  EXPECT_EQ(said->reregister().task_infos_size(), 0);
}

TEST(AgentCore, IsSilentAtFirstIfTheMasterAsksForThat) {
  for (const absl::Duration first : {absl::ZeroDuration(), absl::Seconds(15), absl::Seconds(40)}) {
    NodeModel node(1);
    node.first_heartbeat = first;
    node.StartAgent();
    node.ConnectContainerizer();
    node.ConnectMaster();
    const auto beats = [&] {
      return std::count_if(node.said.begin(), node.said.end(),
                           [](const auto& message) { return message.has_heartbeat(); });
    };
    const absl::Duration expected = std::max(first, absl::Seconds(15));

    node.Advance(expected - absl::Milliseconds(1));
    EXPECT_EQ(beats(), 0) << first;
    node.Advance(absl::Milliseconds(1));
    EXPECT_EQ(beats(), 1) << first;
    node.Advance(absl::Seconds(15));
    EXPECT_EQ(beats(), 2) << first;
  }
}

TEST(AgentCore, LooksForAnotherMasterWhenTheRegistrationIsNotAnswered) {
  NodeModel node(1);
  node.answers_registration = false;
  node.StartAgent();
  node.ConnectContainerizer();
  node.ConnectMaster();
  ASSERT_EQ(node.core().state(), AgentState::kRegistering);

  node.Advance(ModelOptions().registration_timeout);

  EXPECT_EQ(node.core().state(), AgentState::kConnecting);
}

TEST(AgentCore, IgnoresTasksWhoseIdsAreNoNames) {
  auto node = RunningNode();

  node->Run("../../etc");
  node->Run("");

  EXPECT_TRUE(node->sandboxes.empty());
  EXPECT_EQ(node->disk.size(), 1u);
}

TEST(AgentCore, CorruptIdentityEndsTheProcessAndTouchesNoContainer) {
  std::vector<Effect> effects;
  NodeModel node(1, [&](const Effect& effect) { effects.push_back(effect); });
  node.disk["node"] = "\xff\xff garbage";

  node.StartAgent();
  node.ConnectContainerizer();

  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(std::get<Exit>(effects[0]).reason.code(), absl::StatusCode::kDataLoss);
}

TEST(AgentCore, CorruptTaskRecordIsSetAsideAndTheRestRecovered) {
  auto node = RunningNode();
  node->Run("t1");
  node->Run("t2");
  node->CrashAgent();
  node->disk["task/F/t1"] = "\xff\xff garbage";

  node->StartAgent();
  node->ConnectContainerizer();

  EXPECT_EQ(node->core().state(), AgentState::kConnecting);
  EXPECT_EQ(node->core().book().tasks().size(), 1u);
  EXPECT_EQ(node->ContainerOf("t1"), nullptr) << "an orphan is destroyed";
  EXPECT_NE(node->ContainerOf("t2"), nullptr);
}

TEST(AgentCore, OldAndRepeatedAcknowledgementsAreCountedAndIgnored) {
  std::vector<Effect> effects;
  auto node = RunningNode(&effects);
  node->acknowledges = false;
  node->Run("t1");
  node->Acknowledge("t1");
  effects.clear();

  agent_link::v1::MasterMessage again;
  again.mutable_acknowledge()->set_framework_id("F");
  again.mutable_acknowledge()->set_task_id("t1");
  again.mutable_acknowledge()->set_uuid(node->seen["t1"].updates.front().uuid());
  node->Say(again);

  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(std::get<Count>(effects[0]).what, Counter::kAckIgnored);
}

TEST(AgentCore, TheBookKnowsHowManyUpdatesWait) {
  auto node = RunningNode();
  node->acknowledges = false;
  EXPECT_EQ(node->core().book().PendingUpdates(), 0u);

  node->Run("t1");
  const size_t waiting = node->core().book().PendingUpdates();
  EXPECT_GT(waiting, 0u);
  node->Acknowledge("t1");

  EXPECT_EQ(node->core().book().PendingUpdates(), waiting - 1);
}

TEST(AgentCore, KillingAnnouncesItselfToFrameworksThatKnowTheState) {
  auto node = RunningNode();
  node->framework.add_capabilities()->set_type(v1::FrameworkInfo::Capability::TASK_KILLING_STATE);
  node->Run("t1");

  node->Kill("t1");

  std::vector<v1::TaskState> states;
  for (const auto& status : node->seen["t1"].updates) states.push_back(status.state());
  EXPECT_THAT(states, testing::ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_KILLING,
                                           v1::TASK_KILLED));
}

}  // namespace
}  // namespace meros::agent

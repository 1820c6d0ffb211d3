// Goal: the agent's conversations, readable as such: a task's life, and recovery at each point
// where an agent, a containerizer or a node can fail. Method: each testdata/*.txt holds commands
// ("> run t1") and below each the full list of effects. Regenerate with MEROS_UPDATE_GOLDEN=1 and
// read the difference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/agent/core/testing/effect_text.h"
#include "services/agent/core/testing/node_model.h"

namespace meros::agent {
namespace {

bool WantsUpdate() { return std::getenv("MEROS_UPDATE_GOLDEN") != nullptr; }

void Shutdown(NodeModel* node) {
  agent_link::v1::MasterMessage message;
  message.mutable_shutdown()->set_reason("gone");
  node->Say(std::move(message));
}

void ShutdownFramework(NodeModel* node) {
  agent_link::v1::MasterMessage message;
  message.mutable_shutdown_framework()->set_framework_id("F");
  node->Say(std::move(message));
}

// What the master wants, said at once or, when the agent is away, at its return.
void Drain(NodeModel* node, const std::string& how) {
  node->drain.emplace().set_max_grace_ms(1000);
  node->drain->set_mark_gone(how == "gone");
  agent_link::v1::MasterMessage message;
  *message.mutable_drain() = *node->drain;
  node->Say(std::move(message));
}

void CancelDrain(NodeModel* node) {
  node->drain.reset();
  agent_link::v1::MasterMessage message;
  message.mutable_cancel_drain();
  node->Say(std::move(message));
}

void Preempt(NodeModel* node, const std::string& task, const std::string& for_role) {
  agent_link::v1::MasterMessage message;
  message.mutable_kill_task()->set_framework_id("F");
  message.mutable_kill_task()->set_task_id(task);
  message.mutable_kill_task()->set_preempted_for(for_role);
  node->Say(std::move(message));
}

void Reconcile(NodeModel* node, const std::string& task) {
  agent_link::v1::MasterMessage message;
  auto* ref = message.mutable_reconcile()->add_tasks();
  ref->set_framework_id("F");
  ref->set_task_id(task);
  node->Say(std::move(message));
}

void Oom(NodeModel* node, const std::string& task) {
  containerizer::v1::Termination termination;
  termination.set_reason(containerizer::v1::LIMITATION_MEMORY);
  termination.set_message("memory limit of 64 MiB exceeded, peak 64 MiB");
  termination.mutable_limited_resources()->set_memory_limit_bytes(64 << 20);
  node->Terminate(task, std::move(termination));
}

// Executes one command line.
bool Execute(NodeModel* node, const std::string& line) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  const std::string& verb = words[0];
  const std::string argument = words.size() > 1 ? words[1] : "";
  if (verb == "start") return node->StartAgent(), true;
  if (verb == "crash") return node->CrashAgent(), true;
  if (verb == "reboot") return node->Reboot(), true;
  if (verb == "containerizer-up") return node->ConnectContainerizer(), true;
  if (verb == "containerizer-down") return node->BreakContainerizer(), true;
  if (verb == "master-up") return node->ConnectMaster(), true;
  if (verb == "master-down") return node->BreakMaster(), true;
  if (verb == "run") return node->Run(argument), true;
  if (verb == "run-for") {
    return node->Run(argument,
                     [](v1::TaskInfo* info) {
                       info->mutable_max_completion_time()->set_nanoseconds(5'000'000'000);
                     }),
           true;
  }
  if (verb == "run-image") {
    return node->Run(argument,
                     [](v1::TaskInfo* info) {
                       info->mutable_container()->set_type(v1::ContainerInfo::MESOS);
                       info->mutable_container()->mutable_mesos()->mutable_image();
                     }),
           true;
  }
  if (verb == "run-executor") {
    return node->Run(argument,
                     [](v1::TaskInfo* info) {
                       info->mutable_executor()->mutable_executor_id()->set_value("E");
                     }),
           true;
  }
  if (verb == "kill") return node->Kill(argument), true;
  if (verb == "preempt") return Preempt(node, argument, words[2]), true;
  if (verb == "framework-again") return node->SubscribeAgain(), true;
  if (verb == "ack") return node->Acknowledge(argument), true;
  if (verb == "exit") return node->ExitContainer(argument, std::atoi(words[2].c_str())), true;
  if (verb == "oom") return Oom(node, argument), true;
  if (verb == "drain") return Drain(node, argument), true;
  if (verb == "cancel-drain") return CancelDrain(node), true;
  if (verb == "reconcile") return Reconcile(node, argument), true;
  if (verb == "shutdown") return Shutdown(node), true;
  if (verb == "shutdown-framework") return ShutdownFramework(node), true;
  if (verb == "commit") return node->Commit(), node->Settle(), true;
  if (verb == "commits-at-once") return node->commits_at_once = argument == "on", true;
  if (verb == "starts-containers") return node->starts_containers = argument == "on", true;
  if (verb == "advance") {
    absl::Duration duration;
    return absl::ParseDuration(argument, &duration) && (node->Advance(duration), true);
  }
  return false;
}

// The script with its trace filled in.
std::string Replay(const std::string& script) {
  std::string out;
  EffectText text;
  NodeModel node(1, [&](const Effect& effect) {
    const std::string line = text.Of(effect);
    if (!line.empty()) absl::StrAppend(&out, "  ", line, "\n");
  });
  for (const auto& line : absl::StrSplit(script, '\n')) {
    if (absl::StartsWith(line, "> ")) {
      absl::StrAppend(&out, line, "\n");
      if (!Execute(&node, std::string(absl::StripPrefix(line, "> ")))) {
        absl::StrAppend(&out, "  unknown command\n");
      }
    } else if (absl::StartsWith(line, "#")) {
      absl::StrAppend(&out, line, "\n");
    }
  }
  return out;
}

class Script : public testing::TestWithParam<std::string> {};

TEST_P(Script, PlaysAsWritten) {
  std::ifstream in(GetParam());
  std::stringstream content;
  content << in.rdbuf();

  const std::string replayed = Replay(content.str());

  if (WantsUpdate()) {
    std::ofstream(GetParam()) << replayed;
  } else {
    EXPECT_EQ(replayed, content.str()) << "set MEROS_UPDATE_GOLDEN=1 to accept";
  }
}

std::vector<std::string> Scripts() {
  std::vector<std::string> paths;
  const char* root = std::getenv("MEROS_SOURCE_DIR");
  const std::string directory =
      absl::StrCat(root == nullptr ? "." : root, "/services/agent/core/testdata");
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

INSTANTIATE_TEST_SUITE_P(Agent, Script, testing::ValuesIn(Scripts()), [](const auto& info) {
  return std::filesystem::path(info.param).stem().string();
});

}  // namespace
}  // namespace meros::agent

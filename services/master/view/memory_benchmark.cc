// What a master keeps of a running task, in the core's books and in the readers' view, counted by
// the C library's malloc. Budget: 512 bytes together, with ids of the length of a UUID.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/master/core/testing/driver.h"
#include "services/master/view/cluster_view.h"

namespace meros::master::testing {
namespace {

using resources::Resources;

constexpr int kAgents = 1000;
constexpr int kTasks = 200000;

// Tasks as agents report them to a new leader: running, with two statuses.
ReportedTask ARunningTask(const std::string& framework, const std::string& agent, int number) {
  ReportedTask task;
  task.id = TaskId(absl::StrFormat("7b0d2c66-4a53-4e42-9a3e-%012d", number));
  task.framework_id = FrameworkId(framework);
  task.role = "eng";
  task.resources = Resources::Of(1, 64);
  task.state = v1::TASK_RUNNING;
  task.forwarded_state = v1::TASK_RUNNING;
  task.forwarded_uuid = "0123456789abcdef";
  task.name = "web";
  for (v1::TaskState state : {v1::TASK_STARTING, v1::TASK_RUNNING}) {
    v1::TaskStatus status;
    status.mutable_task_id()->set_value(task.id.value());
    status.mutable_agent_id()->set_value(agent);
    status.set_state(state);
    status.set_source(v1::TaskStatus::SOURCE_EXECUTOR);
    status.set_timestamp(1700000000.0 + number);
    status.set_uuid("0123456789abcdef");
    task.statuses.Add(status);
  }
  return task;
}

AgentReregister AFullAgent(int number) {
  const std::string id = absl::StrCat("agent-", number);
  AgentReregister message;
  message.stream = static_cast<StreamId>(10 + number);
  message.agent_id = AgentId(id);
  message.agent = DescriptionOf(absl::StrCat("k", number), Resources::Of(4000, 4'000'000), id);
  const std::string framework = "4f3c9f2e-0000-4a1b-8f6f-7a3d5c2b1e00-0000";
  message.frameworks.push_back({FrameworkId(framework), SubscriptionOf({.id = framework})});
  for (int i = 0; i < kTasks / kAgents; ++i) {
    message.tasks.push_back(ARunningTask(framework, id, number * (kTasks / kAgents) + i));
  }
  return message;
}

double BytesInUse() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks) + static_cast<double>(info.hblkhd);
}

void BM_MemoryPerTask(benchmark::State& state) {
  const absl::Time now = absl::UnixEpoch() + absl::Seconds(1000);
  for (auto _ : state) {
    MasterCore core(TestOptions(), 1);
    ClusterView view;
    double in_books = 0;
    double in_view = 0;
    auto step = [&](Input input) {
      EffectList effects;
      const double before = BytesInUse();
      core.Step(now, std::move(input), &effects);
      std::vector<Publish> changes;
      std::vector<uint64_t> writes;
      for (Effect& effect : effects) {
        if (auto* change = std::get_if<Publish>(&effect)) changes.push_back(std::move(*change));
        if (auto* write = std::get_if<WriteRegistry>(&effect)) writes.push_back(write->token);
      }
      effects = EffectList();
      const double published = BytesInUse();
      for (const Publish& change : changes) view.Apply(change);
      in_view += BytesInUse() - published;
      changes = {};
      in_books += BytesInUse() - before;
      return writes;
    };
    step(runtime::Tick{});
    step(LeaseAnswer{1, LeaseAnswer::Kind::kGranted, 1, absl::Hours(1), ""});
    RegistrySnapshot empty;
    empty.epoch = 1;
    step(empty);
    in_books = in_view = 0;
    for (int i = 0; i < kAgents; ++i) {
      for (uint64_t token : step(AFullAgent(i))) {
        step(RegistryWritten{token, absl::OkStatus(), AgentId()});
      }
    }
    if (core.books().tasks.size() != kTasks) state.SkipWithError("tasks are missing");
    state.counters["bytes_per_task"] = in_books / kTasks;
    state.counters["of_these_in_the_view"] = in_view / kTasks;
  }
}
BENCHMARK(BM_MemoryPerTask)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace meros::master::testing

// What one strand can do, without gRPC: whole lives of tasks (proposal, ACCEPT, RUNNING,
// acknowledgement, FINISHED, acknowledgement), and status updates alone. Budgets: 50 us a life
// (20,000/s), 5 us an update with its acknowledgement (200,000/s).
#include <benchmark/benchmark.h>

#include "absl/strings/str_cat.h"
#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;

class Cluster {
 public:
  explicit Cluster(int agents) : core_(TestOptions(), 1) {
    absl::Time now = now_;
    EffectList out;
    core_.Step(now, runtime::Tick{}, &out);
    core_.Step(now, LeaseAnswer{1, LeaseAnswer::Kind::kGranted, 1, absl::Hours(1), ""}, &out);
    RegistrySnapshot empty;
    empty.epoch = 1;
    core_.Step(now, std::move(empty), &out);
    core_.Step(now, AllocatorConnected{1}, &out);
    core_.Step(now, Subscribe{2, FrameworkId(), SubscriptionOf({}), ""}, &out);
    for (int i = 0; i < agents; ++i) {
      core_.Step(now,
                 AgentRegister{static_cast<StreamId>(10 + i),
                               DescriptionOf(absl::StrCat("k", i), Resources::Of(4, 4096))},
                 &out);
    }
    for (uint64_t token = 1; token < 100000 && token < uint64_t(agents) + 10; ++token) {
      core_.Step(now, RegistryWritten{token, absl::OkStatus(), AgentId()}, &out);
    }
  }

  void Step(Input input) {
    effects_.clear();
    core_.Step(now_, std::move(input), &effects_);
  }

  void Launch(int agent, const std::string& task) {
    const std::string agent_id = absl::StrCat("m-S", agent);
    Step(AllocatorProposals{
        1, {{++proposal_, framework_, "*", AgentId(agent_id), Resources::Of(1, 64), {}}}});
    const auto& offers = core_.books().offers.all();
    Step(Call(Accept{{offers.rbegin()->second->id},
                     {LaunchOperation{{ATask(task, agent_id, Resources::Of(1, 64))}}},
                     absl::ZeroDuration()}));
  }
  void Update(int agent, const std::string& task, v1::TaskState state, const std::string& uuid) {
    auto status = std::make_shared<v1::TaskStatus>();
    status->mutable_task_id()->set_value(task);
    status->set_state(state);
    status->set_uuid(uuid);
    Step(AgentStatusUpdate{static_cast<StreamId>(10 + agent), framework_, TaskId(task), status,
                           state});
  }
  void Acknowledge(int agent, const std::string& task, const std::string& uuid) {
    Step(Call(AcknowledgeCall{AgentId(absl::StrCat("m-S", agent)), TaskId(task), uuid}));
  }

 private:
  SchedulerCall Call(SchedulerCall::Body body) {
    return SchedulerCall{2, 0, framework_, "", "", std::move(body)};
  }

  MasterCore core_;
  const absl::Time now_ = absl::UnixEpoch() + absl::Seconds(1000);
  const FrameworkId framework_{"m-0000"};
  uint64_t proposal_ = 0;
  EffectList effects_;
};

void BM_WholeLives(benchmark::State& state) {
  Cluster cluster(state.range(0));
  int64_t number = 0;
  for (auto _ : state) {
    const int agent = number % state.range(0);
    const std::string task = absl::StrCat("task-", number++);
    cluster.Launch(agent, task);
    cluster.Update(agent, task, v1::TASK_RUNNING, "0123456789abcdef");
    cluster.Acknowledge(agent, task, "0123456789abcdef");
    cluster.Update(agent, task, v1::TASK_FINISHED, "fedcba9876543210");
    cluster.Acknowledge(agent, task, "fedcba9876543210");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_WholeLives)->Arg(100)->Arg(10000);

void BM_Updates(benchmark::State& state) {
  Cluster cluster(state.range(0));
  for (int i = 0; i < state.range(0); ++i) cluster.Launch(i, absl::StrCat("task-", i));
  int64_t number = 0;
  for (auto _ : state) {
    const int agent = number++ % state.range(0);
    const std::string task = absl::StrCat("task-", agent);
    cluster.Update(agent, task, v1::TASK_RUNNING, "0123456789abcdef");
    cluster.Acknowledge(agent, task, "0123456789abcdef");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Updates)->Arg(1000);

}  // namespace
}  // namespace meros::master::testing

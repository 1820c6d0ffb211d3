#include "services/master/shell/cluster_gauges.h"

#include <array>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"

namespace meros::master {
namespace {

constexpr double kBytesPerMiB = 1 << 20;
constexpr size_t kFrameworkStates = static_cast<size_t>(FrameworkState::kCompleted) + 1;

// "TASK_RUNNING" is "running".
std::string TaskLabel(v1::TaskState state) {
  return absl::AsciiStrToLower(absl::StripPrefix(v1::TaskState_Name(state), "TASK_"));
}

struct Sum {
  double used = 0, offered = 0, total = 0;

  void Add(resources::Scalar more_used, resources::Scalar more_offered,
           resources::Scalar more_total) {
    used += more_used.ToDouble();
    offered += more_offered.ToDouble();
    total += more_total.ToDouble();
  }
};

}  // namespace

ClusterGauges::ClusterGauges(telemetry::MetricRegistry* registry)
    : leading_(registry->AddGauge("meros_master_leading", "1 while this master leads, else 0.")),
      epoch_(registry->AddGauge("meros_master_epoch", "Epoch of the newest lease of this master.")),
      agents_recovering_(registry->AddGauge("meros_master_agents_recovering",
                                            "Agents of the registry that have not come back yet.")),
      agents_held_back_(registry->AddGauge(
          "meros_master_agents_held_back",
          "Agents that are silent and not declared unreachable, because too many are at once.")),
      agents_(
          registry->AddGaugeFamily("meros_master_agents", "Agents by state.", {.label = "state"})),
      frameworks_(registry->AddGaugeFamily("meros_master_frameworks", "Frameworks by state.",
                                           {.label = "state"})),
      tasks_(registry->AddGaugeFamily("meros_master_tasks",
                                      "Tasks in the books by state, history included.",
                                      {.label = "state"})),
      cpus_(registry->AddGaugeFamily("meros_master_cpus", "Cpus of registered agents by use.",
                                     {.label = "use"})),
      memory_(registry->AddGaugeFamily("meros_master_memory_bytes",
                                       "Memory of registered agents by use.", {.label = "use"})),
      disk_(registry->AddGaugeFamily("meros_master_disk_bytes", "Disk of registered agents by use.",
                                     {.label = "use"})),
      gpus_(registry->AddGaugeFamily("meros_master_gpus", "Gpus of registered agents by use.",
                                     {.label = "use"})) {}

ClusterGauges::Amounts::Amounts(const telemetry::GaugeFamily& by_use)
    : used(by_use.With("used")), offered(by_use.With("offered")), free(by_use.With("free")) {}

void ClusterGauges::Measure(const ClusterView& view) {
  leading_.Set(view.leadership().state == LeadershipState::kLeading ? 1 : 0);
  epoch_.Set(view.leadership().epoch);
  agents_recovering_.Set(view.leadership().agents_recovering);
  agents_held_back_.Set(view.leadership().agents_held_back);
  MeasureAgents(view);

  std::array<size_t, kFrameworkStates> frameworks = {};
  for (const auto& [id, entry] : view.frameworks()) {
    ++frameworks[static_cast<size_t>(entry.record->state)];
  }
  for (size_t i = 0; i < kFrameworkStates; ++i) {
    const auto name = FrameworkStateName(static_cast<FrameworkState>(i));
    frameworks_.With(absl::AsciiStrToLower(name)).Set(frameworks[i]);
  }
  for (int i = v1::TaskState_MIN; i <= v1::TaskState_MAX; ++i) {
    if (!v1::TaskState_IsValid(i)) continue;
    const auto state = static_cast<v1::TaskState>(i);
    const auto found = view.tasks_by_state().find(state);
    tasks_.With(TaskLabel(state)).Set(found == view.tasks_by_state().end() ? 0 : found->second);
  }
}

void ClusterGauges::MeasureAgents(const ClusterView& view) {
  std::array<size_t, kAgentStates> agents = {};
  Sum cpus, mem, disk, gpus;
  for (const auto& [id, entry] : view.agents()) {
    const AgentRecord& record = *entry.record;
    ++agents[static_cast<size_t>(record.state)];
    if (record.state != AgentState::kRegistered) continue;
    cpus.Add(entry.used.Cpus(), entry.offered.Cpus(), record.total.Cpus());
    mem.Add(entry.used.Mem(), entry.offered.Mem(), record.total.Mem());
    disk.Add(entry.used.Disk(), entry.offered.Disk(), record.total.Disk());
    gpus.Add(entry.used.Gpus(), entry.offered.Gpus(), record.total.Gpus());
  }
  for (size_t i = 0; i < kAgentStates; ++i) {
    const auto name = AgentStateName(static_cast<AgentState>(i));
    agents_.With(absl::AsciiStrToLower(name)).Set(agents[i]);
  }
  const auto set = [](Amounts* amounts, const Sum& sum, double unit) {
    amounts->used.Set(sum.used * unit);
    amounts->offered.Set(sum.offered * unit);
    amounts->free.Set((sum.total - sum.used - sum.offered) * unit);
  };
  set(&cpus_, cpus, 1);
  set(&memory_, mem, kBytesPerMiB);
  set(&disk_, disk, kBytesPerMiB);
  set(&gpus_, gpus, 1);
}

}  // namespace meros::master

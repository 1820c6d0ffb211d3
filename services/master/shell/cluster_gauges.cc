#include "services/master/shell/cluster_gauges.h"

#include <array>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

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
      offers_(registry->AddGaugeFamily(
          "meros_master_offers",
          "Offers that are not answered: of resources, or inverse ones, which ask for some back.",
          {.label = "kind"})),
      operations_(registry->AddGaugeTable(
          "meros_master_operations",
          "Operations on reservations and volumes that are not done with, by type and state: "
          "pending ones, and those whose result is not acknowledged.",
          {"type", "state"})),
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
  MeasureOffers(view);
  MeasureOperations(view);

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

void ClusterGauges::MeasureOffers(const ClusterView& view) {
  size_t inverse = 0;
  for (const auto& [sequence, offer] : view.offers()) {
    inverse += std::holds_alternative<InverseOfferRef>(offer);
  }
  offers_.With("resources").Set(view.offers().size() - inverse);
  offers_.With("inverse").Set(inverse);
}

void ClusterGauges::MeasureOperations(const ClusterView& view) {
  std::map<std::pair<v1::Offer::Operation::Type, v1::OperationState>, size_t> numbers;
  for (const auto& [sequence, operation] : view.operations()) {
    ++numbers[{operation->info->type(), operation->status->state()}];
  }
  std::vector<telemetry::MetricRow> rows;
  for (const auto& [what, number] : numbers) {
    const std::string type = v1::Offer::Operation::Type_Name(what.first);
    const std::string state = v1::OperationState_Name(what.second);
    rows.push_back({{absl::AsciiStrToLower(type),
                     absl::AsciiStrToLower(absl::StripPrefix(state, "OPERATION_"))},
                    static_cast<double>(number)});
  }
  operations_.Replace(rows);
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

#include "services/master/shell/count_tables.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace meros::master {
namespace {

using Rows = std::vector<telemetry::MetricRow>;
using Labels = std::vector<std::string>;

// "TASK_RUNNING" is "running".
std::string LabelOf(absl::string_view name, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}
std::string LabelOf(v1::TaskState state) { return LabelOf(v1::TaskState_Name(state), "TASK_"); }
std::string LabelOf(OperationType type) {
  return LabelOf(v1::Offer::Operation::Type_Name(type), "");
}

std::string SourceOf(const TaskEnd& end) {
  const auto& source = std::get<1>(end);
  return source.has_value() ? LabelOf(v1::TaskStatus::Source_Name(*source), "SOURCE_") : "";
}

std::string ReasonOf(const TaskEnd& end) {
  const auto& reason = std::get<2>(end);
  return reason.has_value() ? LabelOf(v1::TaskStatus::Reason_Name(*reason), "REASON_") : "";
}

// A row, after the labels in `before`.
void Add(Rows* rows, Labels before, std::string last, uint64_t number) {
  before.push_back(std::move(last));
  rows->push_back({std::move(before), static_cast<double>(number)});
}

// A row for each name whose number is not 0.
template <size_t kSize>
void AddAll(Rows* rows, const Labels& before, const std::array<absl::string_view, kSize>& names,
            const std::array<uint64_t, kSize>& numbers) {
  for (size_t i = 0; i < kSize; ++i) {
    if (numbers[i] > 0) Add(rows, before, std::string(names[i]), numbers[i]);
  }
}

void AddOffers(Rows* rows, const Labels& before, const OfferCounts& offers) {
  Add(rows, before, "sent", offers.sent);
  Add(rows, before, "accepted", offers.accepted);
  Add(rows, before, "declined", offers.declined);
  Add(rows, before, "rescinded", offers.rescinded);
}

}  // namespace

CountTables::CountTables(telemetry::MetricRegistry* r)
    : calls_(r->AddCounterTable("meros_master_scheduler_calls_total",
                                "Calls of schedulers, by type; refused ones too.", {"type"})),
      agent_messages_(r->AddCounterTable("meros_master_agent_messages_total",
                                         "Messages of agents, by type; heartbeats left out.",
                                         {"type"})),
      agent_changes_(r->AddCounterTable(
          "meros_master_agent_changes_total",
          "Times that agents were admitted, returned, or were lost, by how.", {"change"})),
      task_ends_(r->AddCounterTable(
          "meros_master_task_ends_total",
          "Tasks that ended or became unreachable, by state, by who said so, and why.",
          {"state", "source", "reason"})),
      operations_(r->AddCounterTable(
          "meros_master_operation_changes_total",
          "Operations on reservations and volumes that came to a state, by type and state.",
          {"type", "state"})),
      framework_subscribed_(r->AddGaugeTable("meros_master_framework_subscribed",
                                             "1 while the framework is connected, else 0.",
                                             {"framework_id", "name"})),
      framework_suppressed_(
          r->AddGaugeTable("meros_master_framework_suppressed",
                           "1 for a role for which the framework wants no offers, else 0.",
                           {"framework_id", "name", "role"})),
      framework_calls_(r->AddCounterTable("meros_master_framework_calls_total",
                                          "Calls of the framework, by type.",
                                          {"framework_id", "name", "type"})),
      framework_events_(r->AddCounterTable("meros_master_framework_events_total",
                                           "Events sent to the framework, by type.",
                                           {"framework_id", "name", "type"})),
      framework_offers_(r->AddCounterTable("meros_master_framework_offers_total",
                                           "Offers of the framework, by what became of them.",
                                           {"framework_id", "name", "what"})),
      framework_operations_(r->AddCounterTable(
          "meros_master_framework_operations_total",
          "Offer operations that the framework asked for, by type; refused ones too.",
          {"framework_id", "name", "type"})),
      framework_tasks_(r->AddGaugeTable("meros_master_framework_tasks",
                                        "Tasks of the framework that have not ended, by state.",
                                        {"framework_id", "name", "state"})),
      framework_task_ends_(
          r->AddCounterTable("meros_master_framework_task_ends_total",
                             "Tasks of the framework that ended or became unreachable, by state.",
                             {"framework_id", "name", "state"})) {}

void CountTables::Measure(const ClusterView& view, size_t framework_series_max) {
  MeasureCluster(*view.counts());
  MeasureFrameworks(view, framework_series_max);
}

void CountTables::MeasureCluster(const ClusterCounts& counts) {
  Rows calls, said, changes, ends, operations;
  AddAll(&calls, {}, kCallNames, counts.calls);
  AddAll(&said, {}, kAgentSaidNames, counts.agent_said);
  AddAll(&changes, {}, kAgentChangeNames, counts.agent_changes);
  for (const auto& [end, number] : counts.ended) {
    Add(&ends, {LabelOf(std::get<0>(end)), SourceOf(end)}, ReasonOf(end), number);
  }
  for (const auto& [change, number] : counts.operations) {
    const auto& [type, state] = change;
    Add(&operations, {LabelOf(type)}, LabelOf(v1::OperationState_Name(state), "OPERATION_"),
        number);
  }
  calls_.Replace(calls);
  agent_messages_.Replace(said);
  agent_changes_.Replace(changes);
  task_ends_.Replace(ends);
  operations_.Replace(operations);
}

void CountTables::MeasureFrameworks(const ClusterView& view, size_t framework_series_max) {
  static const FrameworkCounts kNothing;
  Rows subscribed, suppressed, calls, events, offers, operations, tasks, ends;
  size_t shown = 0;
  for (const auto& [id, entry] : view.frameworks()) {
    if (entry.record->state == FrameworkState::kCompleted) continue;
    if (++shown > framework_series_max) break;
    const Subscription& subscription = entry.record->subscription;
    const Labels who = {id.value(), subscription.info->name()};
    const FrameworkCounts& counts = entry.counts == nullptr ? kNothing : *entry.counts;
    subscribed.push_back({who, entry.record->state == FrameworkState::kConnected ? 1.0 : 0.0});
    for (const std::string& role : subscription.roles) {
      Add(&suppressed, who, role, subscription.IsSuppressed(role) ? 1 : 0);
    }
    AddAll(&calls, who, kCallNames, counts.calls);
    AddAll(&events, who, kEventNames, counts.events);
    AddOffers(&offers, who, counts.offers);
    for (const auto& [type, number] : counts.operations) {
      Add(&operations, who, LabelOf(type), number);
    }
    for (const auto& [state, number] : entry.active_by_state) {
      Add(&tasks, who, LabelOf(state), number);
    }
    for (const auto& [state, number] : counts.ended) Add(&ends, who, LabelOf(state), number);
  }
  framework_subscribed_.Replace(subscribed);
  framework_suppressed_.Replace(suppressed);
  framework_calls_.Replace(calls);
  framework_events_.Replace(events);
  framework_offers_.Replace(offers);
  framework_operations_.Replace(operations);
  framework_tasks_.Replace(tasks);
  framework_task_ends_.Replace(ends);
}

}  // namespace meros::master

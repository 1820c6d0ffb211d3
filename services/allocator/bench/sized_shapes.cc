#include "services/allocator/bench/sized_shapes.h"

#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/resources/parse.h"
#include "libs/runtime/clock.h"
#include "services/allocator/bench/cluster.h"
#include "services/allocator/shell/core_metrics.h"

namespace meros::allocator {
namespace {

constexpr int kRuns = 3;

// What has to be added to an empty cluster.
struct Books {
  std::vector<Change> roles_and_frameworks;
  int agents = 0;
};

const Resources& AgentTotal() {
  static const auto* const total =
      new Resources(*resources::ParseResourcesText("cpus:2;mem:2048;disk:2048"));
  return *total;
}

// Guarantee and limit of so many agents' resources.
SetQuota QuotaOfAgents(std::string role, double agents) {
  SetQuota change;
  change.role = std::move(role);
  for (const auto& [name, amount] : AgentTotal().ScalarQuantities()) {
    const auto part = *resources::Scalar::FromDouble(amount.ToDouble() * agents);
    change.quota.guarantees.Add(name, part);
    change.quota.limits.Set(name, part);
  }
  return change;
}

Books LargeAndSmallQuota(int agents) {
  Books books{.roles_and_frameworks = {}, .agents = agents};
  for (int i = 0; i < agents; ++i) {
    const std::string role = absl::StrCat("role-", i);
    books.roles_and_frameworks.push_back(QuotaOfAgents(role, i % 6 == 5 ? 2 : 0.5));
    books.roles_and_frameworks.push_back(UpsertFramework{BenchmarkFramework(i, role)});
  }
  return books;
}

Books TwoFrameworksARole(int roles, bool has_quota) {
  Books books{.roles_and_frameworks = {}, .agents = 2 * roles};
  for (int i = 0; i < roles; ++i) {
    const std::string role = absl::StrCat("role-", i);
    if (has_quota) books.roles_and_frameworks.push_back(QuotaOfAgents(role, 2));
    for (int k = 0; k < 2; ++k) {
      books.roles_and_frameworks.push_back(UpsertFramework{BenchmarkFramework(2 * i + k, role)});
    }
  }
  return books;
}

Books Metrics(int frameworks) {
  Books books{.roles_and_frameworks = {}, .agents = frameworks};
  for (int i = 0; i < frameworks; ++i) {
    const std::string role = absl::StrCat("role-", i);
    books.roles_and_frameworks.push_back(QuotaOfAgents(role, 1));
    books.roles_and_frameworks.push_back(UpsertFramework{BenchmarkFramework(i, role)});
  }
  return books;
}

std::vector<Change> Agents(int count) {
  std::vector<Change> changes;
  for (int i = 0; i < count; ++i) {
    AgentState agent = BenchmarkAgent(i);
    agent.total = AgentTotal();
    changes.push_back(UpsertAgent{std::move(agent)});
  }
  return changes;
}

// In use, allocated in pages of their own included. Resident memory would not do: clusters that
// were measured before leave some.
int64_t HeapBytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

absl::Duration TimeMetrics(const Core& core) {
  telemetry::MetricRegistry registry("allocator");
  CoreMetrics metrics(&registry);
  metrics.Publish(core);
  const absl::Time start = runtime::ProcessClock::Get().Now();
  metrics.Publish(core);
  const std::string text = registry.Serialize();
  const absl::Duration took = runtime::ProcessClock::Get().Now() - start;
  return text.empty() ? absl::ZeroDuration() : took;
}

SizedResult MeasureOnce(int size, const Books& books, uint64_t seed) {
  SizedResult result;
  result.size = size;
  result.events = books.roles_and_frameworks.size();
  const int64_t heap_before = HeapBytes();
  BenchmarkCluster cluster(seed);
  cluster.Load({});
  for (const Change& change : books.roles_and_frameworks) {
    result.adding += cluster.Apply({change});
    result.adding += cluster.Tick();
  }
  // The agents come together, so that the next run is a full cycle.
  cluster.Apply(Agents(books.agents));
  result.cycle = cluster.Tick();
  const std::vector<Proposal> proposals = cluster.TakeProposals();
  result.proposals = proposals.size();
  cluster.Answer(proposals, absl::ZeroDuration());
  cluster.Apply(Agents(books.agents));
  result.idle_cycle = cluster.Tick();
  result.metrics = TimeMetrics(cluster.core());
  result.heap_bytes = HeapBytes() - heap_before;
  return result;
}

// Medians of each time; memory of the first cluster.
SizedResult Measure(int size, const Books& books, uint64_t seed) {
  std::vector<SizedResult> runs;
  for (int i = 0; i < kRuns; ++i) runs.push_back(MeasureOnce(size, books, seed));
  SizedResult result = runs[0];
  for (absl::Duration SizedResult::*figure : {&SizedResult::adding, &SizedResult::cycle,
                                              &SizedResult::idle_cycle, &SizedResult::metrics}) {
    std::vector<absl::Duration> values;
    for (const SizedResult& run : runs) values.push_back(run.*figure);
    std::sort(values.begin(), values.end());
    result.*figure = values[kRuns / 2];
  }
  return result;
}

}  // namespace

double SizedShape::Exponent() const {
  // Least squares through three points whose logarithms are evenly spaced, or nearly so.
  const SizedResult& first = sizes.front();
  const SizedResult& last = sizes.back();
  return std::log(absl::FDivDuration(last.cycle, first.cycle)) /
         std::log(static_cast<double>(last.size) / first.size);
}

std::vector<SizedShape> RunSizedShapes(uint64_t seed) {
  std::vector<SizedShape> shapes = {
      {"large_and_small_quota", {}}, {"nonquota", {}}, {"quota", {}}, {"metrics", {}}};
  for (int agents : {30, 300, 3000}) {
    shapes[0].sizes.push_back(Measure(agents, LargeAndSmallQuota(agents), seed));
  }
  for (int roles : {10, 100, 1000}) {
    shapes[1].sizes.push_back(Measure(roles, TwoFrameworksARole(roles, false), seed));
    shapes[2].sizes.push_back(Measure(roles, TwoFrameworksARole(roles, true), seed));
  }
  for (int frameworks : {100, 300, 1000}) {
    shapes[3].sizes.push_back(Measure(frameworks, Metrics(frameworks), seed));
  }
  return shapes;
}

}  // namespace meros::allocator

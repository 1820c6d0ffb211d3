// allocate, allocate-quota, allocate-deep, allocate-shapes: the real allocator core, in process,
// without master and network.
#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/allocator/bench/cycles.h"
#include "services/allocator/bench/sized_shapes.h"
#include "tests/bench/benchmark.h"

namespace meros::bench {
namespace {

using allocator::CycleBenchmarkOptions;
using allocator::CycleBenchmarkResult;
using RunCycles = CycleBenchmarkResult (*)(const CycleBenchmarkOptions& options);

double MedianMs(const std::vector<absl::Duration>& durations) {
  Samples samples;
  for (absl::Duration duration : durations) samples.Add(duration);
  return samples.Percentile(0.5);
}

absl::StatusOr<CycleBenchmarkOptions> ReadShape(Options* options, CycleBenchmarkOptions shape) {
  shape.agents = static_cast<int>(options->Get("agents", shape.agents));
  shape.frameworks = static_cast<int>(options->Get("frameworks", shape.frameworks));
  shape.roles = static_cast<int>(options->Get("roles", shape.roles));
  shape.cycles = static_cast<int>(options->Get("cycles", shape.cycles));
  if (shape.agents < 1 || shape.frameworks < 1 || shape.roles < 1 || shape.cycles < 1) {
    return absl::InvalidArgumentError("agents, frameworks, roles and cycles must be at least 1");
  }
  return shape;
}

// With what power of its size the time grows: the slope of a line through the logarithms at a
// quarter, at half and at the full size, the median of three cycles each.
double Exponent(const CycleBenchmarkOptions& full, RunCycles run,
                const std::function<void(CycleBenchmarkOptions*, double)>& scale) {
  const double sizes[] = {0.25, 0.5, 1};
  double times[3];
  for (int i = 0; i < 3; ++i) {
    CycleBenchmarkOptions options = full;
    options.cycles = 3;
    scale(&options, sizes[i]);
    times[i] = MedianMs(run(options).offer_cycles);
  }
  // Least squares on three points that are evenly spaced.
  return (std::log(times[2]) - std::log(times[0])) / (std::log(sizes[2]) - std::log(sizes[0]));
}

int Scaled(int value, double by) { return std::max(1, static_cast<int>(value * by)); }

Report ReportCycles(const CycleBenchmarkOptions& shape, RunCycles run, const char* reference) {
  const CycleBenchmarkResult result = run(shape);
  Report report;
  for (absl::Duration cycle : result.offer_cycles) report.latencies.Add(cycle);
  report.n = report.latencies.size();
  report.value = report.latencies.Percentile(0.5);
  report.unit = "ms";
  report.notes["counted"] = "one cycle in which everything is free and wanted, in process";
  report.notes["proposals"] = absl::StrCat(result.proposals);
  report.notes["us_per_proposal"] = absl::StrFormat(
      "%.2f", report.value * 1e3 / static_cast<double>(std::max<size_t>(1, result.proposals)));
  report.notes["full_cluster_cycle_ms_p50"] = absl::StrFormat("%.3f", MedianMs(result.full_cycles));
  report.notes["load_ms_p50"] = absl::StrFormat("%.1f", MedianMs(result.loads));
  if (result.resident_bytes > 0) {
    report.notes["resident_mib"] =
        absl::StrFormat("%.1f", static_cast<double>(result.resident_bytes) / (1 << 20));
  }
  report.notes["reference"] = reference;
  return report;
}

void AddExponents(const CycleBenchmarkOptions& shape, RunCycles run, Report* report) {
  report->notes["exponent_in_agents"] =
      absl::StrFormat("%.2f", Exponent(shape, run, [](CycleBenchmarkOptions* o, double by) {
                        o->agents = Scaled(o->agents, by);
                      }));
  report->notes["exponent_in_frameworks"] =
      absl::StrFormat("%.2f", Exponent(shape, run, [](CycleBenchmarkOptions* o, double by) {
                        o->frameworks = Scaled(o->frameworks, by);
                      }));
}

// What Mesos takes for a sized shape, where somebody has measured it; empty where not.
std::string ReferenceOf(const std::string& shape) {
  if (shape == "large_and_small_quota") {
    return "Mesos: 300 agents 118 ms a cycle; 3,000 agents 30 s to add the roles, 35 s a cycle";
  }
  if (shape == "metrics") return "Mesos: 430-580 ms to read /metrics with 1,000 frameworks";
  return "Mesos: 50-85 us per agent offered, without quota";
}

std::string Describe(const allocator::SizedResult& size, const std::string& shape) {
  const double events = static_cast<double>(std::max<size_t>(1, size.events));
  const double proposals = static_cast<double>(std::max<size_t>(1, size.proposals));
  std::string text = absl::StrFormat(
      "cycle %.3f ms, %d proposals, %.2f us each; cycle when all is taken %.3f ms; adding %d roles "
      "and frameworks %.2f us each; %.2f MiB",
      absl::ToDoubleMilliseconds(size.cycle), size.proposals,
      absl::ToDoubleMicroseconds(size.cycle) / proposals,
      absl::ToDoubleMilliseconds(size.idle_cycle), size.events,
      absl::ToDoubleMicroseconds(size.adding) / events,
      static_cast<double>(size.heap_bytes) / (1 << 20));
  if (shape == "metrics") {
    absl::StrAppendFormat(&text, "; reading metrics %.3f ms",
                          absl::ToDoubleMilliseconds(size.metrics));
  }
  return text;
}

void AddSizedShapes(Report* report) {
  for (const allocator::SizedShape& shape : allocator::RunSizedShapes(/*seed=*/1)) {
    for (const allocator::SizedResult& size : shape.sizes) {
      report->notes[absl::StrFormat("%s_%04d", shape.name, size.size)] = Describe(size, shape.name);
    }
    report->notes[absl::StrCat(shape.name, "_exponent_of_cycle")] =
        absl::StrFormat("%.2f", shape.Exponent());
    report->notes[absl::StrCat(shape.name, "_reference")] = ReferenceOf(shape.name);
  }
}

}  // namespace

absl::StatusOr<Report> RunAllocate(Options* options) {
  auto shape = ReadShape(options, {});
  if (!shape.ok()) return shape.status();
  Report report =
      ReportCycles(*shape, allocator::RunCycleBenchmark,
                   "Mesos: 3.8 s (1.8, 20,000 x 2,000); 640 ms for 10,000 agents (measured)");
  AddExponents(*shape, allocator::RunCycleBenchmark, &report);
  return report;
}

absl::StatusOr<Report> RunAllocateQuota(Options* options) {
  auto shape =
      ReadShape(options, {.agents = 3'000, .frameworks = 3'000, .roles = 3'000, .cycles = 5});
  if (!shape.ok()) return shape.status();
  if (shape->frameworks != shape->roles) {
    return absl::InvalidArgumentError("frameworks must equal roles: one is in each");
  }
  Report report = ReportCycles(*shape, allocator::RunQuotaCycleBenchmark,
                               "Mesos: 30 s to add 3,000 roles, 35 s a cycle (measured)");
  // Both together are what has to fit.
  const double adding = std::stod(report.notes["load_ms_p50"]);
  report.notes["counted"] = "adding all roles and frameworks one by one, then one full cycle";
  report.notes["adding_ms_p50"] = report.notes["load_ms_p50"];
  report.notes["cycle_ms_p50"] = absl::StrFormat("%.1f", report.value);
  report.notes.erase("load_ms_p50");
  report.value += adding;
  report.latencies = {};
  return report;
}

absl::StatusOr<Report> RunAllocateDeep(Options* options) {
  auto shape =
      ReadShape(options, {.agents = 100'000, .frameworks = 10'000, .roles = 1'000, .cycles = 3});
  if (!shape.ok()) return shape.status();
  Report report = ReportCycles(*shape, allocator::RunDeepCycleBenchmark, "none published");
  AddExponents(*shape, allocator::RunDeepCycleBenchmark, &report);
  return report;
}

absl::StatusOr<Report> RunAllocateShapes(Options* options) {
  const double scale = options->Get("scale", 1);
  if (scale <= 0 || scale > 10) {
    return absl::InvalidArgumentError("scale must be above 0 and at most 10");
  }
  Report report;
  report.unit = "ms";
  for (const allocator::ShapeResult& shape : allocator::RunReferenceShapes(scale, 1)) {
    report.value += absl::ToDoubleMilliseconds(shape.total);
    report.n += shape.events;
    report.notes[shape.name] = absl::StrFormat(
        "%.1f ms, %d events, %.2f us each", absl::ToDoubleMilliseconds(shape.total), shape.events,
        absl::ToDoubleMicroseconds(shape.total) /
            static_cast<double>(std::max<size_t>(1, shape.events)));
  }
  AddSizedShapes(&report);
  report.notes["counted"] =
      "time of the core for all shapes together that --scale is for, in process";
  report.notes["reference"] =
      "Mesos: add 10,000 agents 1.26 s; all refused 9.4 us per pair of agent and framework; all of "
      "50 suppressed, 5,000 agents 75-103 ms";
  return report;
}

}  // namespace meros::bench

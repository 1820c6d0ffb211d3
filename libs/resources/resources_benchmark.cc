// Budget: add, subtract and contains of a typical agent, plain or reserved, below 100 ns each.
#include <benchmark/benchmark.h>

#include "libs/resources/parse.h"
#include "libs/resources/resources.h"

namespace meros::resources {
namespace {

// What an agent with 16 cores offers, and what a task takes of it.
constexpr char kAgent[] = "cpus:16;mem:65536;disk:1000000;ports:[31000-32000]";
constexpr char kTask[] = "cpus:0.5;mem:512;disk:100;ports:[31000-31000]";

enum Variant { kPlain, kAllocated, kReserved, kReservedElsewhere };

Resources Make(const char* text, int64_t variant) {
  const Resources plain = *ParseResources(text);
  if (variant == kPlain) return plain;
  if (variant == kAllocated) return plain.WithAllocationRole("eng");
  return plain.PushReservation({Reservation::Kind::kDynamic, "eng/web", "scheduler", {}})
      .WithAllocationRole("eng/web");
}

// Agent and task. Reserved: the task's resources were cut from the agent's, as offers are, and
// share its metadata objects. Reserved elsewhere: they came over the wire, with equal metadata of
// their own. The same holds for "allocated", the most frequent case on the hot path.
std::pair<Resources, Resources> Pair(int64_t variant) {
  Resources agent = Make(kAgent, variant);
  Resources task = Make(kTask, variant);
  if (variant == kReserved) {
    Resources cut;
    const Resource* from = agent.begin();
    for (const Resource& item : task) cut.Add(item.WithMetadata((from++)->metadata()));
    task = cut;
  }
  return {agent, task};
}

void BM_AddSubtract(benchmark::State& state) {
  auto [agent, task] = Pair(state.range(0));
  for (auto _ : state) {
    agent -= task;
    benchmark::DoNotOptimize(agent);
    agent += task;
    benchmark::DoNotOptimize(agent);
  }
}

void BM_AddInPlace(benchmark::State& state) {
  auto [agent, task] = Pair(state.range(0));
  for (auto _ : state) {
    agent += task;
    benchmark::DoNotOptimize(agent);
  }
}

void BM_CopyAndSubtract(benchmark::State& state) {
  const auto [agent, task] = Pair(state.range(0));
  // From a copy each time; BM_Copy says what the copy costs.
  for (auto _ : state) {
    Resources left = agent;
    benchmark::DoNotOptimize(left);
    left -= task;
    benchmark::DoNotOptimize(left);
  }
}

void BM_Copy(benchmark::State& state) {
  const auto [agent, task] = Pair(state.range(0));
  for (auto _ : state) {
    Resources copy = agent;
    benchmark::DoNotOptimize(copy);
  }
}

void BM_Contains(benchmark::State& state) {
  const auto [agent, task] = Pair(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(agent.Contains(task));
}

void BM_Equal(benchmark::State& state) {
  const auto [agent, task] = Pair(state.range(0));
  const Resources other = agent;
  for (auto _ : state) benchmark::DoNotOptimize(agent == other);
}

void BM_WithAllocationRole(benchmark::State& state) {
  const auto [agent, task] = Pair(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(agent.WithAllocationRole("ops"));
}

void BM_Quantities(benchmark::State& state) {
  const auto [agent, task] = Pair(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(agent.ScalarQuantities());
}

BENCHMARK(BM_AddSubtract)->DenseRange(kPlain, kReservedElsewhere);
BENCHMARK(BM_AddInPlace)->DenseRange(kPlain, kReservedElsewhere);
BENCHMARK(BM_CopyAndSubtract)->DenseRange(kPlain, kReservedElsewhere);
BENCHMARK(BM_Contains)->DenseRange(kPlain, kReservedElsewhere);
BENCHMARK(BM_Copy)->DenseRange(kPlain, kReservedElsewhere);
BENCHMARK(BM_Equal)->Arg(kPlain)->Arg(kReserved);
BENCHMARK(BM_WithAllocationRole)->Arg(kPlain)->Arg(kReserved);
BENCHMARK(BM_Quantities)->Arg(kPlain);

// Ports in `count` separate ranges, as on an agent that runs many tasks.
Ranges Scattered(int64_t count) {
  Ranges ranges;
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t begin = 31'000 + 10 * static_cast<uint64_t>(i);
    ranges.Add({begin, begin + 4});
  }
  return ranges;
}

void BM_RangesTakeAndReturnOne(benchmark::State& state) {
  Ranges ranges = Scattered(state.range(0));
  const uint64_t middle = 31'000 + 10 * static_cast<uint64_t>(state.range(0) / 2) + 2;
  for (auto _ : state) {
    ranges.Subtract({middle, middle});
    ranges.Add({middle, middle});
    benchmark::DoNotOptimize(ranges);
  }
}

void BM_RangesContainsAll(benchmark::State& state) {
  const Ranges ranges = Scattered(state.range(0));
  const Ranges other = ranges;
  for (auto _ : state) benchmark::DoNotOptimize(ranges.Contains(other));
}

void BM_RangesAddAll(benchmark::State& state) {
  const Ranges ranges = Scattered(state.range(0));
  for (auto _ : state) {
    Ranges sum = ranges;
    sum += ranges;
    benchmark::DoNotOptimize(sum);
  }
}

BENCHMARK(BM_RangesTakeAndReturnOne)->Arg(1)->Arg(1000);
BENCHMARK(BM_RangesContainsAll)->Arg(1000);
BENCHMARK(BM_RangesAddAll)->Arg(1000);

}  // namespace
}  // namespace meros::resources

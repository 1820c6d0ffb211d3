// What validation costs on the hot path, beside parsing the message from bytes. Budget: 100 ns for
// an acknowledgement (one comes for every status update), 2 us for a launch of one task.
#include <benchmark/benchmark.h>

#include <google/protobuf/text_format.h>

#include "libs/wire/resources_proto.h"
#include "libs/wire/scheduler_call.h"
#include "libs/wire/task_rules.h"

namespace meros::wire {
namespace {

v1::scheduler::Call Parse(const char* text) {
  v1::scheduler::Call call;
  google::protobuf::TextFormat::ParseFromString(text, &call);
  return call;
}

v1::scheduler::Call Launch() {
  return Parse(R"(
    framework_id { value: '4bd1fb9c-26ed-4a1c-9a9d-0f6f52a1f2d3-0001' } type: ACCEPT accept {
      offer_ids { value: '4bd1fb9c-26ed-4a1c-9a9d-0f6f52a1f2d3-O17' }
      operations { type: LAUNCH launch { task_infos {
        name: 'sleeper' task_id { value: 'sleeper-000017' }
        agent_id { value: '4bd1fb9c-26ed-4a1c-9a9d-0f6f52a1f2d3-S3' } command { value: 'sleep 60' }
        resources { name: 'cpus' type: SCALAR scalar { value: 0.5 } allocation_info { role: 'e' } }
        resources { name: 'mem' type: SCALAR scalar { value: 64 } allocation_info { role: 'e' } }
        resources { name: 'ports' type: RANGES ranges { range { begin: 31000 end: 31000 } }
                    allocation_info { role: 'e' } } } } } })");
}

v1::scheduler::Call Acknowledge() {
  return Parse(R"(framework_id { value: '4bd1fb9c-26ed-4a1c-9a9d-0f6f52a1f2d3-0001' }
    type: ACKNOWLEDGE acknowledge { agent_id { value: '4bd1fb9c-26ed-4a1c-9a9d-0f6f52a1f2d3-S3' }
    task_id { value: 'sleeper-000017' } uuid: '0123456789abcdef' })");
}

void Parsing(benchmark::State& state, const v1::scheduler::Call& call) {
  const std::string bytes = call.SerializeAsString();
  v1::scheduler::Call parsed;
  for (auto _ : state) benchmark::DoNotOptimize(parsed.ParseFromString(bytes));
}

void Validating(benchmark::State& state, const v1::scheduler::Call& call) {
  const FieldPath path("call");
  for (auto _ : state) benchmark::DoNotOptimize(ValidateCall(call, path).ok());
}

void BM_ParseAcknowledge(benchmark::State& state) { Parsing(state, Acknowledge()); }
void BM_ValidateAcknowledge(benchmark::State& state) { Validating(state, Acknowledge()); }
void BM_ParseLaunch(benchmark::State& state) { Parsing(state, Launch()); }
void BM_ValidateLaunch(benchmark::State& state) { Validating(state, Launch()); }

void BM_JudgeTask(benchmark::State& state) {
  const v1::scheduler::Call call = Launch();
  const v1::TaskInfo& task = call.accept().operations(0).launch().task_infos(0);
  const FrameworkId framework_id("f");
  const FieldPath path("task");
  for (auto _ : state) benchmark::DoNotOptimize(JudgeTask(task, framework_id, path));
}

void BM_ResourcesFromProto(benchmark::State& state) {
  const v1::scheduler::Call call = Launch();
  const v1::TaskInfo& task = call.accept().operations(0).launch().task_infos(0);
  for (auto _ : state) benchmark::DoNotOptimize(ResourcesFromProto(task.resources()));
}

BENCHMARK(BM_ParseAcknowledge);
BENCHMARK(BM_ValidateAcknowledge);
BENCHMARK(BM_ParseLaunch);
BENCHMARK(BM_ValidateLaunch);
BENCHMARK(BM_JudgeTask);
BENCHMARK(BM_ResourcesFromProto);

}  // namespace
}  // namespace meros::wire

// allocator_benchmark: full cycles of the core, for the table in README.md. Options as name=value:
// agents, frameworks, roles, cycles.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "services/allocator/bench/cycles.h"

namespace {

void Print(const char* name, std::vector<absl::Duration> cycles) {
  if (cycles.empty()) return;
  std::sort(cycles.begin(), cycles.end());
  std::printf("%-14s min %8.2f ms   median %8.2f ms   max %8.2f ms\n", name,
              absl::ToDoubleMilliseconds(cycles.front()),
              absl::ToDoubleMilliseconds(cycles[cycles.size() / 2]),
              absl::ToDoubleMilliseconds(cycles.back()));
}

}  // namespace

int main(int argc, char** argv) {
  meros::allocator::CycleBenchmarkOptions options;
  const std::map<std::string, int*> names = {{"agents", &options.agents},
                                             {"frameworks", &options.frameworks},
                                             {"roles", &options.roles},
                                             {"cycles", &options.cycles}};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    const auto found = names.find(argument.substr(0, equals));
    const int value = equals == std::string::npos ? 0 : std::atoi(argument.c_str() + equals + 1);
    if (found == names.end() || value <= 0) {
      std::fprintf(stderr, "%s: expected agents=N, frameworks=N, roles=N or cycles=N, N above 0\n",
                   argument.c_str());
      return 2;
    }
    *found->second = value;
  }
  const meros::allocator::CycleBenchmarkResult result =
      meros::allocator::RunCycleBenchmark(options);
  std::printf("%d agents, %d frameworks, %d roles; %zu proposals a cycle; in process\n",
              options.agents, options.frameworks, options.roles, result.proposals);
  Print("all offered", result.offer_cycles);
  Print("all taken", result.full_cycles);
  std::printf("%zu refused pairs:\n", result.refused_pairs);
  Print("all refused", result.refused_cycles);
  return 0;
}

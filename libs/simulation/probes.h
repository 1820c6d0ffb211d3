// Probes: places of which someone claims "this happens sometimes". Over a night's seeds each must
// be met, else the simulation is tamer than we believe.
//
//   Sometimes<"an update is sent again">(retries > 0);
//
// Probes sit in bindings, workloads and invariants, not in cores. A probe is known from the start
// of the program, also if its place never runs; several places may share one.
//
// Thread rule: thread-compatible; the counts are of the process.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace meros::simulation {

class Probes {
 public:
  // From now on `name` must be met. Returns how often it was, to count on; good for ever.
  uint64_t* Expect(absl::string_view name);

  // Names never met, in order.
  std::vector<std::string> Missing() const;
  // One line a probe: "<times met>  <name>".
  std::string Report() const;

  static Probes& OfProcess();

 private:
  std::map<std::string, uint64_t, std::less<>> met_;
};

// A name as a template argument.
template <size_t N>
struct ProbeName {
  consteval ProbeName(const char (&name)[N]) { std::copy_n(name, N, text); }  // NOLINT: implicit
  char text[N];
};

template <ProbeName kName>
struct Probe {
  // Before main(), because the place that uses it was compiled.
  static inline uint64_t* const met = Probes::OfProcess().Expect(kName.text);
};

template <ProbeName kName>
void Sometimes(bool condition) {
  if (condition) ++*Probe<kName>::met;
}

}  // namespace meros::simulation

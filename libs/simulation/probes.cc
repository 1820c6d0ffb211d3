#include "libs/simulation/probes.h"

#include "absl/strings/str_format.h"

namespace meros::simulation {

Probes& Probes::OfProcess() {
  static Probes* const probes = new Probes;
  return *probes;
}

uint64_t* Probes::Expect(absl::string_view name) {
  const auto found = met_.find(name);
  if (found != met_.end()) return &found->second;
  return &met_.emplace(std::string(name), 0).first->second;
}

std::vector<std::string> Probes::Missing() const {
  std::vector<std::string> missing;
  for (const auto& [name, times] : met_) {
    if (times == 0) missing.push_back(name);
  }
  return missing;
}

std::string Probes::Report() const {
  std::string report;
  for (const auto& [name, times] : met_) absl::StrAppendFormat(&report, "%10d  %s\n", times, name);
  return report;
}

}  // namespace meros::simulation

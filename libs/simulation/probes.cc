#include "libs/simulation/probes.h"

#include "absl/strings/str_format.h"

namespace meros::simulation {

Probes& Probes::OfProcess() {
  static Probes* const probes = new Probes;
  return *probes;
}

void Probes::Hit(bool condition, absl::string_view name) {
  auto found = hits_.find(name);
  if (found == hits_.end()) found = hits_.emplace(std::string(name), 0).first;
  if (condition) ++found->second;
}

void Probes::Expect(const std::vector<std::string>& names) {
  for (const std::string& name : names) hits_.emplace(name, 0);
}

std::vector<std::string> Probes::Missing() const {
  std::vector<std::string> missing;
  for (const auto& [name, hits] : hits_) {
    if (hits == 0) missing.push_back(name);
  }
  return missing;
}

std::string Probes::Report() const {
  std::string report;
  for (const auto& [name, hits] : hits_) absl::StrAppendFormat(&report, "%10d  %s\n", hits, name);
  return report;
}

}  // namespace meros::simulation

#include "services/agent/shell/resource_detection.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/status_macros.h"
#include "libs/resources/parse.h"
#include "libs/resources/validation.h"

namespace meros::agent {
namespace {

constexpr int64_t kGiB = int64_t{1} << 30;
constexpr int64_t kMiB = int64_t{1} << 20;

// All but `reserve` of a large amount, half of a small one.
int64_t ShareInMiB(int64_t bytes, int64_t reserve) {
  return (bytes >= 2 * reserve ? bytes - reserve : bytes / 2) / kMiB;
}

// Whether the operator says anything about `name`, be it that there is none. Empty objects do not
// survive parsing, so the text is looked at.
bool Mentions(absl::string_view flag, absl::string_view name) {
  if (absl::StrContains(flag, absl::StrCat("\"", name, "\""))) return true;  // JSON
  for (size_t at = flag.find(name); at != absl::string_view::npos; at = flag.find(name, at + 1)) {
    const bool starts = at == 0 || flag[at - 1] == ';' || flag[at - 1] == ' ';
    const absl::string_view rest = flag.substr(at + name.size());
    if (starts && !rest.empty() && (rest.front() == ':' || rest.front() == '(')) return true;
  }
  return false;
}

}  // namespace

NodeFacts ReadNode(const std::string& work_dir) {
  NodeFacts facts;
  facts.cpus = std::max(int64_t{1}, static_cast<int64_t>(::sysconf(_SC_NPROCESSORS_ONLN)));
  const int64_t pages = ::sysconf(_SC_PHYS_PAGES);
  facts.memory_bytes = pages > 0 ? pages * ::sysconf(_SC_PAGESIZE) : 2 * kGiB;
  struct statvfs disk;
  facts.disk_bytes = ::statvfs(work_dir.c_str(), &disk) == 0
                         ? static_cast<int64_t>(disk.f_blocks * disk.f_frsize)
                         : 15 * kGiB;
  return facts;
}

absl::StatusOr<resources::Resources> ResourcesOf(const std::string& flag,
                                                 const std::string& default_role,
                                                 const NodeFacts& facts) {
  std::vector<std::string> detected;
  if (!Mentions(flag, "cpus")) detected.push_back(absl::StrCat("cpus:", facts.cpus));
  if (!Mentions(flag, "mem")) {
    detected.push_back(absl::StrCat("mem:", ShareInMiB(facts.memory_bytes, kGiB)));
  }
  if (!Mentions(flag, "disk")) {
    detected.push_back(absl::StrCat("disk:", ShareInMiB(facts.disk_bytes, 5 * kGiB)));
  }
  if (!Mentions(flag, "ports")) detected.push_back("ports:[31000-32000]");
  auto stated = resources::ParseResources(flag, default_role);
  if (!stated.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--resources: ", stated.status().message()));
  }
  MEROS_ASSIGN_OR_RETURN(resources::Resources total,
                         resources::ParseResourcesText(absl::StrJoin(detected, ";"), default_role));
  total += *stated;
  const absl::Status status = resources::ValidateAgentConfiguration(total);
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--resources: ", status.message()));
  }
  return total;
}

absl::StatusOr<resources::Resources> DetectResources(const std::string& flag,
                                                     const std::string& default_role,
                                                     const std::string& work_dir) {
  return ResourcesOf(flag, default_role, ReadNode(work_dir));
}

}  // namespace meros::agent

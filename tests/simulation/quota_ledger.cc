#include "tests/simulation/quota_ledger.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/simulation/probes.h"

namespace meros::simulation {
namespace {

using resources::Resources;
using resources::Scalar;

// Of what is subject to limits.
Scalar CpusOf(const Resources& resources) { return resources.Unreserved().Cpus(); }

}  // namespace

void QuotaLedger::OnMasterBatch(const std::string& node, const std::string& process,
                                const master::MasterCore& core) {
  if (core.leadership() != master::LeadershipState::kLeading) return;
  Books& seen = of_node_[node];
  if (seen.process != process || seen.epoch != core.epoch()) {
    seen = {.process = process, .epoch = core.epoch()};
  }
  const master::Books& books = core.books();
  std::map<std::string, Scalar> held;
  std::map<std::string, Scalar> offered;  // since the batch before
  for (const auto& [sequence, task] : books.tasks.all()) {
    if (task->holds_resources) held[task->role()] += CpusOf(task->resources());
  }
  const uint64_t last_offer = seen.last_offer;
  for (const auto& [sequence, offer] : books.offers.all()) {
    held[offer->role] += CpusOf(offer->resources);
    if (sequence > last_offer) offered[offer->role] += CpusOf(offer->resources);
    seen.last_offer = std::max(seen.last_offer, sequence);
  }
  for (const auto& [role, config] : books.roles.all()) {
    const std::optional<Scalar> limit = config->quota.limits.Get(resources::ResourceName::Cpus());
    if (!limit.has_value()) {
      seen.versions.erase(role);
      continue;
    }
    const Scalar now = held[role];
    const auto [version, is_new] = seen.versions.emplace(role, config->version);
    if (is_new || version->second != config->version) {
      version->second = config->version;
      seen.spare[role] = std::max(Scalar(), now - *limit);
    } else {
      // What came otherwise than by offers.
      const Scalar grown = now - seen.held[role] - offered[role];
      if (grown.is_positive()) seen.spare[role] += grown;
    }
    Sometimes<"a role holds more than its limit by right">(now > *limit);
    Sometimes<"a role holds all that its limit allows">(now == *limit && limit->is_positive());
    if (now > *limit + seen.spare[role]) {
      ledger_.Fail(absl::StrCat(node, " offers role ", role, " above its limit: it holds ",
                                now.ToString(), " cpus, limited to ", limit->ToString()));
    }
  }
  seen.held = std::move(held);
}

}  // namespace meros::simulation

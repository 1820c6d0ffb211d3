#include "services/allocator/bench/cycles.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/resources/parse.h"
#include "services/allocator/bench/cluster.h"

namespace meros::allocator {
namespace {

using RoleName = std::string (*)(int i, const CycleBenchmarkOptions& options);

std::string FlatRole(int i, const CycleBenchmarkOptions& options) {
  return absl::StrCat("role-", i % options.roles);
}

// Ten children at each of the two upper levels.
std::string DeepRole(int i, const CycleBenchmarkOptions& options) {
  const int leaf = i % options.roles;
  return absl::StrCat("org-", leaf % 10, "/team-", leaf / 10 % 10, "/app-", leaf / 100);
}

std::vector<Change> Frameworks(const CycleBenchmarkOptions& options, RoleName role) {
  std::vector<Change> changes;
  for (int i = 0; i < options.frameworks; ++i) {
    changes.push_back(UpsertFramework{BenchmarkFramework(i, role(i, options))});
  }
  return changes;
}

std::vector<Change> Agents(int count) {
  std::vector<Change> changes;
  for (int i = 0; i < count; ++i) changes.push_back(UpsertAgent{BenchmarkAgent(i)});
  return changes;
}

void Append(std::vector<Change> more, std::vector<Change>* changes) {
  std::move(more.begin(), more.end(), std::back_inserter(*changes));
}

SetQuota QuotaOf(std::string role, double guaranteed_cpus, double limit_cpus) {
  SetQuota change;
  change.role = std::move(role);
  const auto cpus = resources::ResourceName::Cpus();
  change.quota.guarantees.Add(cpus, *resources::Scalar::FromDouble(guaranteed_cpus));
  change.quota.limits.Set(cpus, *resources::Scalar::FromDouble(limit_cpus));
  return change;
}

// Half of the cluster is guaranteed, evenly; each role may have twice its part.
std::vector<Change> DeepQuotas(const CycleBenchmarkOptions& options) {
  std::vector<Change> changes;
  const double cpus = 24.0 * options.agents;
  for (int i = 0; i < std::min(10, options.roles); ++i) {
    changes.push_back(QuotaOf(absl::StrCat("org-", i), cpus / 20, cpus / 5));
    for (int k = 0; k < std::min(10, options.roles / 10); ++k) {
      changes.push_back(QuotaOf(absl::StrCat("org-", i, "/team-", k), cpus / 200, cpus / 50));
    }
  }
  for (int i = 0; i < options.roles; ++i) {
    changes.push_back(
        QuotaOf(DeepRole(i, options), cpus / (2.0 * options.roles), 2.0 * cpus / options.roles));
  }
  return changes;
}

// The run over everything that is free; then the same of everything that is taken.
void MeasureRuns(BenchmarkCluster* cluster, int agents, CycleBenchmarkResult* result) {
  result->offer_cycles.push_back(cluster->Tick());
  const std::vector<Proposal> proposals = cluster->TakeProposals();
  result->proposals = proposals.size();
  cluster->Answer(proposals, absl::ZeroDuration());
  cluster->Apply(Agents(agents));
  result->full_cycles.push_back(cluster->Tick());
}

CycleBenchmarkResult MeasureCycles(const CycleBenchmarkOptions& options,
                                   const std::vector<Change>& books) {
  CycleBenchmarkResult result;
  for (int i = 0; i < options.cycles; ++i) {
    const int64_t resident_before = ResidentBytes();
    BenchmarkCluster cluster(options.seed);
    result.loads.push_back(cluster.Load(books));
    if (i == 0) result.resident_bytes = ResidentBytes() - resident_before;
    MeasureRuns(&cluster, options.agents, &result);
  }
  return result;
}

// --- The shapes of Mesos' benchmarks

class Shapes {
 public:
  Shapes(double scale, uint64_t seed) : seed_(seed) {
    options_.agents = std::max(1, static_cast<int>(10'000 * scale));
    options_.frameworks = std::max(1, static_cast<int>(1'000 * scale));
  }

  ShapeResult AddAgents() {
    BenchmarkCluster cluster(seed_);
    cluster.Load(Frameworks(options_, FlatRole));
    ShapeResult result{"add_agents", {}, 0};
    AddOneByOne(&cluster, &result);
    return result;
  }

  ShapeResult UpdateAgents() {
    BenchmarkCluster cluster(seed_);
    ShapeResult added{"", {}, 0};
    cluster.Load(Frameworks(options_, FlatRole));
    AddOneByOne(&cluster, &added);
    ShapeResult result{"update_agents", {}, 0};
    AddOneByOne(&cluster, &result);  // equal: all of it is held
    return result;
  }

  // Everything is offered and declined until everyone has declined everything; then one look at
  // each agent by everyone.
  std::vector<ShapeResult> DeclineOffers() {
    CycleBenchmarkOptions options = options_;
    options.frameworks = std::max(1, options.frameworks / 5);
    BenchmarkCluster cluster(seed_);
    std::vector<Change> books = Frameworks(options, FlatRole);
    Append(Agents(options.agents), &books);
    cluster.Load(std::move(books));
    ShapeResult declines{"decline_offers", {}, 0};
    for (;;) {
      declines.total += cluster.Tick();
      const std::vector<Proposal> proposals = cluster.TakeProposals();
      if (proposals.empty()) break;
      declines.total += cluster.Answer(proposals, absl::Hours(1));
      declines.events += proposals.size();
    }
    ShapeResult refused{"all_refused_cycle", {}, 0};
    cluster.Apply(Agents(options.agents));
    refused.total = cluster.Tick();
    refused.events = cluster.core().stats().last_run.agents;
    return {declines, refused};
  }

  // `active_part` of the frameworks want offers; one cycle.
  ShapeResult Suppressed(std::string name, double active_part) {
    BenchmarkCluster cluster(seed_);
    std::vector<Change> books;
    for (int i = 0; i < options_.frameworks; ++i) {
      FrameworkState framework = BenchmarkFramework(i, FlatRole(i, options_));
      if (i >= active_part * options_.frameworks) framework.suppressed_roles = framework.roles;
      books.push_back(UpsertFramework{std::move(framework)});
    }
    Append(Agents(options_.agents), &books);
    cluster.Load(std::move(books));
    ShapeResult result{std::move(name), cluster.Tick(), 0};
    result.events = cluster.core().stats().last_run.proposals;
    return result;
  }

  // Each agent has 100 reservations that differ in a label.
  ShapeResult ResourceLabels() {
    CycleBenchmarkOptions options = options_;
    options.agents = std::max(1, options.agents / 10);
    Resources total = BenchmarkAgentTotal();
    for (int i = 0; i < 100; ++i) {
      resources::Metadata metadata;
      metadata.reservations.push_back({resources::Reservation::Kind::kDynamic,
                                       "role-0",
                                       {},
                                       {{absl::StrCat("label-", i), std::nullopt}}});
      total.Add(resources::Resource(resources::ResourceName::Cpus(),
                                    resources::Scalar::FromUnits(1),
                                    resources::MetadataRef(std::move(metadata))));
    }
    std::vector<Change> books = Frameworks(options, FlatRole);
    for (int i = 0; i < options.agents; ++i) {
      AgentState agent = BenchmarkAgent(i);
      agent.total = total;
      books.push_back(UpsertAgent{std::move(agent)});
    }
    BenchmarkCluster cluster(seed_);
    cluster.Load(std::move(books));
    ShapeResult result{"resource_labels", cluster.Tick(), 0};
    result.events = cluster.core().stats().last_run.proposals;
    return result;
  }

 private:
  // Each causes a run of its own; what is offered is taken.
  void AddOneByOne(BenchmarkCluster* cluster, ShapeResult* result) {
    for (Change& agent : Agents(options_.agents)) {
      std::vector<Change> one;
      one.push_back(std::move(agent));
      result->total += cluster->Apply(std::move(one)) + cluster->Tick();
      result->total += cluster->Answer(cluster->TakeProposals(), absl::ZeroDuration());
      ++result->events;
    }
  }

  CycleBenchmarkOptions options_;
  const uint64_t seed_;
};

}  // namespace

CycleBenchmarkResult RunCycleBenchmark(const CycleBenchmarkOptions& options) {
  MEROS_CHECK(options.agents > 0 && options.frameworks > 0 && options.roles > 0);
  std::vector<Change> books = Frameworks(options, FlatRole);
  Append(Agents(options.agents), &books);
  return MeasureCycles(options, books);
}

CycleBenchmarkResult RunQuotaCycleBenchmark(const CycleBenchmarkOptions& options) {
  MEROS_CHECK(options.agents > 0 && options.roles > 0);
  CycleBenchmarkOptions one_each = options;
  one_each.frameworks = options.roles;
  std::vector<Change> books;
  for (int i = 0; i < options.roles; ++i) {
    books.push_back(QuotaOf(FlatRole(i, options), 12.0 * options.agents / options.roles,
                            48.0 * options.agents / options.roles));
  }
  Append(Frameworks(one_each, FlatRole), &books);
  CycleBenchmarkResult result;
  for (int i = 0; i < options.cycles; ++i) {
    BenchmarkCluster cluster(options.seed);
    cluster.Load({});
    absl::Duration adding;
    for (const Change& change : books) {
      adding += cluster.Apply({change});
      adding += cluster.Tick();
    }
    // The agents come together, so that the next run is a full cycle.
    adding += cluster.Apply(Agents(options.agents));
    result.loads.push_back(adding);
    MeasureRuns(&cluster, options.agents, &result);
  }
  return result;
}

CycleBenchmarkResult RunDeepCycleBenchmark(const CycleBenchmarkOptions& options) {
  MEROS_CHECK(options.agents > 0 && options.frameworks > 0 && options.roles > 0);
  std::vector<Change> books = DeepQuotas(options);
  Append(Frameworks(options, DeepRole), &books);
  Append(Agents(options.agents), &books);
  return MeasureCycles(options, books);
}

std::vector<ShapeResult> RunReferenceShapes(double scale, uint64_t seed) {
  Shapes shapes(scale, seed);
  std::vector<ShapeResult> results = {shapes.AddAgents(), shapes.UpdateAgents()};
  for (ShapeResult& result : shapes.DeclineOffers()) results.push_back(std::move(result));
  results.push_back(shapes.Suppressed("half_suppressed_cycle", 0.5));
  results.push_back(shapes.Suppressed("nearly_all_suppressed_cycle", 0.01));
  results.push_back(shapes.ResourceLabels());
  return results;
}

}  // namespace meros::allocator

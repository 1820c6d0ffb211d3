#include "services/allocator/shell/core_metrics.h"

#include <utility>

#include "absl/strings/string_view.h"
#include "libs/runtime/clock.h"

namespace meros::allocator {
namespace {

absl::string_view ReasonName(RejectReason reason) {
  switch (reason) {
    case RejectReason::kNone:
      return "accepted";
    case RejectReason::kNotFree:
      return "not_free";
    case RejectReason::kAgentNotActive:
      return "agent_not_active";
    case RejectReason::kFrameworkNotActive:
      return "framework_not_active";
    case RejectReason::kTooManyOffers:
      return "too_many_offers";
    case RejectReason::kInvalid:
      return "invalid";
    case RejectReason::kGang:
      return "gang";
  }
  return "unknown";
}

void Advance(telemetry::Counter* counter, uint64_t before, uint64_t after) {
  if (after > before) counter->Add(static_cast<double>(after - before));
}

}  // namespace

CoreMetrics::CoreMetrics(telemetry::MetricRegistry* registry) {
  auto runs = registry->AddCounterFamily(
      "meros_allocator_runs_total", "Allocation runs, by what caused them.", {.label = "cause"});
  batch_runs_ = runs.With("batch");
  event_runs_ = runs.With("event");
  proposals_ = registry->AddCounter("meros_allocator_proposals_total", "Proposals made.");
  auto results = registry->AddCounterFamily("meros_allocator_proposal_results_total",
                                            "What became of proposals, by the master's answer.",
                                            {.label = "result"});
  for (size_t i = 0; i < kRejectReasonCount; ++i) {
    results_[i] = results.With(ReasonName(static_cast<RejectReason>(i)));
  }
  auto visits = registry->AddCounterFamily(
      "meros_allocator_visits_total",
      "Looks at an agent for a framework in a role, by the stage at which they ended.",
      {.label = "result"});
  for (size_t i = 0; i < kGateCount; ++i) visits_[i] = visits.With(GateName(static_cast<Gate>(i)));
  snapshots_ = registry->AddCounter("meros_allocator_snapshots_total",
                                    "Snapshots of a master's books loaded.");
  mirror_resets_ =
      registry->AddCounter("meros_allocator_mirror_resets_total",
                           "Mirrors of the master's books given up because something did not fit.");
  sessions_ = registry->AddCounter("meros_allocator_sessions_total", "Masters' sessions taken.");
  sessions_refused_ = registry->AddCounter("meros_allocator_sessions_refused_total",
                                           "Sessions refused or ended by this side.");
  filters_dropped_ =
      registry->AddCounter("meros_allocator_filters_dropped_total",
                           "Refusals of frameworks not taken because filters_max were in force.");
  inverse_offers_ =
      registry->AddCounter("meros_allocator_inverse_offers_total",
                           "Requests to give back what is held on agents that go away.");
  preemptions_ = registry->AddCounter(
      "meros_allocator_preemptions_total",
      "Requests to take resources back from a preemptible role for the guarantee of another.");
  gangs_proposed_ = registry->AddCounter("meros_allocator_gangs_proposed_total",
                                         "Gangs of which all bundles were proposed.");
  gangs_rejected_ = registry->AddCounter("meros_allocator_gangs_rejected_total",
                                         "Proposals of gangs that the master did not take.");
  hoardings_ = registry->AddCounter(
      "meros_allocator_hoardings_total",
      "Frameworks that began to keep more than hoarding_share of the cluster on offer.");
  run_time_ = registry->AddHistogram("meros_allocator_run_seconds", "Time of allocation runs.",
                                     telemetry::LatencyBuckets());
  run_proposals_ =
      registry->AddHistogram("meros_allocator_run_proposals", "Proposals of allocation runs.",
                             telemetry::PowerOfTwoBuckets(18));
  agents_ = registry->AddGauge("meros_allocator_agents", "Agents known.");
  frameworks_ = registry->AddGauge("meros_allocator_frameworks", "Frameworks known.");
  roles_ = registry->AddGauge("meros_allocator_roles", "Roles known.");
  filters_ = registry->AddGauge("meros_allocator_filters", "Refusals of frameworks in force.");
  gangs_ = registry->AddGauge("meros_allocator_gangs", "Gangs that frameworks wait for.");
  gang_agents_ = registry->AddGauge("meros_allocator_gang_agents",
                                    "Agents on which something is set aside for a gang.");
  hoarding_frameworks_ =
      registry->AddGauge("meros_allocator_hoarding_frameworks",
                         "Frameworks that hoard offers at present while others want some.");
  waiting_ =
      registry->AddGauge("meros_allocator_proposals_waiting", "Proposals whose result is awaited.");
  ready_ = registry->AddGauge("meros_allocator_ready",
                              "1 while a master's books are followed, otherwise 0.");
  version_ = registry->AddGauge("meros_allocator_books_version", "Version of the master's books.");
}

void CoreMetrics::Publish(const Core& core) {
  const Stats& stats = core.stats();
  Advance(&batch_runs_, published_.batch_runs, stats.batch_runs);
  Advance(&event_runs_, published_.event_runs, stats.event_runs);
  Advance(&proposals_, published_.proposals, stats.proposals);
  for (size_t i = 0; i < kRejectReasonCount; ++i) {
    Advance(&results_[i], published_.results[i], stats.results[i]);
  }
  for (size_t i = 0; i < kGateCount; ++i) Advance(&visits_[i], published_.gates[i], stats.gates[i]);
  Advance(&snapshots_, published_.snapshots, stats.snapshots);
  Advance(&mirror_resets_, published_.mirror_resets, stats.mirror_resets);
  Advance(&sessions_, published_.sessions, stats.sessions);
  Advance(&sessions_refused_, published_.sessions_refused, stats.sessions_refused);
  Advance(&filters_dropped_, published_.filters_dropped, stats.filters_dropped);
  Advance(&preemptions_, published_.preemptions, stats.preemptions);
  Advance(&gangs_proposed_, published_.gangs_proposed, stats.gangs_proposed);
  Advance(&gangs_rejected_, published_.gangs_rejected, stats.gangs_rejected);
  Advance(&hoardings_, published_.hoardings, stats.hoardings);
  Advance(&inverse_offers_, published_.inverse_offers, stats.inverse_offers);
  if (stats.batch_runs + stats.event_runs != published_.batch_runs + published_.event_runs) {
    run_proposals_.Observe(static_cast<double>(stats.last_run.proposals));
  }
  published_ = stats;
  PublishGauges(core);
}

void CoreMetrics::PublishGauges(const Core& core) {
  const Books* books = core.books();
  const auto set = [books](telemetry::Gauge* gauge, auto count) {
    gauge->Set(books == nullptr ? 0 : static_cast<double>(count(*books)));
  };
  set(&agents_, [](const Books& b) { return b.mirror.agents().size(); });
  set(&frameworks_, [](const Books& b) { return b.mirror.frameworks().size(); });
  set(&roles_, [](const Books& b) { return b.mirror.roles().role_count(); });
  set(&filters_, [](const Books& b) { return b.filters.size(); });
  set(&gangs_, [](const Books& b) { return b.gangs.size(); });
  set(&gang_agents_, [](const Books& b) { return b.gangs.places().size(); });
  set(&hoarding_frameworks_, [](const Books& b) { return b.hoarding.count(); });
  set(&waiting_, [](const Books& b) { return b.mirror.proposals().size(); });
  ready_.Set(core.phase() == Phase::kReady ? 1 : 0);
  version_.Set(static_cast<double>(core.version()));
}

void MeasuredCore::Step(absl::Time now, Input input, std::vector<Effect>* out) {
  const uint64_t runs_before = core_.stats().batch_runs + core_.stats().event_runs;
  const absl::Time start = runtime::ProcessClock::Get().Now();
  core_.Step(now, std::move(input), out);
  if (core_.stats().batch_runs + core_.stats().event_runs != runs_before) {
    metrics_->ObserveRun(runtime::ProcessClock::Get().Now() - start);
  }
  metrics_->Publish(core_);
}

}  // namespace meros::allocator

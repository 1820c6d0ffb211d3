#include "services/master/config.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/status_macros.h"
#include "libs/coordination/zookeeper.h"
#include "libs/resources/roles.h"
#include "libs/rpc/tls_flags.h"
#include "libs/wire/fault_domain.h"

namespace meros::master {
namespace {

// The most that allocators compile (allocator/shell/from_wire.cc).
constexpr resources::RegexLimits kMostRegex = {.memory_bytes_max = 1 << 20,
                                               .program_size_max = 10'000};

void AddNetworkFlags(MasterConfig* c, config::FlagSet* flags) {
  flags->Add(&c->address, {.name = "address",
                           .help = "HOST:PORT on which the gRPC API is served; port 0 lets the "
                                   "kernel choose.",
                           .group = "Network",
                           .constraint = config::NotEmpty()});
  flags->Add(&c->advertise_address,
             {.name = "advertise_address",
              .help = "HOST:PORT that agents, frameworks and other masters are told; empty: taken "
                      "from address.",
              .group = "Network"});
  flags->Add(&c->grpc_reflection, {.name = "grpc_reflection",
                                   .help = "Serve gRPC reflection, so that grpcurl lists services.",
                                   .group = "Network"});
  flags->Add(&c->registry, {.name = "registry",
                            .help = "HOST:PORT of the registry; of several, one after another is "
                                    "tried.",
                            .group = "Network"});
  flags->Add(&c->allocator, {.name = "allocator",
                             .help = "HOST:PORT of the allocator.",
                             .group = "Network",
                             .constraint = config::NotEmpty()});
  flags->Add(
      &c->domain,
      {.name = "domain",
       .help = "REGION/ZONE in which the master runs; needed where agents have one. Agents "
               "of other regions are offered to frameworks that are region aware. Masters of "
               "one cluster share a region: one that finds the leader in another ends.",
       .group = "Network"});
}

void AddLeadershipFlags(MasterConfig* c, config::FlagSet* flags) {
  flags->Add(
      &c->election,
      {.name = "election",
       .help = "How masters agree on a leader: registry (a lease granted by the registry), or "
               "zk://[USER:PASSWORD@]HOST:PORT,.../PATH.",
       .group = "Leadership",
       .constraint = config::NotEmpty()});
  flags->Add(&c->zk_session_timeout,
             {.name = "zk_session_timeout",
              .help = "With zk://: a leader that is not heard of for so long is replaced; it acts "
                      "no longer than half of it.",
              .group = "Leadership",
              .constraint = config::AtLeast(absl::Seconds(1))});
  flags->Add(
      &c->options.lease_ttl,
      {.name = "lease_ttl",
       .help = "How long the leader's lease lasts, unless election is by zk://; it is renewed "
               "every third of it.",
       .group = "Leadership"});
  flags->Add(
      &c->options.fenced_max,
      {.name = "fenced_max",
       .help = "A leader that can no longer renew its lease does nothing (FENCED); for so "
               "long it keeps its streams, to go on as if nothing had been, then it steps "
               "down and everybody looks for the next leader. Where "
               "it is shorter than --agent_unreachable_timeout, agents are with the next one in "
               "time.",
       .group = "Leadership"});
}

void AddOfferFlags(MasterConfig* c, config::FlagSet* flags) {
  flags->Add(&c->whitelist,
             {.name = "whitelist",
              .help = "File, also file://PATH, of the hostnames of the agents that may be offered, "
                      "one a line; read again when it changes. *: all agents, as without it.",
              .group = "Offers"});
  flags->Add(&c->whitelist_interval,
             {.name = "whitelist_interval",
              .help = "How often it is looked whether the whitelist has changed.",
              .group = "Offers",
              .constraint = config::InRange(absl::Milliseconds(100), absl::Hours(1))});
  flags->Add(&c->offer_constraints_re2_max_mem,
             {.name = "offer_constraints_re2_max_mem",
              .help = "Memory of one regular expression of offer constraints, bytes; frameworks "
                      "that send larger ones are refused.",
              .group = "Offers",
              .constraint = config::InRange<int64_t>(1024, kMostRegex.memory_bytes_max)});
  flags->Add(&c->offer_constraints_re2_max_program_size,
             {.name = "offer_constraints_re2_max_program_size",
              .help = "Size of the program of one regular expression of offer constraints, "
                      "instructions; frameworks that send larger ones are refused.",
              .group = "Offers",
              .constraint = config::InRange<int64_t>(1, kMostRegex.program_size_max)});
}

void AddTimeoutFlags(MasterConfig* c, config::FlagSet* flags) {
  flags->Add(&c->options.agent_unreachable_timeout,
             {.name = "agent_unreachable_timeout",
              .help = "An agent that was silent for so long is unreachable.",
              .group = "Timeouts"});
  flags->Add(&c->mass_loss_percent,
             {.name = "mass_loss_percent",
              .help = "When more than so many of a hundred agents, and more than 10, are silent at "
                      "once, the fault is taken to be near the master: they are declared "
                      "unreachable one by one. 100: never.",
              .group = "Timeouts",
              .constraint = config::InRange<int64_t>(1, 100)});
  flags->Add(
      &c->options.mass_loss_interval,
      {.name = "mass_loss_interval", .help = "Time between two of them.", .group = "Timeouts"});
  flags->Add(&c->options.agent_reregister_timeout,
             {.name = "agent_reregister_timeout",
              .help = "How long a new leader waits for the agents that it finds in the registry.",
              .group = "Timeouts"});
  flags->Add(&c->options.leader_wait,
             {.name = "leader_wait",
              .help = "While it does not lead, this master keeps an agent or a framework that lost "
                      "the leader for so long, and tells it of the next one at once; 0s: not.",
              .group = "Timeouts"});
  flags->Add(&c->options.framework_heartbeat_interval,
             {.name = "framework_heartbeat_interval",
              .help = "Time between two heartbeats on a scheduler's stream.",
              .group = "Timeouts"});
  flags->Add(&c->offer_timeout,
             {.name = "offer_timeout",
              .help = "Offers that were not answered for so long are rescinded and go to others; "
                      "0s: never.",
              .group = "Timeouts"});
}

void AddRateFlags(MasterConfig* c, config::FlagSet* flags) {
  flags->Add(
      &c->rate_limits,
      {.name = "rate_limits",
       .help = "File, also file://PATH, of how many calls a second principals may send: JSON "
               "{limits: [{principal, qps, capacity}], aggregate_default_qps, "
               "aggregate_default_capacity}. Empty: any number.",
       .group = "Bounds"});
}

// What the registry keeps of the past.
void AddPastFlags(MasterConfig* c, config::FlagSet* flags) {
  flags->Add(&c->max_unreachable_agents,
             {.name = "max_unreachable_agents",
              .help = "Unreachable agents that are remembered, number; the oldest are forgotten.",
              .group = "Bounds",
              .constraint = config::InRange<int64_t>(1, 1000000)});
  flags->Add(&c->options.max_unreachable_age,
             {.name = "max_unreachable_age",
              .help = "For how long an unreachable agent is remembered.",
              .group = "Bounds"});
  flags->Add(&c->max_removed_frameworks,
             {.name = "max_removed_frameworks",
              .help = "Ids of removed frameworks that are remembered and may not come back, "
                      "number; the oldest are forgotten.",
              .group = "Bounds",
              .constraint = config::InRange<int64_t>(1, 1000000)});
  flags->Add(&c->max_gone_agents,
             {.name = "max_gone_agents",
              .help = "Agents that may be declared gone, number; they are never forgotten, more "
                      "are refused.",
              .group = "Bounds",
              .constraint = config::InRange<int64_t>(1, 10000000)});
}

// Whom the master takes.
void AddAdmissionFlags(MasterConfig* c, config::FlagSet* flags) {
  flags->Add(&c->options.require_agent_domain,
             {.name = "require_agent_domain",
              .help = "Refuse agents that were started without --domain.",
              .group = "Admission"});
  flags->Add(&c->roles,
             {.name = "roles",
              .help = "Roles that frameworks may subscribe to, and operators set something of, by "
                      "their full names; * always; empty: all.",
              .group = "Admission"});
  flags->Add(&c->options.root_submissions,
             {.name = "root_submissions",
              .help = "Whether frameworks may subscribe with user root.",
              .group = "Admission"});
}

void AddReportFlags(MasterConfig* c, config::FlagSet* flags) {
  flags->Add(&c->max_agent_reports,
             {.name = "max_agent_reports",
              .help = "Agents that come back and are asked at a time for all they run, number; the "
                      "others wait for their turn.",
              .group = "Bounds",
              .constraint = config::InRange<int64_t>(1, 100000)});
  flags->Add(
      &c->max_early_tasks,
      {.name = "max_early_tasks",
       .help = "Most tasks in the reports that this master, while it does not lead, keeps of "
               "agents that wait for a leader, number; the others report when there is one. "
               "0: none report before.",
       .group = "Bounds",
       .constraint = config::InRange<int64_t>(0, 100000000)});
}

void AddBoundFlags(MasterConfig* c, config::FlagSet* flags) {
  flags->Add(&c->max_completed_frameworks, {.name = "max_completed_frameworks",
                                            .help = "Completed frameworks remembered, number.",
                                            .group = "Bounds",
                                            .constraint = config::InRange<int64_t>(0, 1000000)});
  flags->Add(&c->max_completed_tasks_per_framework,
             {.name = "max_completed_tasks_per_framework",
              .help = "Completed tasks remembered per framework, number.",
              .group = "Bounds",
              .constraint = config::InRange<int64_t>(0, 1000000)});
  flags->Add(&c->max_unreachable_tasks_per_framework,
             {.name = "max_unreachable_tasks_per_framework",
              .help = "Tasks of unreachable agents remembered per framework, number.",
              .group = "Bounds",
              .constraint = config::InRange<int64_t>(0, 1000000)});
  flags->Add(&c->max_frameworks, {.name = "max_frameworks",
                                  .help = "Frameworks that may be subscribed, number; more are "
                                          "refused.",
                                  .group = "Bounds",
                                  .constraint = config::InRange<int64_t>(1, 1000000)});
  flags->Add(&c->framework_series_max,
             {.name = "framework_series_max",
              .help = "Frameworks that have metrics of their own, number; 0: none. Each is some "
                      "dozens of time series.",
              .group = "Bounds",
              .constraint = config::InRange<int64_t>(0, 10000)});
  flags->Add(&c->max_offers_per_framework,
             {.name = "max_offers_per_framework",
              .help = "Offers that a framework may hold, number; more proposals are rejected.",
              .group = "Bounds",
              .constraint = config::InRange<int64_t>(1, 10000000)});
  flags->Add(&c->max_role_configs,
             {.name = "max_role_configs",
              .help = "Roles of which something may be set, number; more are refused.",
              .group = "Bounds",
              .constraint = config::InRange<int64_t>(1, 1000000)});
  flags->Add(&c->max_pending_role_changes,
             {.name = "max_pending_role_changes",
              .help = "Calls that change roles and wait for the registry, number; further ones are "
                      "refused.",
              .group = "Bounds",
              .constraint = config::InRange<int64_t>(1, 100000)});
  flags->Add(&c->max_operations_per_agent,
             {.name = "max_operations_per_agent",
              .help = "Operations on reservations and volumes of one agent whose results are not "
                      "acknowledged, number; further ones are refused.",
              .group = "Bounds",
              .constraint = config::InRange<int64_t>(1, 1000000)});
  flags->Add(&c->max_gangs_per_framework,
             {.name = "max_gangs_per_framework",
              .help = "Gangs that a framework may wait for, number; further ones are refused.",
              .group = "Bounds",
              .constraint = config::InRange<int64_t>(1, 10000)});
  flags->Add(&c->max_gang_bundles,
             {.name = "max_gang_bundles",
              .help = "Bundles of one gang, number; larger gangs are refused.",
              .group = "Bounds",
              .constraint = config::InRange<int64_t>(1, 10000)});
  flags->Add(&c->max_gang_deadline,
             {.name = "max_gang_deadline",
              .help = "How long a gang may wait; gangs that want longer are refused.",
              .group = "Bounds",
              .constraint = config::InRange(absl::Seconds(1), absl::Hours(24 * 365))});
}

absl::Status CheckHostPort(absl::string_view flag, const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon != std::string::npos && colon > 0 && colon + 1 < address.size()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, ": expected HOST:PORT, found '", address, "'"));
}

}  // namespace

void AddMasterFlags(MasterConfig* config, config::FlagSet* flags) {
  AddNetworkFlags(config, flags);
  AddLeadershipFlags(config, flags);
  AddOfferFlags(config, flags);
  AddTimeoutFlags(config, flags);
  AddRateFlags(config, flags);
  AddAdmissionFlags(config, flags);
  AddReportFlags(config, flags);
  AddBoundFlags(config, flags);
  AddPastFlags(config, flags);
  rpc::AddTlsFlags(&config->tls, flags);
  config::AddCommonFlags(&config->common, flags);
}

absl::Status MasterConfig::Finish() {
  if (coordination::IsZooKeeperUrl(election)) {
    auto url = coordination::ParseZooKeeperUrl(election);
    if (!url.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--election: ", url.status().message()));
    }
    election_url = *std::move(url);
    options.lease_ttl = coordination::SafeHold(zk_session_timeout);
  } else if (election != "registry") {
    return absl::InvalidArgumentError(
        absl::StrCat("--election: expected registry or zk://..., found '", election, "'"));
  }
  MEROS_RETURN_IF_ERROR(CheckHostPort("address", address));
  if (!advertise_address.empty()) {
    MEROS_RETURN_IF_ERROR(CheckHostPort("advertise_address", advertise_address));
  }
  if (registry.empty()) return absl::InvalidArgumentError("--registry: expected at least one");
  for (const std::string& one : registry) MEROS_RETURN_IF_ERROR(CheckHostPort("registry", one));
  MEROS_RETURN_IF_ERROR(CheckHostPort("allocator", allocator));
  MEROS_RETURN_IF_ERROR(tls.Validate());
  auto parsed = wire::FaultDomainFromText(domain);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--domain: ", parsed.status().message()));
  }
  options.domain.region = parsed->fault_domain().region().name();
  options.domain.zone = parsed->fault_domain().zone().name();
  for (const std::string& role : roles) {
    const absl::Status status = resources::ValidateRole(role);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--roles: ", status.message()));
    }
  }
  options.roles = {roles.begin(), roles.end()};
  options.offer_timeout =
      offer_timeout == absl::ZeroDuration() ? absl::InfiniteDuration() : offer_timeout;
  if (whitelist == "*") whitelist.clear();
  whitelist = std::string(absl::StripPrefix(whitelist, "file://"));
  rate_limits = std::string(absl::StripPrefix(rate_limits, "file://"));
  options.max_completed_frameworks = max_completed_frameworks;
  options.max_completed_tasks_per_framework = max_completed_tasks_per_framework;
  options.max_unreachable_tasks_per_framework = max_unreachable_tasks_per_framework;
  options.max_unreachable_agents = max_unreachable_agents;
  options.max_removed_frameworks = max_removed_frameworks;
  options.max_gone_agents = max_gone_agents;
  options.max_frameworks = max_frameworks;
  options.max_offers_per_framework = max_offers_per_framework;
  options.max_role_configs = max_role_configs;
  options.max_pending_role_changes = max_pending_role_changes;
  options.max_operations_per_agent = max_operations_per_agent;
  options.max_gangs_per_framework = max_gangs_per_framework;
  options.max_gang_bundles = max_gang_bundles;
  options.max_agent_reports = max_agent_reports;
  options.max_early_tasks = max_early_tasks;
  options.mass_loss_percent = mass_loss_percent;
  options.max_gang_deadline = max_gang_deadline;
  MasterOptions judged = options;
  judged.master_id = "to be made";
  judged.advertise_address = "to be known";
  return judged.Validate();
}

}  // namespace meros::master

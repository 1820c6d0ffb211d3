#include "services/allocator/config.h"

#include "absl/strings/str_cat.h"
#include "libs/resources/parse.h"
#include "libs/rpc/tls_flags.h"

namespace meros::allocator {
namespace {

void AddNetworkFlags(Config* config, config::FlagSet* flags) {
  flags->Add(&config->address, {.name = "address",
                                .help = "HOST:PORT on which masters are served; port 0 takes any.",
                                .group = "Network",
                                .constraint = config::NotEmpty()});
  rpc::AddTlsFlags(&config->tls, flags);
  flags->Add(&config->grpc_reflection, {.name = "grpc_reflection",
                                        .help = "Lets tools such as grpcurl list the API.",
                                        .group = "Network"});
}

void AddPolicyFlags(Config* config, config::FlagSet* flags) {
  flags->Add(&config->min_allocatable_resources,
             {.name = "min_allocatable_resources",
              .help = "The least that is worth offering: '|' separates alternatives, ';' what must "
                      "be there together. Empty: anything. Frameworks may ask for other minima.",
              .group = "Allocation"});
  flags->Add(&config->fair_sharing_excluded_resource_names,
             {.name = "fair_sharing_excluded_resource_names",
              .help = "Names of resources that do not count in fair shares.",
              .group = "Allocation"});
  flags->Add(&config->filter_gpu_resources,
             {.name = "filter_gpu_resources",
              .help = "Keeps agents with gpus for frameworks that can use gpus.",
              .group = "Allocation"});
  flags->Add(&config->sorter,
             {.name = "sorter",
              .help = "Order of roles among siblings and of frameworks in a role, where no role "
                      "says otherwise: drf (smallest dominant share divided by weight first) or "
                      "random (a lottery by weight).",
              .group = "Allocation",
              .constraint = config::OneOf({"drf", "random"})});
  flags->Add(&config->placement,
             {.name = "placement",
              .help = "Order in which agents are handed out, where no role says otherwise: random, "
                      "spread (most free first) or pack (least free first).",
              .group = "Allocation",
              .constraint = config::OneOf({"random", "spread", "pack"})});
  flags->Add(&config->seed,
             {.name = "seed",
              .help = "Of the random order in which agents are handed out; 0 for a new one at "
                      "every start. Equal seeds and books give equal proposals.",
              .group = "Allocation",
              .constraint = config::AtLeast<int64_t>(0)});
}

void AddTimingFlags(Config* config, config::FlagSet* flags) {
  flags->Add(
      &config->allocation_interval,
      {.name = "allocation_interval",
       .help = "Time between two runs that happen without an event; they look at agents that "
               "the master had refused for the moment, and at some others in turn.",
       .group = "Allocation",
       .constraint = config::InRange(absl::Milliseconds(1), absl::Hours(1))});
  flags->Add(&config->event_interval,
             {.name = "event_interval",
              .help = "Least time between two runs that events cause.",
              .group = "Allocation",
              .constraint = config::InRange(absl::ZeroDuration(), absl::Hours(1))});
  flags->Add(
      &config->sweep_interval,
      {.name = "sweep_interval",
       .help = "Time in which each agent is looked at once even if nothing happens to it. At "
               "least allocation_interval.",
       .group = "Allocation",
       .constraint = config::InRange(absl::Milliseconds(1), absl::Hours(24 * 365))});
  flags->Add(&config->preemption_delay,
             {.name = "preemption_delay",
              .help = "How long the guarantee of a role is lacking before resources are taken from "
                      "roles that are preemptible.",
              .group = "Allocation",
              .constraint = config::InRange(absl::ZeroDuration(), absl::Hours(24))});
  flags->Add(&config->preemption_interval,
             {.name = "preemption_interval",
              .help = "After how long that is asked for again which has not come.",
              .group = "Allocation",
              .constraint = config::InRange(absl::Seconds(1), absl::Hours(24))});
  flags->Add(
      &config->gang_hold_max,
      {.name = "gang_hold_max",
       .help = "How long, once, free resources are set aside for a gang that waits, one gang "
               "at a time; 0: never.",
       .group = "Allocation",
       .constraint = config::InRange(absl::ZeroDuration(), absl::Hours(24))});
  flags->Add(&config->hoarding_share,
             {.name = "hoarding_share",
              .help = "A framework is said to hoard that has, on average, this part of the cluster "
                      "on offer while others want offers; 0: none is.",
              .group = "Allocation",
              .constraint = config::InRange(0.0, 1.0)});
  flags->Add(&config->hoarding_window,
             {.name = "hoarding_window",
              .help = "Over about how long that average is taken.",
              .group = "Allocation",
              .constraint = config::InRange(absl::Seconds(1), absl::Hours(24))});
  flags->Add(&config->recovery_factor,
             {.name = "recovery_factor",
              .help = "After a fail-over of the master, and while there are quotas, nothing is "
                      "offered before this part of the agents is back.",
              .group = "Allocation",
              .constraint = config::InRange(0.0, 1.0)});
  flags->Add(&config->recovery_timeout,
             {.name = "recovery_timeout",
              .help = "How long to wait for them at most.",
              .group = "Allocation",
              .constraint = config::InRange(absl::ZeroDuration(), absl::Hours(24))});
  flags->Add(
      &config->proposal_timeout,
      {.name = "proposal_timeout",
       .help = "A master that leaves a proposal unanswered this long is asked for a snapshot.",
       .group = "Limits",
       .constraint = config::InRange(absl::Seconds(1), absl::Hours(24))});
}

void AddLimitFlags(Config* config, config::FlagSet* flags) {
  flags->Add(&config->proposals_waiting_max,
             {.name = "proposals_waiting_max",
              .help = "Proposals that may wait for the master's answer.",
              .group = "Limits",
              .constraint = config::InRange<int64_t>(1, 100'000'000)});
  flags->Add(&config->filters_max,
             {.name = "filters_max",
              .help = "Refusals of frameworks that are kept; further ones are counted and ignored.",
              .group = "Limits",
              .constraint = config::InRange<int64_t>(0, 1'000'000'000)});
  flags->Add(&config->gang_looks_max,
             {.name = "gang_looks_max",
              .help = "Gangs that wait of which each allocation_interval sees whether they fit, in "
                      "turn.",
              .group = "Limits",
              .constraint = config::InRange<int64_t>(1, 100'000)});
  flags->Add(&config->mailbox_max,
             {.name = "mailbox_max",
              .help = "Frames of masters that may wait; with more, the session is ended.",
              .group = "Limits",
              .constraint = config::InRange<int64_t>(1, 1 << 20)});
}

}  // namespace

void AddFlags(Config* config, config::FlagSet* flags) {
  config->common.metrics_port = 9052;
  config::AddCommonFlags(&config->common, flags);
  AddNetworkFlags(config, flags);
  AddPolicyFlags(config, flags);
  AddTimingFlags(config, flags);
  AddLimitFlags(config, flags);
}

absl::StatusOr<Options> CoreOptions(const Config& config) {
  Options options;
  options.allocation_interval = config.allocation_interval;
  options.event_interval = config.event_interval;
  options.sweep_interval = config.sweep_interval;
  options.preemption_delay = config.preemption_delay;
  options.preemption_interval = config.preemption_interval;
  options.gang_hold_max = config.gang_hold_max;
  options.gang_looks_max = static_cast<size_t>(config.gang_looks_max);
  options.hoarding_share = config.hoarding_share;
  options.hoarding_window = config.hoarding_window;
  options.recovery_factor = config.recovery_factor;
  options.recovery_timeout = config.recovery_timeout;
  options.proposal_timeout = config.proposal_timeout;
  options.sorter = config.sorter == "random" ? Sorter::kRandom : Sorter::kDrf;
  options.placement = config.placement == "spread" ? Placement::kSpread
                      : config.placement == "pack" ? Placement::kPack
                                                   : Placement::kRandom;
  options.proposals_waiting_max = static_cast<size_t>(config.proposals_waiting_max);
  options.filters_max = static_cast<size_t>(config.filters_max);
  options.filter_gpu_resources = config.filter_gpu_resources;
  options.fair_sharing_excluded_resource_names.insert(
      config.fair_sharing_excluded_resource_names.begin(),
      config.fair_sharing_excluded_resource_names.end());
  auto minimum = resources::ParseQuantityAlternatives(config.min_allocatable_resources);
  if (!minimum.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("min_allocatable_resources: ", minimum.status().message()));
  }
  options.min_allocatable.any_of = *std::move(minimum);
  if (absl::Status status = options.Validate(); !status.ok()) return status;
  return options;
}

}  // namespace meros::allocator

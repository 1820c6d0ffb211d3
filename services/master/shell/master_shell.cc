#include "services/master/shell/master_shell.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/random_seed.h"
#include "libs/runtime/signals.h"
#include "libs/telemetry/log.h"
#include "services/master/shell/candidate_node.h"

namespace meros::master {
namespace {

// What a strand may have waiting before callers are refused: some 200 bytes each.
constexpr size_t kMailboxMax = 1 << 18;
constexpr absl::Duration kStopGrace = absl::Seconds(2);

// host:port that others are told: as configured, else the listening address, with the port that was
// bound where it was left to the kernel. A wildcard address means this host's name.
std::string Advertised(const MasterConfig& config, int port) {
  if (!config.advertise_address.empty()) return config.advertise_address;
  std::string host = config.address.substr(0, config.address.rfind(':'));
  if (host == "0.0.0.0" || host == "[::]") {
    char name[256] = "localhost";
    gethostname(name, sizeof(name) - 1);
    host = name;
  }
  return absl::StrCat(host, ":", port);
}

v1::MasterInfo InfoOf(const MasterOptions& options) {
  v1::MasterInfo info;
  const std::string& address = options.advertise_address;
  const std::string host = address.substr(0, address.rfind(':'));
  int port = 0;
  (void)absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port);
  in_addr ip{};
  (void)inet_pton(AF_INET, host.c_str(), &ip);
  info.set_id(options.master_id);
  info.set_ip(ip.s_addr);  // network order, as Mesos has it; 0 for a name
  info.set_port(port);
  info.set_pid(address);
  info.set_hostname(host);
  info.set_version(options.version);
  using Capability = v1::MasterInfo::Capability;
  for (const auto type :
       {Capability::AGENT_UPDATE, Capability::AGENT_DRAINING, Capability::QUOTA_V2}) {
    info.add_capabilities()->set_type(type);
  }
  info.mutable_address()->set_hostname(host);
  info.mutable_address()->set_port(port);
  if (!options.domain.region.empty()) {
    v1::DomainInfo::FaultDomain* domain = info.mutable_domain()->mutable_fault_domain();
    domain->mutable_region()->set_name(options.domain.region);
    domain->mutable_zone()->set_name(options.domain.zone);
  }
  return info;
}

// The IPv4 address behind a name, the only kind that Mesos knows; empty when it has none.
std::string LiteralAddress(const std::string& host) {
  addrinfo* found = nullptr;
  const addrinfo hints{.ai_flags = 0, .ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return "";
  char text[INET_ADDRSTRLEN] = "";
  if (found != nullptr) {
    inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(found->ai_addr)->sin_addr, text,
              sizeof(text));
  }
  freeaddrinfo(found);
  return text;
}

// Epochs from the registry that the link finds.
class RegistryEpochs final : public EpochSource {
 public:
  explicit RegistryEpochs(RegistryLink* link) : link_(link) {}
  void Claim(const AcquireLease& question, const registry::v1::ElectionWin& won) override {
    link_->Claim(runtime::ProcessClock::Get().Now(), question, won);
  }
  void Tell(Effect renewal_or_release) override {
    link_->Send(runtime::ProcessClock::Get().Now(), {std::move(renewal_or_release)});
  }

 private:
  RegistryLink* const link_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MasterShell>> MasterShell::Start(
    const MasterConfig& config, ProcessFacts process, telemetry::MetricRegistry* metrics,
    telemetry::Health* health) {
  auto shell = std::unique_ptr<MasterShell>(new MasterShell(metrics));
  MEROS_RETURN_IF_ERROR(shell->Begin(config, std::move(process)));
  MasterShell* raw = shell.get();
  health->AddReadiness("leadership", [raw] { return raw->Ready(); });
  return shell;
}

absl::Status MasterShell::Begin(const MasterConfig& config, ProcessFacts process) {
  Rng rng(runtime::RandomSeed());
  MasterOptions options = config.options;
  options.master_id = rng.Uuid();
  options.version = std::string(config::Version());
  context_.metrics = &metrics_;
  context_.outbox = config.outbox;
  context_.regex.memory_bytes_max = static_cast<int>(config.offer_constraints_re2_max_mem);
  context_.regex.program_size_max = static_cast<int>(config.offer_constraints_re2_max_program_size);
  v1::RateLimits limits;
  if (!config.rate_limits.empty()) {
    MEROS_ASSIGN_OR_RETURN(limits, ReadRateLimits(config.rate_limits));
  }
  limiter_ =
      std::make_unique<RateLimiter>(limits, runtime::ProcessClock::Get().Now(), metric_registry_);
  context_.limiter = limiter_.get();
  ReadReplicaOptions readers;
  readers.framework_series_max = static_cast<size_t>(config.framework_series_max);
  replica_ = std::make_unique<ReadReplica>(readers, options.master_id, &metrics_);
  context_.replica = replica_.get();
  context_.try_post = [this](Input&& input) {
    return context_.is_running && strand_->TryPost(std::move(input));
  };
  context_.try_post_soon = [this](Input&& input) {
    return context_.is_running && strand_->TryPost(std::move(input), runtime::Urgency::kSoon);
  };
  context_.post = [this](Input&& input) {
    if (context_.is_running) strand_->Post(std::move(input));
  };

  // The server comes first, because core and lease name the port that it binds; until the core
  // runs, calls are refused.
  schedulers_ = std::make_unique<SchedulerService>(&context_);
  agents_ = std::make_unique<AgentLinkService>(&context_);
  operators_ = std::make_unique<LimitedMasterService>(&context_, std::move(process));
  snapshots_ = std::make_unique<SnapshotService>(&context_);
  MEROS_ASSIGN_OR_RETURN(
      server_,
      rpc::Server::Start(
          {.addresses = {config.address}, .tls = config.tls, .reflection = config.grpc_reflection},
          {schedulers_.get(), operators_.get(), snapshots_.get()}, {agents_.get()}));
  options.advertise_address = Advertised(config, port());
  MEROS_RETURN_IF_ERROR(options.Validate());
  context_.info = InfoOf(options);
  context_.started = runtime::ProcessClock::Get().Now();
  return Run(config, options);
}

absl::Status MasterShell::Run(const MasterConfig& config, const MasterOptions& options) {
  MEROS_ASSIGN_OR_RETURN(allocator_,
                         AllocatorLink::Make(config.allocator, config.tls, &context_.numbers,
                                             context_.post, &metrics_));
  MEROS_RETURN_IF_ERROR(DialRegistry(config, options));
  outbound_ = std::make_unique<Outbound>(OutboundTargets{.context = &context_,
                                                         .schedulers = &schedulers_->streams(),
                                                         .agents = &agents_->streams(),
                                                         .allocator = allocator_.get(),
                                                         .registry = registry_.get(),
                                                         .election = election_.get()});
  strand_ = std::make_unique<Strand>(
      MasterCore(options, runtime::RandomSeed()),
      runtime::CoreStrandOptions{
          .name = "master-core", .mailbox_max = kMailboxMax, .observer = &strand_metrics_});
  context_.explain = [this](allocator::v1::ExplainRequest question, ShellContext::Explained done) {
    allocator_->Explain(std::move(question), std::move(done));
  };
  context_.quit = [this](absl::Status why) {
    MEROS_LOG(ERROR) << "this master ends" << telemetry::Field("status", why);
    {
      MutexLock lock(&mutex_);
      failure_ = std::move(why);
    }
    runtime::RequestStop();
  };
  context_.is_running = true;
  if (!config.whitelist.empty()) {
    MEROS_ASSIGN_OR_RETURN(
        whitelist_, WhitelistWatch::Start(
                        config.whitelist, config.whitelist_interval,
                        [this](WhitelistRef list) { context_.post(SetWhitelist{std::move(list)}); },
                        &whitelist_metrics_));
  }
  strand_->Start([this](absl::Time now, std::vector<Effect> effects) {
    outbound_->Apply(now, std::move(effects));
  });
  return absl::OkStatus();
}

absl::Status MasterShell::DialRegistry(const MasterConfig& config, const MasterOptions& options) {
  // Before all else: while a whole cluster comes back, a lease must not run out in the mailbox.
  const auto post_first = [this](Input input) {
    if (context_.is_running) strand_->PostFirst(std::move(input));
  };
  const auto post = [this, post_first](Input input) {
    auto* answer = std::get_if<LeaseAnswer>(&input);
    if (answer != nullptr && election_ != nullptr) return election_->Answer(std::move(*answer));
    post_first(std::move(input));
  };
  MEROS_ASSIGN_OR_RETURN(
      registry_,
      RegistryLink::Make(
          {.addresses = config.registry,
           .tls = config.tls,
           .exchange = {.candidate_id = options.master_id,
                        .master_info = context_.info.SerializeAsString(),
                        .request_timeout = std::max(options.lease_ttl, absl::Seconds(1))}},
          post, &metrics_));
  if (!config.election_url.has_value()) return absl::OkStatus();
  epochs_ = std::make_unique<RegistryEpochs>(registry_.get());
  election_ = std::make_unique<ZooKeeperElection>(
      coordination::CandidacyOptions{
          .url = *config.election_url,
          .session_timeout = config.zk_session_timeout,
          .call_timeout = options.lease_ttl / 2,
          .data = CandidateJson(context_.info, LiteralAddress(context_.info.hostname()))},
      post_first, epochs_.get());
  return absl::OkStatus();
}

absl::Status MasterShell::Ready() const {
  const absl::Status election = election_ == nullptr ? absl::OkStatus() : election_->problem();
  switch (context_.leadership.load()) {
    case LeadershipState::kLeading:
      return absl::OkStatus();
    case LeadershipState::kStandby:
    case LeadershipState::kAcquiring:
      if (context_.is_leader_known) return absl::OkStatus();  // stands by for a living leader
      if (!election.ok()) return absl::UnavailableError(election.message());
      return absl::UnavailableError(
          "no leader is known: the registry does not answer, or has none");
    case LeadershipState::kRecovering:
      return absl::UnavailableError("reading the registry");
    case LeadershipState::kFenced:
      return absl::UnavailableError(
          absl::StrCat("the lease is in doubt: ",
                       election.ok() ? "the registry does not answer" : election.message()));
    case LeadershipState::kStopping:
      return absl::UnavailableError("stopping");
  }
  return absl::UnavailableError("unknown state");
}

absl::Status MasterShell::failure() const {
  MutexLock lock(&mutex_);
  return failure_;
}

void MasterShell::Stop() {
  if (whitelist_ != nullptr) whitelist_->Stop();
  if (strand_ != nullptr) {
    context_.post(master::Stop{});
    strand_->Stop();
  }
  if (replica_ != nullptr) replica_->Stop();
  if (election_ != nullptr) election_->Stop();
  if (server_ != nullptr) server_->Shutdown(kStopGrace);
  if (allocator_ != nullptr) allocator_->Stop();
  if (registry_ != nullptr) registry_->Stop();
}

}  // namespace meros::master

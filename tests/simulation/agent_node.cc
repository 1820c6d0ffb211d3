#include "tests/simulation/agent_node.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/resources/parse.h"
#include "libs/wire/resources_proto.h"
#include "services/agent/shell/master_inputs.h"
#include "services/agent/shell/wire_codec.h"
#include "tests/simulation/volume_ledger.h"

namespace meros::simulation {
namespace {

agent::AgentOptions OptionsOf(const NodeContext& context, const Cluster& cluster) {
  using Capability = v1::AgentInfo::Capability;
  agent::AgentOptions options;
  options.info.set_hostname(context.name());
  options.info.set_port(7051);
  wire::ResourcesToProto(*resources::ParseResources(Cluster::kAgentResources),
                         options.info.mutable_resources());
  options.version = "0.1.0";
  options.service_address = absl::StrCat(context.name(), ":7051");
  options.work_dir = AgentDisk::kWorkDir;
  options.capabilities = {Capability::MULTI_ROLE,
                          Capability::HIERARCHICAL_ROLE,
                          Capability::RESERVATION_REFINEMENT,
                          Capability::RESIZE_VOLUME,
                          Capability::AGENT_OPERATION_FEEDBACK,
                          Capability::AGENT_DRAINING,
                          Capability::TASK_RESOURCE_LIMITS};
  options.codec = agent::WireCodec();
  options.kill_grace = cluster.Scaled(options.kill_grace);
  options.update_retry_initial = cluster.Scaled(options.update_retry_initial);
  options.update_retry_max = cluster.Scaled(absl::Minutes(1));
  options.registration_timeout = cluster.Scaled(options.registration_timeout);
  options.containerizer_retry = cluster.Scaled(options.containerizer_retry);
  return options;
}

agent::PersistToken AfterOf(const agent::Effect& effect) {
  if (const auto* e = std::get_if<agent::ToContainerizer>(&effect)) return e->after;
  if (const auto* e = std::get_if<agent::ToMaster>(&effect)) return e->after;
  if (const auto* e = std::get_if<agent::PrepareSandbox>(&effect)) return e->after;
  if (const auto* e = std::get_if<agent::ChangeVolumes>(&effect)) return e->after;
  if (const auto* e = std::get_if<agent::Exit>(&effect)) return e->after;
  return 0;
}

// The addresses of all masters, in turn from the one with index `first`.
std::vector<std::string> MastersFrom(const Cluster& cluster, int first) {
  std::vector<std::string> masters;
  for (int i = 0; i < cluster.shape().masters; ++i) {
    masters.push_back(cluster.MasterAddress((first + i) % cluster.shape().masters));
  }
  return masters;
}

}  // namespace

AgentNode::AgentNode(NodeContext* context, Cluster* cluster, std::string containerizer)
    : CoreNode(context,
               agent::AgentCore(OptionsOf(*context, *cluster), context->MakeRng("core").Next())),
      cluster_(*cluster),
      containerizer_(std::move(containerizer)),
      rng_(context->MakeRng("links")),
      disk_(context, cluster, [this](agent::Input answer) { Post(std::move(answer)); }),
      containerizer_backoff_({.initial = absl::Milliseconds(50), .maximum = absl::Seconds(1)}),
      search_(MastersFrom(*cluster, static_cast<int>(rng_.Uniform(0, 2))),
              {.initial = absl::Milliseconds(100), .maximum = absl::Seconds(5)}) {}

void AgentNode::Start() {
  CoreNode::Start();
  if (context().disk().empty()) cluster_.volumes().OnDiskEmpty(context().name());
  agent::Recovered recovered;
  for (const auto& [key, value] : context().disk()) {
    if (!AgentDisk::IsDirectory(key)) recovered.records.emplace_back(key, value);
  }
  Post(std::move(recovered));
  DialContainerizer();
}

void AgentNode::DialContainerizer() {
  session_ = context().Open(containerizer_);
  Post(agent::ContainerizerUp{session_});
}

void AgentNode::OpenLink() {
  context().After(search_.Delay(&rng_), [this] { DialMaster(); });
}

void AgentNode::DialMaster() {
  std::string master = search_.Dial(context().Now());
  link_ = context().Open(Cluster::NodeOf(master));
  Post(agent::LinkUp{link_, std::move(master), search_.lost_master()});
}

void AgentNode::OnStreamMessage(ConnectionId id, const std::string& bytes) {
  if (id == session_) {
    containerizer::v1::Responses frame;
    if (!frame.ParseFromString(bytes)) return cluster_.ledger().Fail("a frame cannot be read");
    for (auto& response : *frame.mutable_responses()) {
      Post(agent::ContainerizerSaid{id, std::move(response)});
    }
    containerizer_backoff_.Reset();
  } else if (id == link_) {
    agent_link::v1::MasterFrame frame;
    if (!frame.ParseFromString(bytes)) return cluster_.ledger().Fail("a frame cannot be read");
    for (auto& message : *frame.mutable_messages()) {
      if (message.has_registered()) search_.Accepted();
      Post(agent::ToInput(id, std::move(message)));
    }
  }
}

void AgentNode::OnStreamClosed(ConnectionId id, const absl::Status& reason) {
  if (id == session_) {
    session_ = 0;
    Post(agent::ContainerizerDown{id, reason});
    context().After(containerizer_backoff_.Next(&rng_), [this] { DialContainerizer(); });
  } else if (id == link_) {
    link_ = 0;
    search_.Failed(context().Now(), reason);
    Post(agent::LinkDown{id, reason});
  }
}

void AgentNode::CloseLink(const agent::CloseLink& closing) {
  if (closing.stream != link_) return;
  context().Close(link_, closing.reason);
  OnStreamClosed(link_, closing.reason);
}

void AgentNode::Apply(absl::Time, Effect effect) {
  if (std::holds_alternative<agent::Persist>(effect) || AfterOf(effect) != 0) {
    waiting_.push_back(std::move(effect));
  } else {
    Perform(std::move(effect));
  }
}

void AgentNode::Perform(Effect effect) {
  if (auto* prepare = std::get_if<agent::PrepareSandbox>(&effect)) {
    disk_.Prepare(std::move(*prepare));
  } else if (auto* change = std::get_if<agent::ChangeVolumes>(&effect)) {
    disk_.Change(std::move(*change));
  } else if (auto* request = std::get_if<agent::ToContainerizer>(&effect)) {
    if (request->session == session_) {
      *to_containerizer_.Of(session_)->add_requests() = std::move(request->request);
    }
  } else if (auto* message = std::get_if<agent::ToMaster>(&effect)) {
    Send(*message);
  } else if (std::holds_alternative<agent::OpenLink>(effect)) {
    OpenLink();
  } else if (auto* closing = std::get_if<agent::CloseLink>(&effect)) {
    CloseLink(*closing);
  } else if (std::holds_alternative<agent::Exit>(effect)) {
    Exit();
  }
}

void AgentNode::Send(const agent::ToMaster& message) {
  if (message.stream != link_) return;
  if (message.message.has_status_update()) {
    cluster_.ledger().OnAgentUpdate(context().name(), message.message.status_update());
  } else if (message.message.has_operation_update()) {
    cluster_.volumes().OnUpdate(context().name(), message.message.operation_update());
  }
  // What an agent says of operations when it returns counts, too.
  for (const v1::Operation& operation : message.message.reregister().operations()) {
    if (operation.latest_status().state() == v1::OPERATION_PENDING) continue;
    agent_link::v1::OperationUpdate told;
    told.set_framework_id(operation.framework_id().value());
    *told.mutable_status() = operation.latest_status();
    cluster_.volumes().OnUpdate(context().name(), told);
  }
  *to_master_.Of(link_)->add_messages() = message.message;
}

void AgentNode::OnBatchApplied(absl::Time) {
  if (!to_containerizer_.Flush(&context()) || !to_master_.Flush(&context())) return;
  cluster_.volumes().OnAgentBatch(context().name(), core(), context().disk());
  if (!is_committing_) CommitNext();
}

void AgentNode::CommitNext() {
  if (waiting_.empty()) return;
  is_committing_ = true;
  std::map<std::string, std::optional<std::string>> merged;
  for (Effect& effect : std::exchange(waiting_, {})) {
    if (auto* persist = std::get_if<agent::Persist>(&effect)) {
      for (agent::RecordWrite& write : persist->writes) merged[write.key] = std::move(write.value);
    } else {
      committing_.push_back(std::move(effect));
    }
  }
  writes_.assign(merged.begin(), merged.end());
  if (writes_.empty()) {
    context().After(absl::ZeroDuration(), [this] { OnCommitted(); });
  } else {
    OnCommitted();
  }
}

void AgentNode::OnCommitted() {
  if (!writes_.empty()) {
    context().Commit(writes_, [this](const absl::Status& status) {
      if (status.ok()) {
        writes_.clear();
        return OnCommitted();
      }
      Sometimes<"an agent's disk is full">(absl::IsResourceExhausted(status));
      context().After(cluster_.Scaled(absl::Seconds(1)), [this] { OnCommitted(); });
    });
    return;
  }
  is_committing_ = false;
  for (Effect& effect : std::exchange(committing_, {})) {
    if (!context().Record(absl::StrCat("perform ", Describe(effect)))) return;
    Perform(std::move(effect));
    if (!context().IsAlive()) return;
  }
  OnBatchApplied(context().Now());
}

// The process ends; whoever supervises it starts it again.
void AgentNode::Exit() {
  Sometimes<"an agent leaves">(true);
  World& world = cluster_.world();
  const std::string name = context().name();
  world.events().After(cluster_.Scaled(absl::Seconds(2)), [&world, name] { world.Restart(name); });
  world.Crash(name);
}

std::string AgentNode::Describe(const Effect& effect) const { return text_.Of(effect); }

}  // namespace meros::simulation

#include "tests/simulation/registry_node.h"

#include "absl/strings/str_cat.h"
#include "services/registry/shell/store_codec.h"

namespace meros::simulation {
namespace {

using registry::RegistryCore;

registry::CoreOptions Options(const Cluster& cluster) {
  registry::CoreOptions options;
  options.store_retry_interval = cluster.Scaled(options.store_retry_interval);
  options.lease_ttl_min = absl::Milliseconds(100);
  return options;
}

RegistryCore Load(NodeContext* context, Cluster* cluster, const std::vector<storage::Row>& rows) {
  absl::StatusOr<registry::StoredState> stored = registry::DecodeStore(rows);
  if (!stored.ok()) {
    cluster->ledger().Fail(absl::StrCat("the registry cannot start: ", stored.status().message()));
    stored = registry::StoredState();
  }
  cluster->ledger().OnRegistryStarts(*stored);
  return RegistryCore(Options(*cluster), *std::move(stored), context->Now());
}

RegistryCore First(NodeContext* context, Cluster* cluster) {
  if (cluster->shape().on_zookeeper) return RegistryCore(Options(*cluster), {}, context->Now());
  std::vector<storage::Row> rows;
  for (const auto& [key, value] : context->disk()) rows.push_back({key, value});
  return Load(context, cluster, rows);
}

}  // namespace

RegistryNode::RegistryNode(NodeContext* context, Cluster* cluster)
    : CoreNode(context, First(context, cluster)), cluster_(*cluster) {
  if (!cluster_.shape().on_zookeeper) return;
  is_serving_ = false;
  store_ = std::make_unique<FencedStore>(
      context, &cluster_.ensemble(), cluster_.session_timeout(),
      FencedStoreEvents{
          .on_open = [this](const std::vector<storage::Row>& rows) { Serve(rows); },
          .on_owned = [this](absl::Time until) { Post(RegistryCore::StoreOwned{until}); },
          .on_over = [this](const absl::Status& why) { Retire(why); }});
}

void RegistryNode::Start() {
  CoreNode::Start();
  if (store_ != nullptr) store_->Start();
}

void RegistryNode::Serve(const std::vector<storage::Row>& rows) {
  Sometimes<"a registry takes over what another one wrote">(!rows.empty());
  Replace(Load(&context(), &cluster_, rows));
  is_serving_ = true;
}

// As RegistryShell::Retire.
void RegistryNode::Retire(const absl::Status& why) {
  is_serving_ = false;
  open_commits_.clear();
  Replace(RegistryCore(Options(cluster_), {}, context().Now()));
  for (const ConnectionId stream : std::exchange(streams_, {})) {
    context().Close(stream, absl::UnavailableError(why.message()));
  }
}

void RegistryNode::OnStreamMessage(ConnectionId id, const std::string& bytes) {
  if (store_ != nullptr && store_->OnMessage(id, bytes)) return;
  if (!is_serving_) {
    streams_.erase(id);
    return context().Close(id, absl::UnavailableError("this registry stands by"));
  }
  registry::v1::SessionRequest frame;
  if (!frame.ParseFromString(bytes)) return cluster_.ledger().Fail("a frame cannot be read");
  for (registry::v1::Request& request : *frame.mutable_requests()) {
    const std::pair<ConnectionId, uint64_t> key(id, request.id());
    if (request.has_commit()) open_commits_[key] = request.commit();
    if (TryPost(RegistryCore::Requested{id, std::move(request)})) continue;
    open_commits_.erase(key);
    context().Close(id, absl::ResourceExhaustedError("the registry's mailbox is full"));
    return Post(RegistryCore::StreamClosed{id});
  }
}

void RegistryNode::OnStreamClosed(ConnectionId id, const absl::Status&) {
  if (store_ != nullptr && store_->OnClosed(id)) return;
  streams_.erase(id);
  Post(RegistryCore::StreamClosed{id});
}

void RegistryNode::Apply(absl::Time, Effect effect) {
  if (auto* persist = std::get_if<RegistryCore::Persist>(&effect)) return Write(*persist);
  auto* const reply = std::get_if<RegistryCore::Reply>(&effect);
  if (reply == nullptr) return;
  const registry::v1::Response& response = reply->response;
  const auto commit = open_commits_.find({reply->stream, response.id()});
  if (commit != open_commits_.end()) {
    Sometimes<"the registry refuses a write of an earlier leader">(
        absl::StatusCode(response.code()) == absl::StatusCode::kFailedPrecondition);
    if (response.code() == 0) {
      cluster_.ledger().OnRegistryAcknowledges(commit->second, response.commit().revision(),
                                               cluster_.shape().on_zookeeper);
    }
    open_commits_.erase(commit);
  }
  if (response.has_lease() && response.code() == 0) {
    cluster_.ledger().OnLeaseAnswered(response.lease());
  }
  *frames_.Of(reply->stream)->add_responses() = response;
}

void RegistryNode::Write(RegistryCore::Persist persist) {
  if (store_ != nullptr) {
    return store_->Commit(registry::EncodeTransaction(persist),
                          [this, token = persist.token](const absl::Status&) {
                            Post(RegistryCore::StoreCommitted{token});
                          });
  }
  SimDisk::Writes writes;
  for (storage::Mutation& mutation : registry::EncodeTransaction(persist)) {
    writes.emplace_back(std::move(mutation.key), std::move(mutation.value));
  }
  context().Commit(std::move(writes), [this, token = persist.token](const absl::Status& status) {
    if (status.ok()) return Post(RegistryCore::StoreCommitted{token});
    Sometimes<"the registry's disk is full">(absl::IsResourceExhausted(status));
    Sometimes<"the registry's disk is broken">(!absl::IsResourceExhausted(status));
    Post(RegistryCore::StoreFailed{token, status});
  });
}

void RegistryNode::OnBatchApplied(absl::Time) { (void)frames_.Flush(&context()); }

std::string RegistryNode::Describe(const Effect& effect) const {
  if (const auto* persist = std::get_if<RegistryCore::Persist>(&effect)) {
    return absl::StrCat("persist ", persist->token, ": ", persist->changes.size(), " records");
  }
  if (const auto* reply = std::get_if<RegistryCore::Reply>(&effect)) {
    return absl::StrCat("reply ", reply->response.id(), " on ", reply->stream, " code ",
                        reply->response.code());
  }
  return "status";
}

}  // namespace meros::simulation

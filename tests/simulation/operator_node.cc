#include "tests/simulation/operator_node.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/simulation/probes.h"
#include "libs/wire/resources_proto.h"
#include "meros/v1/master/operator/operations.pb.h"
#include "meros/v1/master/operator/tasks.pb.h"
#include "tests/simulation/agent_node.h"
#include "tests/simulation/master_node.h"
#include "tests/simulation/volume_ledger.h"

namespace meros::simulation {
namespace {

constexpr int kTriesMax = 5;

std::vector<std::string> RolesOf(Cluster* cluster) {
  std::vector<std::string> roles;
  for (const auto& job : cluster->jobs()) roles.push_back(job->role());
  return roles;
}

// Volumes that the call destroys.
resources::Resources DestroyedBy(const OperatorCall& call) {
  v1::master::DestroyVolumesRequest request;
  if (call.name != request.GetTypeName() || !request.ParseFromString(call.bytes)) return {};
  return *wire::ResourcesFromProto(request.volumes());
}

}  // namespace

OperatorNode::OperatorNode(NodeContext* context, Cluster* cluster)
    : context_(*context),
      cluster_(*cluster),
      rng_(context->MakeRng("operator")),
      deeds_(cluster->shape().habits, RolesOf(cluster), context->MakeRng("deeds")) {}

bool OperatorNode::IsDone() {
  const MasterNode* leader = cluster_.LeadingNode();
  return leader != nullptr && cluster_.whitelist() == nullptr &&
         !deeds_.Undo(leader->core().books()).has_value();
}

void OperatorNode::Live() {
  const uint64_t pause = cluster_.is_growing() ? rng_.Uniform(200, 8000) : 500;
  context_.After(absl::Milliseconds(pause), [this] { Live(); });
  if (cluster_.shape().habits.whitelist) ChangeWhitelist();
  const MasterNode* leader = cluster_.LeadingNode();
  if (leader == nullptr) return;
  const master::Books& books = leader->core().books();
  if (!cluster_.is_growing() || rng_.Chance(0.2)) ReplaceGoneMachines(books);
  std::optional<OperatorCall> call;
  if (cluster_.is_growing()) {
    call = deeds_.Draw(books);
  } else if (open_.empty()) {
    call = deeds_.Undo(books);
  }
  if (call.has_value()) Send(*std::move(call), /*tries=*/1);
}

void OperatorNode::Send(OperatorCall call, int tries) {
  const std::string leader = cluster_.Leader();
  const uint64_t any = rng_.Uniform(0, static_cast<uint64_t>(cluster_.shape().masters) - 1);
  const std::string master = leader.empty() || rng_.Chance(0.1)
                                 ? Cluster::NodeOf(cluster_.MasterAddress(static_cast<int>(any)))
                                 : leader;
  cluster_.volumes().OnDestroyAsked(DestroyedBy(call));
  if (!context_.Record(absl::StrCat("asks ", master, ": ", call.name, " ", call.text))) return;
  const ConnectionId id = context_.Open(master);
  context_.Write(id, Encode(call));
  open_[id] = {std::move(call), tries};
}

void OperatorNode::OnStreamMessage(ConnectionId id, const std::string& bytes) {
  const absl::Status answer = DecodeAnswer(bytes);
  if (!context_.Record(absl::StrCat("is answered ", answer.ToString()))) return;
  Sometimes<"an operator's call is refused">(absl::IsFailedPrecondition(answer));
  Sometimes<"an operator's call is carried out">(answer.ok());
  const auto asked = open_.find(id);
  const bool is_kill = asked != open_.end() &&
                       asked->second.call.name == v1::master::KillTaskRequest().GetTypeName();
  Sometimes<"an operator has a task killed">(answer.ok() && is_kill);
  if (absl::IsInvalidArgument(answer) || absl::IsUnimplemented(answer)) {
    cluster_.ledger().Fail(
        absl::StrCat("an operator's call is not understood: ", answer.ToString()));
  }
  // Who retries does it under the same id, whether or not the first one was carried out.
  if (!absl::IsUnavailable(answer)) open_.erase(id);
}

void OperatorNode::OnStreamClosed(ConnectionId id, const absl::Status&) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  const Open open = std::move(found->second);
  open_.erase(found);
  if (open.tries >= kTriesMax || !cluster_.is_growing()) return;
  Sometimes<"an operator repeats a call">(true);
  context_.After(absl::Milliseconds(rng_.Uniform(10, 2000)),
                 [this, open] { Send(open.call, open.tries + 1); });
}

// Where there is a whitelist, it lacks one agent or more while there is trouble.
void OperatorNode::ChangeWhitelist() {
  if (!cluster_.is_growing()) {
    if (cluster_.whitelist() != nullptr) cluster_.PutWhitelist(nullptr);
    return;
  }
  if (!rng_.Chance(0.1)) return;
  if (cluster_.whitelist() != nullptr && rng_.Chance(0.5)) return cluster_.PutWhitelist(nullptr);
  std::vector<std::string> listed;
  for (int i = 1; i <= cluster_.shape().agents; ++i) {
    if (rng_.Chance(0.6)) listed.push_back(absl::StrCat("agent-", i));
  }
  if (!context_.Record(absl::StrCat("lists ", absl::StrJoin(listed, " ")))) return;
  cluster_.PutWhitelist(std::make_shared<const std::vector<std::string>>(std::move(listed)));
}

// Whoever declares an agent gone repairs its machine, and it comes back with nothing on its disk.
void OperatorNode::ReplaceGoneMachines(const master::Books& books) {
  for (const auto& [sequence, agent] : books.agents.all()) {
    if (agent->record.state != master::AgentState::kGone) continue;
    const std::string& node = agent->record.info->hostname();
    const auto* present = static_cast<const AgentNode*>(cluster_.world().Find(node));
    if (present == nullptr || present->core().agent_id() != agent->record.id) continue;
    Sometimes<"a machine that is gone is replaced">(true);
    cluster_.Replace(node);
  }
}

}  // namespace meros::simulation

#include "services/allocator/shell/explain_wire.h"

#include <string>
#include <utility>

#include "libs/base/status_macros.h"
#include "libs/wire/offer_constraints.h"
#include "services/allocator/shell/policy_from_wire.h"

namespace meros::allocator {
namespace {

using wire::FieldPath;

constexpr uint32_t kExamplesDefault = 3;
constexpr uint32_t kExamplesMax = 100;

template <typename Amounts>
void Write(const Amounts& amounts, v1::Quantities* out) {
  for (const auto& [name, amount] : amounts) {
    (*out->mutable_milli())[std::string(name.text())] = amount.millis();
  }
}

// Numbers of the model follow those of the message.
v1::Stage StageNumber(size_t stage) { return static_cast<v1::Stage>(stage + 1); }

void Write(const ExplainedAgent& agent, v1::ExplainedAgent* out) {
  out->set_agent_id(agent.agent.value());
  out->set_hostname(agent.hostname);
  Write(agent.available, out->mutable_available());
  Write(agent.lacking, out->mutable_lacking());
  out->set_refused_ms(absl::ToInt64Milliseconds(agent.refused));
}

void Write(const ExplainedRole& role, v1::ExplainedRole* out) {
  out->set_role(role.role);
  out->set_share(role.share);
  out->set_weight(role.weight);
  out->set_priority(role.priority);
  out->set_position(role.position);
  out->set_siblings(role.siblings);
  Write(role.consumed, out->mutable_consumed());
  if (role.quota.empty()) return;
  out->mutable_quota()->set_role(role.role);
  Write(role.quota.guarantees, out->mutable_quota()->mutable_guarantees());
  Write(role.quota.limits, out->mutable_quota()->mutable_limits());
  Write(role.limit_left, out->mutable_limit_left());
}

}  // namespace

absl::StatusOr<ExplainQuery> FromWire(const v1::ExplainRequest& request) {
  const FieldPath path;
  ExplainQuery query;
  MEROS_RETURN_IF_ERROR(path.Field("framework_id").Annotate(ValidateId(request.framework_id())));
  query.framework = FrameworkId(request.framework_id());
  if (!request.role().empty()) {
    MEROS_ASSIGN_OR_RETURN(query.role, ReadRole(request.role(), path.Field("role")));
  }
  MEROS_ASSIGN_OR_RETURN(query.wanted, ReadAmounts(request.wanted(), path.Field("wanted")));
  if (request.has_constraints()) {
    MEROS_ASSIGN_OR_RETURN(
        query.constraints,
        wire::AgentConstraintsFromProto(request.constraints(), path.Field("constraints")));
  }
  if (request.examples_max() > kExamplesMax) {
    return path.Field("examples_max").Fault("must be at most ", kExamplesMax);
  }
  query.examples_max = request.examples_max() == 0 ? kExamplesDefault : request.examples_max();
  return query;
}

v1::ExplainResponse ToWire(const Explanation& explanation) {
  v1::ExplainResponse out;
  out.set_version(explanation.version);
  for (const std::string& reason : explanation.blocked) out.add_blocked(reason);
  out.set_agents(explanation.agents);
  for (size_t i = 0; i < kStageCount; ++i) {
    const ExplainedStage& stage = explanation.stages[i];
    if (stage.agents == 0) continue;
    v1::StageCount* count = out.add_stages();
    count->set_stage(StageNumber(i));
    count->set_agents(stage.agents);
    for (const ExplainedAgent& agent : stage.examples) Write(agent, count->add_examples());
  }
  if (explanation.nearest) {
    Write(*explanation.nearest, out.mutable_nearest());
    out.set_nearest_stage(StageNumber(static_cast<size_t>(explanation.nearest_stage)));
  }
  for (const ExplainedRole& role : explanation.roles) Write(role, out.add_roles());
  out.set_position(explanation.position);
  out.set_competitors(explanation.competitors);
  out.set_share(explanation.share);
  if (explanation.headroom) Write(*explanation.headroom, out.mutable_headroom());
  Write(explanation.guarantees_lacking, out.mutable_guarantees_lacking());
  out.set_filters(explanation.filters);
  for (const std::string& note : explanation.notes) out.add_notes(note);
  return out;
}

}  // namespace meros::allocator

#include "services/master/shell/explain_codec.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"
#include "libs/resources/roles.h"
#include "libs/wire/resources_proto.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;
namespace alloc = ::meros::allocator::v1;

using resources::Scalar;
using wire::FieldPath;

constexpr uint32_t kMaxExamples = 100;

void Write(const alloc::Quantities& quantities, wire::QuantityMap* out) {
  for (const auto& [name, millis] : quantities.milli()) {
    (*out)[name].set_value(Scalar::FromMillis(millis).ToDouble());
  }
}

// "not_free" for STAGE_NOT_FREE.
std::string NameOf(alloc::Stage stage) {
  return absl::AsciiStrToLower(absl::StripPrefix(alloc::Stage_Name(stage), "STAGE_"));
}

const char* ReasonOf(alloc::Stage stage) {
  switch (stage) {
    case alloc::STAGE_OFFERABLE:
      return "nothing keeps it from the framework";
    case alloc::STAGE_AGENT_INACTIVE:
      return "disconnected, deactivated or draining";
    case alloc::STAGE_WHITELIST:
      return "its hostname is not on the whitelist";
    case alloc::STAGE_WANTED_CONSTRAINTS:
      return "the constraints in the question exclude it";
    case alloc::STAGE_OFFER_CONSTRAINTS:
      return "the framework's offer constraints exclude it";
    case alloc::STAGE_GPU:
      return "it has gpus, and the framework cannot use gpus";
    case alloc::STAGE_REGION:
      return "another region, and the framework is not region aware";
    case alloc::STAGE_TOO_SMALL:
      return "even when idle it has less than is wanted";
    case alloc::STAGE_NOT_FREE:
      return "too little of it is free for the role";
    case alloc::STAGE_BELOW_MINIMUM:
      return "less is free than is worth offering";
    case alloc::STAGE_QUOTA:
      return "a limit, or what is guaranteed to others, leaves too little";
    case alloc::STAGE_OFFER_SIZE:
      return "one offer of the role may not hold as much";
    case alloc::STAGE_REFUSED:
      return "the framework has refused it for a time";
    case alloc::STAGE_OFFERS_IN_FLIGHT:
      return "the framework holds as many unanswered offers as it may";
    default:
      return "";
  }
}

void Write(const alloc::ExplainedAgent& agent, pb::ExplainAgent* out) {
  out->mutable_agent_id()->set_value(agent.agent_id());
  out->set_hostname(agent.hostname());
  Write(agent.available(), out->mutable_available());
  Write(agent.lacking(), out->mutable_lacking());
  if (agent.refused_ms() > 0) {
    out->mutable_refused_for()->set_nanoseconds(
        absl::ToInt64Nanoseconds(absl::Milliseconds(agent.refused_ms())));
  }
}

void Write(const alloc::StageCount& count, pb::ExplainStage* out) {
  out->set_stage(NameOf(count.stage()));
  out->set_agents_rejected(count.agents());
  out->set_reason(ReasonOf(count.stage()));
  for (const alloc::ExplainedAgent& agent : count.examples()) Write(agent, out->add_examples());
}

void Write(const alloc::ExplainedRole& role, pb::ExplainRole* out) {
  out->set_role(role.role());
  out->set_share(role.share());
  out->set_weight(role.weight());
  out->set_priority(role.priority());
  out->set_position(role.position());
  out->set_siblings(role.siblings());
  Write(role.quota().guarantees(), out->mutable_guarantees());
  Write(role.quota().limits(), out->mutable_limits());
  Write(role.consumed(), out->mutable_consumed());
  Write(role.limit_left(), out->mutable_limit_left());
}

void WriteNearest(const alloc::ExplainResponse& response, pb::ExplainResponse* out) {
  if (!response.has_nearest()) return;
  out->mutable_nearest_agent()->set_value(response.nearest().agent_id());
  out->set_nearest_hostname(response.nearest().hostname());
  out->set_nearest_stage(NameOf(response.nearest_stage()));
  for (const auto& [name, millis] : response.nearest().lacking().milli()) {
    v1::Resource* resource = out->add_shortfall();
    resource->set_name(name);
    resource->set_type(v1::Value::SCALAR);
    resource->mutable_scalar()->set_value(Scalar::FromMillis(millis).ToDouble());
  }
}

}  // namespace

absl::StatusOr<alloc::ExplainRequest> QuestionOf(const pb::ExplainRequest& request) {
  const FieldPath path;
  MEROS_RETURN_IF_ERROR(path.Field("framework_id")
                            .Field("value")
                            .Annotate(ValidateId(request.framework_id().value())));
  if (request.has_role()) {
    MEROS_RETURN_IF_ERROR(path.Field("role").Annotate(resources::ValidateRole(request.role())));
  }
  if (request.examples_max() > kMaxExamples) {
    return path.Field("examples_max")
        .Fault("must be at most ", kMaxExamples, ", is ", request.examples_max());
  }
  MEROS_ASSIGN_OR_RETURN(const resources::Resources wanted,
                         wire::ResourcesFromProto(request.wanted(), path, "wanted"));
  alloc::ExplainRequest question;
  question.set_framework_id(request.framework_id().value());
  question.set_role(request.role());
  for (const auto& [name, amount] : wanted.ScalarQuantities()) {
    (*question.mutable_wanted()->mutable_milli())[std::string(name.text())] = amount.millis();
  }
  if (request.has_constraints()) *question.mutable_constraints() = request.constraints();
  question.set_examples_max(request.examples_max());
  return question;
}

pb::ExplainResponse AnswerOf(const alloc::ExplainResponse& response) {
  pb::ExplainResponse answer;
  for (const alloc::StageCount& count : response.stages()) {
    if (count.stage() == alloc::STAGE_OFFERABLE) {
      answer.set_offerable(count.agents());
    } else {
      Write(count, answer.add_stages());
    }
  }
  WriteNearest(response, &answer);
  *answer.mutable_blocked() = response.blocked();
  *answer.mutable_notes() = response.notes();
  answer.set_agents(response.agents());
  for (const alloc::ExplainedRole& role : response.roles()) Write(role, answer.add_roles());
  answer.set_position(response.position());
  answer.set_competitors(response.competitors());
  answer.set_share(response.share());
  Write(response.headroom(), answer.mutable_headroom());
  Write(response.guarantees_lacking(), answer.mutable_guarantees_lacking());
  answer.set_filters(response.filters());
  return answer;
}

}  // namespace meros::master

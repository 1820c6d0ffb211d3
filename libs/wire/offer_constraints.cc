#include "libs/wire/offer_constraints.h"

#include <utility>

#include "libs/base/status_macros.h"
#include "libs/wire/launch_rules.h"
#include "libs/wire/limits.h"

namespace meros::wire {
namespace {

using Message = v1::scheduler::AttributeConstraint;
using Source = resources::AgentConstraint::Source;
using ModelSelector = resources::AgentConstraint::Selector;
using ModelPredicate = resources::AgentConstraint::Predicate;

absl::Status ReadSelector(const Message::Selector& selector, const FieldPath& path, Source* out) {
  switch (selector.selector_case()) {
    case Message::Selector::kAttributeName:
      out->selector = ModelSelector::kAttribute;
      out->attribute = selector.attribute_name();
      return CheckText(out->attribute, kMaxNameBytes, path.Field("attribute_name"));
    case Message::Selector::kPseudoattributeType:
      switch (selector.pseudoattribute_type()) {
        case Message::Selector::HOSTNAME:
          out->selector = ModelSelector::kHostname;
          return absl::OkStatus();
        case Message::Selector::REGION:
          out->selector = ModelSelector::kRegion;
          return absl::OkStatus();
        case Message::Selector::ZONE:
          out->selector = ModelSelector::kZone;
          return absl::OkStatus();
        case Message::Selector::UNKNOWN:
          break;
      }
      return path.Field("pseudoattribute_type").Fault("must be HOSTNAME, REGION or ZONE");
    case Message::Selector::SELECTOR_NOT_SET:
      break;
  }
  return path.Fault("must have attribute_name or pseudoattribute_type");
}

absl::Status ReadPredicate(const Message::Predicate& predicate, const FieldPath& path,
                           Source* out) {
  const auto expression = [&](const std::string& regex, const char* member, ModelPredicate kind) {
    out->predicate = kind;
    out->text = regex;
    return CheckText(regex, kMaxRegexBytes, path.Field(member).Field("regex"));
  };
  switch (predicate.predicate_case()) {
    case Message::Predicate::kExists:
      out->predicate = ModelPredicate::kExists;
      return absl::OkStatus();
    case Message::Predicate::kNotExists:
      out->predicate = ModelPredicate::kNotExists;
      return absl::OkStatus();
    case Message::Predicate::kTextEquals:
      out->predicate = ModelPredicate::kTextEquals;
      out->text = predicate.text_equals().value();
      return absl::OkStatus();
    case Message::Predicate::kTextNotEquals:
      out->predicate = ModelPredicate::kTextNotEquals;
      out->text = predicate.text_not_equals().value();
      return absl::OkStatus();
    case Message::Predicate::kTextMatches:
      return expression(predicate.text_matches().regex(), "text_matches",
                        ModelPredicate::kTextMatches);
    case Message::Predicate::kTextNotMatches:
      return expression(predicate.text_not_matches().regex(), "text_not_matches",
                        ModelPredicate::kTextNotMatches);
    case Message::Predicate::PREDICATE_NOT_SET:
      break;
  }
  return path.Fault("must have a predicate of a known kind");
}

absl::StatusOr<resources::AgentConstraint> Read(const Message& message, const FieldPath& path,
                                                const resources::RegexLimits& limits) {
  Source source;
  MEROS_RETURN_IF_ERROR(ReadSelector(message.selector(), path.Field("selector"), &source));
  MEROS_RETURN_IF_ERROR(ReadPredicate(message.predicate(), path.Field("predicate"), &source));
  auto constraint = resources::AgentConstraint::Make(std::move(source), limits);
  if (!constraint.ok()) return path.Field("predicate").Annotate(constraint.status());
  return constraint;
}

}  // namespace

absl::StatusOr<resources::AgentConstraints> AgentConstraintsFromProto(
    const v1::scheduler::OfferConstraints::RoleConstraints& message, const FieldPath& path,
    const resources::RegexLimits& limits) {
  if (message.groups().empty()) return path.Field("groups").Fault("must not be empty");
  MEROS_RETURN_IF_ERROR(CheckCount(message.groups_size(), kMaxGroupsPerRole, path.Field("groups")));
  resources::AgentConstraints result;
  for (int i = 0; i < message.groups_size(); ++i) {
    const FieldPath group_path = path.Item("groups", i);
    const auto& constraints = message.groups(i).attribute_constraints();
    const FieldPath list = group_path.Field("attribute_constraints");
    if (constraints.empty()) return list.Fault("must not be empty");
    MEROS_RETURN_IF_ERROR(CheckCount(constraints.size(), kMaxConstraintsPerGroup, list));
    resources::AgentConstraints::Group& group = result.groups.emplace_back();
    for (int k = 0; k < constraints.size(); ++k) {
      MEROS_ASSIGN_OR_RETURN(
          resources::AgentConstraint constraint,
          Read(constraints[k], group_path.Item("attribute_constraints", k), limits));
      group.push_back(std::move(constraint));
    }
  }
  return result;
}

}  // namespace meros::wire

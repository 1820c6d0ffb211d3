#include "tests/simulation/host_choice.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace meros::simulation {
namespace {

using v1::scheduler::AttributeConstraint;
using v1::scheduler::OfferConstraints;

AttributeConstraint::Predicate* AboutHostname(OfferConstraints::RoleConstraints::Group* group) {
  AttributeConstraint* constraint = group->add_attribute_constraints();
  constraint->mutable_selector()->set_pseudoattribute_type(AttributeConstraint::Selector::HOSTNAME);
  return constraint->mutable_predicate();
}

std::string AnyOf(const std::set<std::string>& hostnames) {
  return absl::StrCat("(", absl::StrJoin(hostnames, "|"), ")");
}

}  // namespace

HostChoice::HostChoice(int agents, Rng rng) {
  if (agents < 2 || !rng.Chance(0.3)) return;
  way_ = static_cast<Way>(rng.Uniform(0, 3));
  for (int i = 1; i <= agents; ++i) {
    (rng.Chance(0.5) ? wanted_ : refused_).insert(absl::StrCat("agent-", i));
  }
  // None to be had is not worth looking at.
  if (wanted_.empty()) wanted_.insert(refused_.extract(refused_.begin()));
}

OfferConstraints HostChoice::ToConstraints(const std::string& role) const {
  OfferConstraints constraints;
  auto& of_role = (*constraints.mutable_role_constraints())[role];
  if (way_ == Way::kNames) {
    for (const std::string& hostname : wanted_) {
      AboutHostname(of_role.add_groups())->mutable_text_equals()->set_value(hostname);
    }
    return constraints;
  }
  OfferConstraints::RoleConstraints::Group* const group = of_role.add_groups();
  if (way_ == Way::kExpression) {
    AboutHostname(group)->mutable_text_matches()->set_regex(AnyOf(wanted_));
  } else if (way_ == Way::kOtherExpression) {
    AboutHostname(group)->mutable_text_not_matches()->set_regex(AnyOf(refused_));
    AttributeConstraint* const rack = group->add_attribute_constraints();
    rack->mutable_selector()->set_attribute_name("rack");
    rack->mutable_predicate()->mutable_not_exists();
  } else {
    for (const std::string& hostname : refused_) {
      AboutHostname(group)->mutable_text_not_equals()->set_value(hostname);
    }
  }
  return constraints;
}

}  // namespace meros::simulation

#include "libs/resources/agent_constraints.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace meros::resources {
namespace {

// Long expressions are named by their beginning.
constexpr size_t kShownBytes = 60;

absl::StatusOr<std::shared_ptr<const re2::RE2>> Compile(const std::string& text,
                                                        const RegexLimits& limits) {
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(limits.memory_bytes_max);
  options.set_never_capture(true);
  auto regex = std::make_shared<const re2::RE2>(text, options);
  if (!regex->ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("regular expression '", text.substr(0, kShownBytes), "': ", regex->error()));
  }
  if (regex->ProgramSize() > limits.program_size_max) {
    return absl::InvalidArgumentError(absl::StrCat(
        "regular expression '", text.substr(0, kShownBytes), "' has a program of ",
        regex->ProgramSize(), " instructions, must be at most ", limits.program_size_max));
  }
  return regex;
}

absl::string_view OrNothing(const std::optional<std::string>& text, bool* exists) {
  *exists = text.has_value();
  return *exists ? absl::string_view(*text) : absl::string_view();
}

}  // namespace

absl::StatusOr<AgentConstraint> AgentConstraint::Make(Source source, const RegexLimits& limits) {
  AgentConstraint constraint;
  if (source.predicate == Predicate::kTextMatches ||
      source.predicate == Predicate::kTextNotMatches) {
    auto regex = Compile(source.text, limits);
    if (!regex.ok()) return regex.status();
    constraint.regex_ = *std::move(regex);
  }
  constraint.source_ = std::move(source);
  return constraint;
}

bool AgentConstraint::HoldsFor(absl::string_view text) const {
  const auto matches = [&] {
    return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *regex_);
  };
  switch (source_.predicate) {
    case Predicate::kExists:
      return true;
    case Predicate::kNotExists:
      return false;
    case Predicate::kTextEquals:
      return text == source_.text;
    case Predicate::kTextNotEquals:
      return text != source_.text;
    case Predicate::kTextMatches:
      return matches();
    case Predicate::kTextNotMatches:
      return !matches();
  }
  return false;
}

bool AgentConstraint::IsSatisfiedBy(const AgentTraits& agent) const {
  bool exists = true;
  absl::string_view text;
  switch (source_.selector) {
    case Selector::kHostname:
      text = agent.hostname;
      break;
    case Selector::kRegion:
      text = OrNothing(agent.region, &exists);
      break;
    case Selector::kZone:
      text = OrNothing(agent.zone, &exists);
      break;
    case Selector::kAttribute: {
      const Attribute* attribute = agent.attributes.Find(source_.attribute);
      exists = attribute != nullptr;
      if (!exists) break;
      const auto* value = std::get_if<std::string>(&attribute->value);
      if (value == nullptr) return source_.predicate != Predicate::kNotExists;
      text = *value;
      break;
    }
  }
  if (exists) return HoldsFor(text);
  return source_.predicate == Predicate::kNotExists ||
         source_.predicate == Predicate::kTextNotEquals ||
         source_.predicate == Predicate::kTextNotMatches;
}

bool AgentConstraints::IsSatisfiedBy(const AgentTraits& agent) const {
  return std::any_of(groups.begin(), groups.end(), [&](const Group& group) {
    return std::all_of(group.begin(), group.end(), [&](const AgentConstraint& constraint) {
      return constraint.IsSatisfiedBy(agent);
    });
  });
}

}  // namespace meros::resources

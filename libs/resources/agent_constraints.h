// Which agents somebody wants, said about what agents say of themselves: hostname, fault domain and
// attributes. An agent will do if it satisfies all constraints of at least one group.
//
// Regular expressions are RE2's: they take time linear in the text, and their memory is bounded by
// limits, so one that comes from outside can be run in a core.
//
// Thread rule: immutable value types; thread-safe to share.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/resources/attributes.h"

namespace re2 {
class RE2;
}

namespace meros::resources {

// What an agent says of itself.
struct AgentTraits {
  std::string hostname;
  std::optional<std::string> region;
  std::optional<std::string> zone;
  Attributes attributes;

  friend bool operator==(const AgentTraits&, const AgentTraits&) = default;
};

// Bounds of one regular expression. Those of Mesos (--offer_constraints_re2_max_mem and
// --offer_constraints_re2_max_program_size).
struct RegexLimits {
  int memory_bytes_max = 4096;
  int program_size_max = 100;
};

class AgentConstraint {
 public:
  enum class Selector { kAttribute, kHostname, kRegion, kZone };
  enum class Predicate {
    kExists,
    kNotExists,
    kTextEquals,
    kTextNotEquals,
    kTextMatches,  // the whole text
    kTextNotMatches,
  };
  struct Source {
    Selector selector = Selector::kAttribute;
    std::string attribute;  // kAttribute: the first of that name is looked at
    Predicate predicate = Predicate::kExists;
    std::string text;  // value or expression

    friend bool operator==(const Source&, const Source&) = default;
  };

  // ERRORS: InvalidArgument if the expression does not compile or exceeds `limits`.
  static absl::StatusOr<AgentConstraint> Make(Source source, const RegexLimits& limits = {});

  // What is missing does not exist, equals nothing and matches nothing; its negations hold. About
  // text, an attribute that is not text satisfies every predicate (as in Mesos).
  bool IsSatisfiedBy(const AgentTraits& agent) const;

  friend bool operator==(const AgentConstraint& a, const AgentConstraint& b) {
    return a.source_ == b.source_;
  }

 private:
  bool HoldsFor(absl::string_view text) const;

  Source source_;
  std::shared_ptr<const re2::RE2> regex_;  // of kTextMatches and kTextNotMatches
};

struct AgentConstraints {
  using Group = std::vector<AgentConstraint>;
  std::vector<Group> groups;  // empty: no agent will do

  // Cost: O(constraints); for each expression O(its program x the text).
  bool IsSatisfiedBy(const AgentTraits& agent) const;
  friend bool operator==(const AgentConstraints&, const AgentConstraints&) = default;
};

}  // namespace meros::resources

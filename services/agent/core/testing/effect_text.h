// One line of text per effect, for golden traces. Random ids become C1, C2 ... (containers) and
// U1, U2 ... (updates) in the order in which they are first seen.
//
// Owner: tests. Thread rule: thread-compatible.
#pragma once

#include <map>
#include <string>

#include "services/agent/core/effects.h"

namespace meros::agent {

class EffectText {
 public:
  // Empty for effects that a trace leaves out (counts, states).
  std::string Of(const Effect& effect);

  // "C1" for a container's id, and back.
  std::string Container(const std::string& id);
  std::string Update(const std::string& uuid);

 private:
  std::string Of(const containerizer::v1::Request& request);
  std::string Of(const agent_link::v1::AgentMessage& message);
  std::string Status(const v1::TaskStatus& status);

  std::map<std::string, std::string> containers_;
  std::map<std::string, std::string> updates_;
};

}  // namespace meros::agent

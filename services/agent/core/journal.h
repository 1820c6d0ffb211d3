// The records that a step changes. They become one Persist effect, whose token every effect that
// leaves the agent from then on waits for.
//
// Owner: AgentCore. Thread rule: thread-compatible.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "services/agent/core/effects.h"

namespace meros::agent {

class Journal {
 public:
  void Put(std::string key, std::string value) { writes_[std::move(key)] = std::move(value); }
  void Erase(std::string key) { writes_[std::move(key)] = std::nullopt; }

  // What an effect emitted now must wait for: this step's writes if there are any so far, or else
  // the last ones.
  PersistToken token() const { return writes_.empty() ? last_ : last_ + 1; }

  // The step's Persist, if it wrote anything.
  std::optional<Persist> Flush() {
    if (writes_.empty()) return std::nullopt;
    Persist persist;
    persist.token = ++last_;
    for (auto& [key, value] : writes_) persist.writes.push_back({key, std::move(value)});
    writes_.clear();
    return persist;
  }

 private:
  absl::btree_map<std::string, std::optional<std::string>> writes_;
  PersistToken last_ = 0;
};

}  // namespace meros::agent

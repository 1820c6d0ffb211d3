// The orders about agents that wait for the registry, or for their agent to come to rest.
//
// Thread rule: strand-confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "libs/base/ids.h"
#include "services/master/core/inputs.h"

namespace meros::master {

// One call of an operator, or what follows from one.
struct PendingAgentOrder {
  OperatorAgentOrder order;
  std::vector<uint64_t> calls;  // who waits for the answer; more than one when it was repeated
  enum class Cause { kCall, kEmpty, kMayBegin };
  Cause cause = Cause::kCall;   // other than a call: what a drain waited for has come about
  bool is_written = false;      // its record is on its way
};

class AgentOrderBook {
 public:
  using Line = std::deque<PendingAgentOrder>;

  // Of one agent, oldest first: only the first may be written. Null if there are none.
  Line* Find(const AgentId& id) {
    auto it = lines_.find(id);
    return it == lines_.end() ? nullptr : &it->second;
  }
  void Add(PendingAgentOrder order) {
    ++size_;
    lines_[order.order.agent_id].push_back(std::move(order));
  }
  // REQUIRES: there is one.
  PendingAgentOrder TakeFirst(const AgentId& id) {
    auto it = lines_.find(id);
    PendingAgentOrder first = std::move(it->second.front());
    it->second.pop_front();
    if (it->second.empty()) lines_.erase(it);
    --size_;
    return first;
  }

  size_t size() const { return size_; }
  const absl::btree_map<AgentId, Line>& all() const { return lines_; }

 private:
  absl::btree_map<AgentId, Line> lines_;
  size_t size_ = 0;
};

}  // namespace meros::master

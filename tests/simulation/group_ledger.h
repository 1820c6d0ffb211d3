// What became of groups of tasks: a master orders all tasks of one at once, once, or none; either
// all are refused or none is. That each has one end, and when, is the other ledgers'.
//
// Thread rule: thread-compatible.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "meros/v1/task.pb.h"
#include "services/master/core/agent_messages.h"
#include "tests/simulation/ledger.h"

namespace meros::simulation {

class GroupLedger {
 public:
  explicit GroupLedger(Ledger* ledger) : ledger_(*ledger) {}

  // A framework launches them together; nothing if there are none. A greedy group asks for more
  // than was offered.
  void OnAsked(const std::string& framework, const std::vector<std::string>& tasks, bool is_greedy);
  // A master orders something of an agent.
  void OnToAgent(const master::ToAgent::Message& message);
  // A framework hears of a task.
  void OnDelivered(const std::string& framework, const v1::TaskStatus& status);

 private:
  using TaskKey = std::pair<std::string, std::string>;  // framework, task
  struct Group {
    std::set<std::string> tasks;
    bool is_greedy = false;
    bool is_ordered = false;
    bool is_refused = false;  // a task of it was
    bool has_run = false;     // a task of it has
  };

  Group* Find(const std::string& framework, const std::string& task);
  void OnOrdered(const master::RunGroupMessage& message);

  Ledger& ledger_;
  std::vector<Group> groups_;
  std::map<TaskKey, size_t> group_of_;  // index in groups_
};

}  // namespace meros::simulation

// Paces the agents that come back: each says first, in a digest, what it runs (libs/tasks), and all
// of it only when the master asks. One whose digest is that of the books is welcome at once. Of the
// others no more than max_agent_reports are asked at a time, in the order in which they came, so
// that a new leader holds the reports of that many agents and not of the whole cluster.
//
//   digest ──▶ differs ──▶ WAITING ──credit──▶ ASKED ──report──▶ (agent_sessions.cc)
//                             │                  │
//                             └── stream ends ───┴── or the time for it is over: the credit is free
//
// Thread rule: strand-confined.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "libs/base/ids.h"
#include "libs/tasks/holdings_digest.h"

namespace meros::master {

class Transaction;
struct Agent;

class ReportQueue {
 public:
  // A stream of this agent has a report for the master. REQUIRES: it has not been added.
  void Add(StreamId stream, const AgentId& agent);
  // As Add, of one that was asked before this queue knew of it.
  void AddAsked(StreamId stream, const AgentId& agent);
  // Who may be asked next, if fewer than `max_asked` are; counts as asked from now on.
  std::optional<StreamId> Next(size_t max_asked);
  // Its report has come, or never will. Whether it was waiting or asked.
  bool Remove(StreamId stream);

  // Whether some stream of this agent waits or is asked: the agent is alive.
  bool IsAwaited(const AgentId& agent) const { return streams_of_.contains(agent); }
  bool IsAwaiting(StreamId stream) const { return entries_.contains(stream); }
  bool IsAsked(StreamId stream) const;
  size_t waiting() const { return entries_.size() - asked_; }
  size_t asked() const { return asked_; }

 private:
  struct Entry {
    AgentId agent;
    bool is_asked = false;
  };

  absl::flat_hash_map<StreamId, Entry> entries_;     // lookup only
  absl::flat_hash_map<AgentId, size_t> streams_of_;  // lookup only
  std::deque<StreamId> line_;  // waiting; and some that left, or wait further up
  size_t asked_ = 0;
};

// What the books say that an agent runs. Cost: O(its tasks).
tasks::HoldingsDigest DigestOf(const Agent& agent);

// The agent of this stream is asked for its report, now or when others have given theirs.
void AwaitReport(Transaction* tx, StreamId stream, const AgentId& agent_id);
// The agent of this stream was asked before this master led, and has still to answer.
void AwaitAskedReport(Transaction* tx, StreamId stream, const AgentId& agent_id);
// The report has come, or the stream has ended: another may be asked. No effect for other streams.
void EndReport(Transaction* tx, StreamId stream);
// Time is over for an agent that was asked.
void OnReportTimer(Transaction* tx, StreamId stream);

}  // namespace meros::master

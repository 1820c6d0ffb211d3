#include "services/master/core/agent_health.h"

#include <algorithm>

#include "services/master/core/agent_sessions.h"

namespace meros::master {
namespace {

// So many may always be lost at once: shares of small clusters say nothing.
constexpr size_t kFewAgents = 10;

// For so many times agent_unreachable_timeout agents are asked to be silent at most.
constexpr int kMaxQuiet = 3;

// How often is looked at least whether few are late again.
constexpr absl::Duration kReviewInterval = absl::Seconds(1);

absl::Duration HeartbeatInterval(Transaction* tx) {
  return tx->options().AgentHeartbeatInterval(tx->books().agents.expected());
}

absl::Duration Patience(Transaction* tx) {
  return tx->options().agent_unreachable_timeout - HeartbeatInterval(tx);
}

bool IsMassLoss(Transaction* tx) {
  Books& books = tx->books();
  const size_t share = books.agents.expected() * tx->options().mass_loss_percent / 100;
  return books.late_agents.LostLately(tx->now()) > std::max(kFewAgents, share);
}

void ArmLate(Transaction* tx, absl::Time at) {
  LateAgents& late = tx->books().late_agents;
  if (at >= late.armed) return;
  late.armed = at;
  tx->books().timers.Arm(at, LateAgentsTimer{});
}

// Not before the other timers of this time: they may make others late.
void BecomeLate(Transaction* tx, Agent* agent, absl::Time due) {
  tx->books().late_agents.Add(agent, due);
  ArmLate(tx, std::max(due, tx->now()));
}

// Its loss becomes visible when the registry has it.
void MarkUnreachable(Transaction* tx, Agent* agent) {
  const AgentId& id = agent->record.id;
  tx->SetAgentState(agent, AgentState::kMarkingUnreachable);
  tx->Write(ObjectKey(id), UnreachableAgentRecord{FactsOf(*agent), tx->now()},
            UnreachableAfter{id, tx->now()});
}

// It lives, and has not told all it must before it is in session again.
void AwaitReturn(Transaction* tx, const Agent& agent) {
  tx->books().timers.Arm(tx->now() + tx->options().agent_unreachable_timeout,
                         RecoveredAgentTimer{agent.record.id});
}

// More agents come back to this new leader than it may ask at a time: it is behind, and what others
// say lies unread. Taking them for lost would make them come back, too.
bool CannotKeepUp(Transaction* tx) {
  const Books& books = tx->books();
  const bool is_behind =
      books.reports.waiting() > 0 || books.sessions_waiting > tx->options().max_agent_reports;
  return is_behind && tx->now() < books.led_since + tx->options().agent_reregister_timeout;
}

// How long the others will take to come back, if they go on as they did.
absl::Duration RestOfReturn(Transaction* tx) {
  const Books& books = tx->books();
  const size_t missing = books.agents.recovering();
  const size_t back = books.agents_to_recover - std::min(books.agents_to_recover, missing);
  return (tx->now() - books.led_since) * missing / std::max<size_t>(1, back);
}

void HoldDue(Transaction* tx) {
  while (Agent* agent = tx->books().late_agents.HoldNext(tx->now())) {
    tx->Add(Count::kUnreachableScheduled);
    if (!agent->is_active()) continue;
    tx->Close(agent->stream, absl::UnavailableError("the agent was silent for too long"));
    Disconnect(tx, agent);
  }
}

}  // namespace

void NoteSignOfLife(Transaction* tx, Agent* agent) {
  agent->last_seen = std::max(agent->last_seen, tx->now());
  if (!agent->is_late()) return;
  LateAgents& late = tx->books().late_agents;
  if (late.IsHeld(*agent)) tx->Add(Count::kUnreachableCanceled);
  late.Remove(agent);
  if (agent->record.state == AgentState::kRecovered) return AwaitReturn(tx, *agent);
  WatchSilence(tx, agent);
}

Heartbeats ExpectHeartbeats(Transaction* tx, Agent* agent) {
  const absl::Duration interval = HeartbeatInterval(tx);
  const absl::Duration timeout = tx->options().agent_unreachable_timeout;
  const absl::Duration first =
      CannotKeepUp(tx) ? std::clamp(RestOfReturn(tx), timeout, kMaxQuiet * timeout) : interval;
  agent->last_seen = tx->now() + first - interval;
  return {.first = first, .interval = interval};
}

void WatchSilence(Transaction* tx, Agent* agent) {
  const absl::Time at = agent->last_seen + Patience(tx);
  if (at >= agent->watched_at) return;
  agent->watched_at = at;
  tx->books().timers.Arm(at, AgentSilenceTimer{agent->record.id});
}

void EndAskedSilence(Transaction* tx, Agent* agent) {
  if (agent->last_seen <= tx->now()) return;
  agent->last_seen = tx->now();
  WatchSilence(tx, agent);
}

void OnAgentSilence(Transaction* tx, const AgentId& agent_id) {
  Agent* agent = tx->books().agents.Find(agent_id);
  if (agent == nullptr || tx->now() < agent->watched_at) return;
  agent->watched_at = absl::InfiniteFuture();
  if (!agent->is_active() && agent->record.state != AgentState::kDisconnected) return;
  if (agent->is_going) return;  // StayAfterAll watches again, should it not go
  // One that waits to be asked for its report says nothing, and lives.
  if (tx->books().reports.IsAwaited(agent_id) || CannotKeepUp(tx)) {
    agent->last_seen = std::max(agent->last_seen, tx->now());
  }
  if (tx->now() < agent->last_seen + Patience(tx)) return WatchSilence(tx, agent);
  BecomeLate(tx, agent, agent->last_seen + tx->options().agent_unreachable_timeout);
}

void OnRecoveredAgentTimeout(Transaction* tx, const AgentId& agent_id) {
  Agent* agent = tx->books().agents.Find(agent_id);
  if (agent == nullptr || agent->record.state != AgentState::kRecovered || agent->is_going) return;
  if (tx->books().reports.IsAwaited(agent_id)) return AwaitReturn(tx, *agent);
  BecomeLate(tx, agent, tx->now());
}

void OnLateAgentsTimer(Transaction* tx) {
  LateAgents& late = tx->books().late_agents;
  if (tx->now() < late.armed) return;  // another fired before; else each would arm one for ever
  late.armed = absl::InfiniteFuture();
  HoldDue(tx);
  while (Agent* agent = late.FirstHeld()) {
    const absl::Time turn = late.last_declared() + tx->options().mass_loss_interval;
    if (IsMassLoss(tx) && tx->now() < turn) {
      ArmLate(tx, std::min(turn, tx->now() + kReviewInterval));
      break;
    }
    late.Remove(agent);
    if (agent->is_going) continue;  // StayAfterAll watches again, should it not go
    late.NoteDeclared(tx->now());
    MarkUnreachable(tx, agent);
  }
  ArmLate(tx, late.NextDue());
}

}  // namespace meros::master

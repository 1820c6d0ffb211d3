#include "services/master/core/agent_sessions.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "services/master/core/agent_health.h"
#include "services/master/core/agent_orders.h"
#include "services/master/core/agent_reports.h"
#include "services/master/core/maintenance_changes.h"

namespace meros::master {
namespace {

AgentRecord RecordOf(const AgentId& id, AgentState state, const AgentDescription& description) {
  AgentRecord record;
  record.id = id;
  record.state = state;
  auto info = std::make_shared<v1::AgentInfo>(*description.info);
  info->mutable_id()->set_value(id.value());
  record.info = std::move(info);
  record.registration_key = description.registration_key;
  record.version = description.version;
  record.capabilities = description.capabilities;
  record.service_address = description.service_address;
  record.ip = description.ip;
  record.total = description.total;
  return record;
}

// A master that was deposed without knowing it yet must not take agents over.
bool IsBehind(Transaction* tx, StreamId stream, const AgentDescription& agent) {
  if (agent.epoch_seen <= tx->epoch()) return false;
  tx->Close(stream, absl::FailedPreconditionError(
                        absl::StrCat("the agent has seen epoch ", agent.epoch_seen,
                                     ", this master's is ", tx->epoch())));
  return true;
}

// A master without a region could not tell which agents are remote, and would offer those of all
// regions to frameworks that know nothing of regions.
bool HasUnusableDomain(Transaction* tx, StreamId stream, const AgentDescription& agent) {
  if (!agent.info->domain().has_fault_domain()) {
    if (!tx->options().require_agent_domain) return false;
    tx->Close(stream, absl::InvalidArgumentError("the agent has no domain, and this master takes "
                                                 "none without (--require_agent_domain)"));
    return true;
  }
  if (!tx->options().domain.region.empty()) return false;
  const auto& domain = agent.info->domain().fault_domain();
  tx->Close(stream,
            absl::InvalidArgumentError(absl::StrCat(
                "the agent is in domain ", domain.region().name(), "/", domain.zone().name(),
                ", and this master has none: start it with --domain")));
  return true;
}

// A session is one agent's.
bool IsSessionOfAnother(Transaction* tx, StreamId stream, const AgentDescription& agent) {
  const Agent* holder = tx->books().agents.FindByStream(stream);
  if (holder == nullptr || holder->record.registration_key == agent.registration_key) return false;
  tx->Add(Count::kAgentIdDisputed);
  tx->Close(stream, absl::FailedPreconditionError(
                        absl::StrCat("the session is agent ", holder->record.id.value(), "'s")));
  return true;
}

// An id is its holder's alone, who shows that by the key that it registered with. A record of the
// registry may be without one.
bool IsIdOfAnother(Transaction* tx, const AgentReregister& message) {
  const Agent* known = tx->books().agents.Find(message.agent_id);
  if (known == nullptr || known->record.registration_key.empty()) return false;
  if (known->record.registration_key == message.agent.registration_key) return false;
  tx->Add(Count::kAgentIdDisputed);
  tx->Close(message.stream,
            absl::PermissionDeniedError(absl::StrCat("agent id ", message.agent_id.value(),
                                                     " was given to another registration_key")));
  return true;
}

// Each framework that only the agent knows becomes a record.
bool HasTooManyFrameworks(Transaction* tx, const AgentReregister& message) {
  const FrameworkBook& book = tx->books().frameworks;
  size_t unknown = 0;
  for (const ReportedFramework& reported : message.frameworks) {
    if (book.Find(reported.id) == nullptr && !book.IsRemoved(reported.id)) ++unknown;
  }
  if (unknown == 0 || book.size() + unknown <= tx->options().max_frameworks) return false;
  tx->Add(Count::kAgentFrameworksDisputed);
  tx->Close(message.stream,
            absl::ResourceExhaustedError(absl::StrCat(
                "the agent reports ", unknown, " frameworks that are not known, the master has ",
                book.size(), " of at most ", tx->options().max_frameworks)));
  return true;
}

void WriteReachable(Transaction* tx, Agent* agent, AgentReregister message) {
  tx->books().agents.SetStream(agent, message.stream);
  tx->SetAgentState(agent, AgentState::kReadmitting);
  agent->record.info = message.agent.info;
  agent->record.ip = message.agent.ip;
  agent->record.version = message.agent.version;
  agent->record.capabilities = message.agent.capabilities;
  tx->RefreshMaintenance(agent);
  tx->books().agents.SetKey(agent, message.agent.registration_key);
  tx->Write(ObjectKey(agent->record.id), ReachableAgentRecord{FactsOf(*agent)},
            ReachableAfter{agent->record.id});
  agent->waiting = std::make_shared<AgentReregister>(std::move(message));
}

void ReplaceSession(Transaction* tx, Agent* agent, StreamId stream) {
  if (agent->stream != 0 && agent->stream != stream) {
    tx->Close(agent->stream, absl::AbortedError("the agent opened another session"));
  }
  tx->books().agents.SetStream(agent, stream);
}

// Waits for the write that is under way.
void Hold(Transaction* tx, Agent* agent, AgentReregister message) {
  ReplaceSession(tx, agent, message.stream);
  agent->waiting = std::make_shared<AgentReregister>(std::move(message));
}

// The record of an agent that stays in the registry as it is, if what it says of itself changed.
void WriteIfChanged(Transaction* tx, const Agent& agent, const AgentDescription& description) {
  if (description.info->SerializeAsString() == agent.record.info->SerializeAsString() &&
      description.ip == agent.record.ip && description.version == agent.record.version &&
      description.capabilities == agent.record.capabilities) {
    return;
  }
  AgentFacts facts = FactsOf(agent);
  facts.info = description.info;
  facts.ip = description.ip;
  facts.version = description.version;
  facts.capabilities = description.capabilities;
  tx->Write(ObjectKey(agent.record.id), UpdateAgentRecord{std::move(facts)}, NothingAfter{});
}

void ReturnOfKnown(Transaction* tx, Agent* agent, AgentReregister message) {
  if (agent->is_going) return Hold(tx, agent, std::move(message));
  switch (agent->record.state) {
    case AgentState::kRegistered:
    case AgentState::kDisconnected:
    case AgentState::kRecovered:
      WriteIfChanged(tx, *agent, message.agent);
      ReplaceSession(tx, agent, message.stream);
      return TakeIntoSession(tx, agent, std::move(message), Announce::kNothing);
    case AgentState::kUnreachable:
      return WriteReachable(tx, agent, std::move(message));
    case AgentState::kAdmitting:
    case AgentState::kMarkingUnreachable:
    case AgentState::kReadmitting:
      return Hold(tx, agent, std::move(message));
    case AgentState::kRemoving:
    case AgentState::kGone:
      tx->Send(message.stream, ShutdownMessage{"the agent was removed from the cluster"});
      return tx->Close(message.stream, absl::FailedPreconditionError("the agent was removed"));
  }
}

// Takes back the newest offers that hold something of what is not there any more; the others stay.
void EndOffersBeyond(Transaction* tx, Agent* agent, const resources::Resources& total) {
  const std::vector<uint64_t> offers(agent->offers.rbegin(), agent->offers.rend());
  for (uint64_t sequence : offers) {
    const resources::Resources excess = agent->record.used + agent->record.offered - total;
    if (excess.empty()) return;
    const Offer& offer = *tx->books().offers.Find(sequence);
    if (excess - offer.resources == excess) continue;
    tx->EndOffer(offer, Rescind::kTellFramework, absl::ZeroDuration());
  }
}

std::optional<DrainMessage> DrainOf(const Agent& agent) {
  const AgentOrders& orders = agent.record.orders;
  if (orders.drain != AgentOrders::Drain::kDraining) return std::nullopt;
  return DrainMessage{orders.max_grace, orders.mark_gone};
}

void ReturnOfUnknown(Transaction* tx, AgentReregister message) {
  // Unknown to the registry: it is admitted under the id it has, as one that was unreachable.
  Agent* agent = tx->AddAgent(RecordOf(message.agent_id, AgentState::kUnreachable, message.agent));
  WriteReachable(tx, agent, std::move(message));
}

// An agent that returned with an id of its own may have taken one that was to come.
AgentId MintId(Transaction* tx) {
  Books& books = tx->books();
  AgentId id;
  do {
    id = AgentId(absl::StrCat(tx->options().master_id, "-S", books.next_agent_number++));
  } while (books.agents.Find(id) != nullptr);
  return id;
}

// Whether the books say of the agent what it says itself. Nothing is known of one without books.
bool IsKnownToRun(const Agent* agent, const tasks::HoldingsDigest& digest) {
  if (agent == nullptr) return digest == tasks::HoldingsDigest();
  return agent->executors.empty() && digest == DigestOf(*agent);
}

}  // namespace

std::string ObjectKey(const AgentId& id) { return absl::StrCat("agent/", id.value()); }

AgentFacts FactsOf(const Agent& agent) {
  const AgentRecord& record = agent.record;
  return {record.id,     record.registration_key, record.info,        record.ip,
          agent.planned, record.version,          record.capabilities};
}

void WelcomeAgent(Transaction* tx, Agent* agent, bool reregistered) {
  NoteSignOfLife(tx, agent);
  tx->CountAgentChange(reregistered ? AgentChange::kReturned : AgentChange::kAdmitted);
  (reregistered ? agent->record.reregistered : agent->record.registered) = tx->now();
  const Heartbeats beats = ExpectHeartbeats(tx, agent);
  tx->Send(agent->stream,
           RegisteredMessage{.agent_id = agent->record.id,
                             .epoch = tx->epoch(),
                             .heartbeat_interval = beats.interval,
                             .first_heartbeat = beats.first,
                             .unreachable_after = tx->options().agent_unreachable_timeout,
                             .reregistered = reregistered,
                             .drain = DrainOf(*agent)});
  WatchSilence(tx, agent);
}

void DropSession(Transaction* tx, Agent* agent, const absl::Status& status) {
  agent->waiting = nullptr;
  if (agent->stream == 0) return;
  tx->Close(agent->stream, status);
  tx->books().agents.SetStream(agent, 0);
}

void Disconnect(Transaction* tx, Agent* agent) {
  tx->EndOffersOf(agent);
  tx->SetAgentState(agent, AgentState::kDisconnected);
  tx->books().agents.SetStream(agent, 0);
  EndAskedSilence(tx, agent);
}

// ---- Admission ----

void HandleAgentRegister(Transaction* tx, AgentRegister message) {
  if (IsBehind(tx, message.stream, message.agent)) return;
  if (IsSessionOfAnother(tx, message.stream, message.agent)) return;
  if (HasUnusableDomain(tx, message.stream, message.agent)) return;
  if (RefuseIfDown(tx, message.stream, message.agent)) return;
  if (Agent* known = tx->books().agents.FindByKey(message.agent.registration_key)) {
    // The answer to an earlier Register was lost, or the agent lost it.
    AgentReregister again;
    again.stream = message.stream;
    again.agent_id = known->record.id;
    auto info = std::make_shared<v1::AgentInfo>(*message.agent.info);
    info->mutable_id()->set_value(known->record.id.value());
    message.agent.info = std::move(info);
    again.agent = std::move(message.agent);
    return ReturnOfKnown(tx, known, std::move(again));
  }
  const AgentId id = MintId(tx);
  Agent* agent = tx->AddAgent(RecordOf(id, AgentState::kAdmitting, message.agent));
  agent->resource_version_uuid = message.agent.resource_version_uuid;
  tx->books().agents.SetStream(agent, message.stream);
  tx->Write(ObjectKey(id), AdmitAgentRecord{FactsOf(*agent)}, AdmitAfter{id});
}

void AfterAdmitted(Transaction* tx, const AdmitAfter& after, const AgentId& existing) {
  Agent* agent = tx->books().agents.Find(after.agent_id);
  MEROS_CHECK(agent != nullptr && agent->record.state == AgentState::kAdmitting) << after.agent_id;
  if (!existing.empty() && existing != after.agent_id) {
    // The registry knew the key under another id, of which this master has not heard: let the agent
    // try again when it has.
    DropSession(tx, agent, absl::UnavailableError("the agent is known under another id"));
    return tx->EraseAgent(agent);
  }
  if (agent->stream == 0) {
    agent->last_seen = tx->now();
    tx->SetAgentState(agent, AgentState::kDisconnected);
    return WatchSilence(tx, agent);
  }
  agent->waiting = nullptr;
  agent->is_history_known = true;  // nothing has ended there before
  WelcomeAgent(tx, agent, /*reregistered=*/false);
  tx->SetAgentState(agent, AgentState::kRegistered);
  SendAwayIfDown(tx, agent);
}

// ---- Return ----

void HandleAgentReregister(Transaction* tx, AgentReregister message) {
  if (IsBehind(tx, message.stream, message.agent) ||
      IsSessionOfAnother(tx, message.stream, message.agent) || IsIdOfAnother(tx, message) ||
      HasTooManyFrameworks(tx, message) || HasUnusableDomain(tx, message.stream, message.agent)) {
    return EndReport(tx, message.stream);
  }
  if (RefuseIfDown(tx, message.stream, message.agent)) {
    EndReport(tx, message.stream);
    return OnRecoveredAgentTimeout(tx, message.agent_id);  // not to be awaited
  }
  Agent* agent = tx->books().agents.Find(message.agent_id);
  if (message.digest.has_value()) {
    if (!IsKnownToRun(agent, *message.digest)) {
      if (agent != nullptr) NoteSignOfLife(tx, agent);
      return AwaitReport(tx, message.stream, message.agent_id);
    }
    tx->Add(Count::kAgentDigestsMatched);
  }
  const StreamId stream = message.stream;
  if (agent != nullptr) {
    ReturnOfKnown(tx, agent, std::move(message));
  } else {
    ReturnOfUnknown(tx, std::move(message));
  }
  EndReport(tx, stream);
}

void AfterReachable(Transaction* tx, const ReachableAfter& after) {
  Agent* agent = tx->books().agents.Find(after.agent_id);
  MEROS_CHECK(agent != nullptr && agent->record.state == AgentState::kReadmitting)
      << after.agent_id;
  std::shared_ptr<AgentReregister> message = std::exchange(agent->waiting, nullptr);
  if (message == nullptr) {
    tx->SetAgentState(agent, AgentState::kUnreachable);
  } else {
    agent->record.unreachable_since = absl::InfinitePast();
    TakeIntoSession(tx, agent, std::move(*message), Announce::kTasks);
  }
  ContinueAgentOrders(tx, after.agent_id);
}

void HandleAgentStreamClosed(Transaction* tx, Agent* agent) {
  agent->waiting = nullptr;
  if (agent->is_active()) return Disconnect(tx, agent);
  tx->books().agents.SetStream(agent, 0);
}

// ---- Removal ----

void HandleAgentUnregister(Transaction* tx, Agent* agent, const AgentUnregister& message) {
  if (!agent->is_active() || agent->is_going) return;
  tx->EndOffersOf(agent);
  tx->SetAgentState(agent, AgentState::kRemoving);
  tx->Write(ObjectKey(agent->record.id), RemoveAgentRecord{agent->record.id},
            RemoveAgentAfter{agent->record.id, message.reason});
}

void HandleAgentTotalChanged(Transaction* tx, Agent* agent, AgentTotalChanged message) {
  if (!agent->is_active()) return;
  agent->resource_version_uuid = std::move(message.resource_version_uuid);
  if (message.total == agent->record.total) return;
  tx->ReleaseTasksBeyond(agent, message.total);
  if (!message.total.Contains(WithSingleShares(agent->record.used))) {
    tx->Add(Count::kAgentTotalDisputed);
    tx->Close(agent->stream, absl::InvalidArgumentError(absl::StrCat(
                                 "the new resources ", message.total.DebugString(),
                                 " do not hold what is used: ", agent->record.used.DebugString())));
    return Disconnect(tx, agent);
  }
  EndOffersBeyond(tx, agent, message.total);
  tx->SetAgentTotal(agent, std::move(message.total));
}

void OnAgentWriteRefused(Transaction* tx, const AfterWrite& after, const absl::Status& status) {
  if (const auto* admit = std::get_if<AdmitAfter>(&after)) {
    Agent* agent = tx->books().agents.Find(admit->agent_id);
    DropSession(tx, agent, status);
    tx->EraseAgent(agent);
  } else if (const auto* reachable = std::get_if<ReachableAfter>(&after)) {
    Agent* agent = tx->books().agents.Find(reachable->agent_id);
    DropSession(tx, agent, status);
    tx->SetAgentState(agent, AgentState::kUnreachable);
    ContinueAgentOrders(tx, reachable->agent_id);
  } else if (const auto* unreachable = std::get_if<UnreachableAfter>(&after)) {
    // The registry does not take the record, now or ever: there is nothing to wait for, and the
    // agent is lost all the same.
    AfterUnreachable(tx, *unreachable);
  } else if (const auto* removed = std::get_if<RemoveAgentAfter>(&after)) {
    AfterAgentRemoved(tx, *removed);
  }
}

}  // namespace meros::master

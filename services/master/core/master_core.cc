#include "services/master/core/master_core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/leader_hint.h"
#include "services/master/core/agent_health.h"
#include "services/master/core/agent_histories.h"
#include "services/master/core/agent_orders.h"
#include "services/master/core/dispatch.h"
#include "services/master/core/framework_removal.h"
#include "services/master/core/maintenance_changes.h"
#include "services/master/core/recovery.h"
#include "services/master/core/role_changes.h"

namespace meros::master {
namespace {

// Of those that waited for a leader so many are handled by the new one in a tick, of which a batch
// of inputs has one, so that the renewal of its lease need not wait for tens of thousands of
// agents.
constexpr size_t kAwaitingPerStep = 64;
constexpr size_t kAwaitingTasksPerStep = 1000;

// Inputs that say that a stream has ended need no refusal.
bool IsClosing(const Input& input) {
  return std::holds_alternative<SchedulerStreamClosed>(input) ||
         std::holds_alternative<AgentStreamClosed>(input) ||
         std::holds_alternative<AllocatorClosed>(input);
}

}  // namespace

MasterCore::MasterCore(MasterOptions options, uint64_t seed)
    : state_(std::make_unique<State>(std::move(options), seed)) {}

Transaction MasterCore::Begin(absl::Time now, EffectList* out) {
  return Transaction(state_->options, state_->leadership.epoch(), state_->books.get(), &state_->rng,
                     &state_->revision, now, out);
}

void MasterCore::Step(absl::Time now, Input&& input, EffectList* out) {
  const LeadershipState before = state_->leadership.state();
  const bool is_tick = std::holds_alternative<runtime::Tick>(input);
  Obey(now, state_->leadership.OnTime(now, out), out);
  if (IsClosing(input)) state_->awaiting_leader.Forget(StreamOf(input));
  if (std::holds_alternative<LeaseAnswer>(input)) {
    On(now, std::get<LeaseAnswer>(std::move(input)), out);
  } else if (std::holds_alternative<RegistrySnapshot>(input)) {
    On(now, std::get<RegistrySnapshot>(std::move(input)), out);
  } else if (std::holds_alternative<Stop>(input)) {
    OnStop(now, out);
  } else if (state_->leadership.may_act()) {
    Dispatch(now, std::move(input), out);
  } else if (state_->leadership.state() == LeadershipState::kFenced) {
    Defer(std::move(input), out);
  } else {
    GiveUp(now, std::move(input), out);
  }
  AnswerAwaiting(now, out);
  const bool begins = before == LeadershipState::kRecovering;
  if ((is_tick || begins) && state_->leadership.may_act()) HandleAwaiting(now, out);
  if (state_->leadership.may_act()) FireTimers(now, out);
  const bool recovering_changed =
      state_->leadership.may_act() &&
      state_->published_recovering != state_->books->agents.recovering();
  const bool held_back_changed = state_->leadership.may_act() &&
                                 state_->published_held_back != state_->books->late_agents.held();
  if (before != state_->leadership.state() || recovering_changed || held_back_changed) {
    PublishLeadership(now, out);
  }
  if (recovering_changed && state_->books->agents.recovering() == 0) {
    Begin(now, out).TellAllocator(RecoveryDelta{0});  // quotas need wait for nobody any more
  }
}

absl::Time MasterCore::NextDeadline() const {
  absl::Time next = std::min(state_->leadership.NextDeadline(), AwaitingDeadline());
  if (state_->leadership.may_act()) next = std::min(next, state_->books->timers.Next());
  return next;
}

absl::Time MasterCore::AwaitingDeadline() const {
  const AwaitingLeader& awaiting = state_->awaiting_leader;
  switch (state_->leadership.state()) {
    case LeadershipState::kLeading:
      return awaiting.empty() && state_->books->sessions_waiting == 0 ? absl::InfiniteFuture()
                                                                      : absl::InfinitePast();
    case LeadershipState::kRecovering:
    case LeadershipState::kFenced:
      return absl::InfiniteFuture();
    default:
      return awaiting.NextDeadline();
  }
}

// ---- Leadership ----

void MasterCore::Obey(absl::Time now, Leadership::Verdict verdict, EffectList* out) {
  switch (verdict) {
    case Leadership::Verdict::kNone:
    case Leadership::Verdict::kFence:
      return;
    case Leadership::Verdict::kRecover:
      out->push_back(ReadRegistry{state_->leadership.epoch()});
      return;
    case Leadership::Verdict::kResume:
      return Resume(now, out);
    case Leadership::Verdict::kStepDown:
      return StepDown(now, NotLeading(), out);
  }
}

absl::Status MasterCore::CheckRegion(const LeaseAnswer& answer) const {
  const std::string& ours = state_->options.domain.region;
  if (answer.kind != LeaseAnswer::Kind::kHeldByOther || ours.empty() ||
      answer.leader_region.empty() || answer.leader_region == ours) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the leader ", answer.leader_address, " is in region ", answer.leader_region,
      ", this master in ", ours, " (--domain): masters of one cluster must share a region"));
}

void MasterCore::On(absl::Time now, LeaseAnswer answer, EffectList* out) {
  if (absl::Status region = CheckRegion(answer); !region.ok()) {
    OnStop(now, out);
    out->push_back(Quit{std::move(region)});
    return;
  }
  // A leadership of our own that ended without a release: its lease has yet to end, and whoever
  // followed its address came back to us.
  if (answer.leader_address == state_->options.advertise_address) answer.leader_address.clear();
  Obey(now, state_->leadership.OnAnswer(now, answer), out);
}

void MasterCore::On(absl::Time now, RegistrySnapshot snapshot, EffectList* out) {
  Leadership& leadership = state_->leadership;
  if (leadership.state() != LeadershipState::kRecovering || snapshot.epoch != leadership.epoch()) {
    return;
  }
  if (!snapshot.status.ok()) {
    if (absl::IsFailedPrecondition(snapshot.status) || absl::IsAborted(snapshot.status)) {
      return Obey(now, leadership.Lost(now), out);
    }
    if (absl::IsUnimplemented(snapshot.status)) {
      // Another master may understand it. This one would lead by a part of the books.
      OnStop(now, out);
      out->push_back(Quit{std::move(snapshot.status)});
      return;
    }
    return leadership.RecoverLater(now, snapshot.status);
  }
  leadership.Lead();
  state_->books->led_since = now;
  Transaction tx = Begin(now, out);
  RecoverBooks(&tx, std::move(snapshot));
}

void MasterCore::OnStop(absl::Time now, EffectList* out) {
  if (state_->leadership.state() == LeadershipState::kStopping) return;
  StepDown(now, absl::UnavailableError("the master stops"), out);
  state_->leadership.Stop(out);
}

void MasterCore::StepDown(absl::Time now, absl::Status why, EffectList* out) {
  Transaction tx = Begin(now, out);
  const Books& books = *state_->books;
  for (const auto& [sequence, framework] : books.frameworks.all()) {
    if (framework->stream != 0) tx.Close(framework->stream, why);
  }
  for (const auto& [sequence, agent] : books.agents.all()) {
    if (agent->stream != 0) tx.Close(agent->stream, why);
  }
  if (books.allocator_stream != 0) tx.Close(books.allocator_stream, why);
  AbandonRoleChanges(&tx);
  AbandonAgentOrders(&tx);
  AbandonMaintenance(&tx);
  AbandonRemovals(&tx);
  for (Input& input : std::exchange(state_->deferred, {})) GiveUp(now, std::move(input), out);
  auto empty = std::make_unique<Books>(state_->options.max_request_ids);
  // Ids that this process minted stay unique when it leads again.
  empty->next_framework_number = books.next_framework_number;
  empty->next_agent_number = books.next_agent_number;
  empty->whitelist = books.whitelist;  // what the operator says stays
  state_->books = std::move(empty);
  tx.PublishCleared();
}

void MasterCore::Resume(absl::Time now, EffectList* out) {
  // Nobody could be heard meanwhile: silence counts from now.
  Transaction tx = Begin(now, out);
  for (const auto& [sequence, agent] : state_->books->agents.all()) {
    if (agent->stream != 0) NoteSignOfLife(&tx, agent.get());
  }
  std::deque<Input> deferred = std::exchange(state_->deferred, {});
  for (Input& input : deferred) {
    if (state_->leadership.may_act()) {
      Dispatch(now, std::move(input), out);
    } else {
      GiveUp(now, std::move(input), out);
    }
  }
}

void MasterCore::PublishLeadership(absl::Time now, EffectList* out) {
  const Leadership& leadership = state_->leadership;
  LeadershipRecord record;
  record.state = leadership.state();
  record.epoch = leadership.epoch();
  const bool ours = leadership.state() == LeadershipState::kLeading ||
                    leadership.state() == LeadershipState::kFenced ||
                    leadership.state() == LeadershipState::kRecovering;
  record.leader_address = ours ? state_->options.advertise_address : leadership.leader_address();
  record.led_since = state_->books->led_since;
  record.agents_recovering = state_->books->agents.recovering();
  record.agents_to_recover = state_->books->agents_to_recover;
  record.agents_held_back = state_->books->late_agents.held();
  state_->published_recovering = record.agents_recovering;
  state_->published_held_back = record.agents_held_back;
  Begin(now, out).PublishLeadership(std::move(record));
}

// ---- Inputs ----

void MasterCore::Dispatch(absl::Time now, Input&& input, EffectList* out) {
  // Whatever its stream said before: this is newer.
  if (std::holds_alternative<AgentReregister>(input)) {
    state_->awaiting_leader.Forget(StreamOf(input));
  }
  Transaction tx = Begin(now, out);
  if (const auto* written = std::get_if<RegistryWritten>(&input)) {
    if (!HandleWritten(&tx, *written).ok()) Obey(now, state_->leadership.Lost(now), out);
    return;
  }
  HandleInput(&tx, std::move(input));
}

void MasterCore::Defer(Input&& input, EffectList* out) {
  if (std::holds_alternative<runtime::Tick>(input)) return;
  // What bounds itself (from our own neighbours and files, ends of streams) is always kept.
  const bool must_keep = IsClosing(input) || std::holds_alternative<RegistryWritten>(input) ||
                         std::holds_alternative<SetWhitelist>(input);
  if (!must_keep && state_->deferred.size() >= state_->options.max_deferred_inputs) {
    out->push_back(Counted{Count::kDeferredOverflow});
    const absl::Status status =
        absl::UnavailableError("the master's lease is in doubt and too many calls wait for it");
    if (StreamOf(input) != 0) out->push_back(CloseStream{StreamOf(input), status});
    if (CallOf(input) != 0) out->push_back(Reply{CallOf(input), status});
    return;
  }
  out->push_back(Counted{Count::kDeferredInputs});
  state_->deferred.push_back(std::move(input));
}

absl::Status MasterCore::NotLeading() const {
  const Leadership& leadership = state_->leadership;
  if (leadership.state() == LeadershipState::kRecovering) {
    return absl::UnavailableError("the master is recovering, try again");
  }
  if (leadership.state() == LeadershipState::kStopping) {
    return absl::UnavailableError("the master stops");
  }
  return NotLeadingError(leadership.leader_address());
}

void MasterCore::Refuse(const Input& input, EffectList* out) const {
  if (IsClosing(input)) return;
  if (StreamOf(input) != 0) out->push_back(CloseStream{StreamOf(input), NotLeading()});
  if (CallOf(input) != 0) out->push_back(Reply{CallOf(input), NotLeading()});
}

void MasterCore::GiveUp(absl::Time now, Input&& input, EffectList* out) {
  if (auto* whitelist = std::get_if<SetWhitelist>(&input)) {
    state_->books->whitelist = std::move(whitelist->hostnames);
    return;
  }
  const Leadership& leadership = state_->leadership;
  if (leadership.state() != LeadershipState::kStopping) {
    if (state_->awaiting_leader.KeepReport(&input)) {
      out->push_back(Counted{Count::kEarlyReports});
      return;
    }
    if (state_->awaiting_leader.Keep(now, leadership.leader_address(), &input)) {
      out->push_back(Counted{Count::kLeaderWaits});
      return;
    }
  }
  Refuse(input, out);
}

void MasterCore::AnswerAwaiting(absl::Time now, EffectList* out) {
  AwaitingLeader& awaiting = state_->awaiting_leader;
  if (awaiting.empty()) return;
  const Leadership& leadership = state_->leadership;
  const auto refuse = [&](std::vector<AwaitingLeader::Waiting> taken) {
    for (const AwaitingLeader::Waiting& waiting : taken) Refuse(waiting.input, out);
  };
  switch (leadership.state()) {
    case LeadershipState::kFenced:
    case LeadershipState::kLeading:
      return;
    case LeadershipState::kStopping:
      return refuse(awaiting.TakeAll());
    case LeadershipState::kRecovering:
      break;  // about to lead: nobody is sent away
    default:
      const std::string& leader = leadership.leader_address();
      if (std::exchange(state_->awaited_besides, leader) != leader && !leader.empty()) {
        refuse(awaiting.TakeOthersThan(leader));
      }
      refuse(awaiting.TakeDue(now));
  }
  while (const std::optional<StreamId> agent = awaiting.NextToAsk()) {
    out->push_back(ToAgent{*agent, SendReportMessage{}});
  }
}

bool MasterCore::IsOvertaken(const AgentReregister& message) const {
  const Agent* agent = state_->books->agents.Find(message.agent_id);
  return agent != nullptr && agent->stream > message.stream;
}

void MasterCore::HandleAwaiting(absl::Time now, EffectList* out) {
  AwaitingLeader& awaiting = state_->awaiting_leader;
  if (awaiting.empty() && state_->books->sessions_waiting == 0) return;
  std::vector<AwaitingLeader::Waiting> taken =
      awaiting.Take(kAwaitingPerStep, kAwaitingTasksPerStep);
  state_->books->sessions_waiting = awaiting.size();
  for (AwaitingLeader::Waiting& waiting : taken) {
    const auto* agent = std::get_if<AgentReregister>(&waiting.input);
    Transaction tx = Begin(now, out);
    if (agent != nullptr && IsOvertaken(*agent)) {
      tx.Close(agent->stream, absl::AbortedError("the agent opened another session"));
    } else if (waiting.is_asked) {
      AwaitAskedReport(&tx, agent->stream, agent->agent_id);
    } else {
      HandleInput(&tx, std::move(waiting.input));
    }
  }
  if (!awaiting.empty()) return;
  Transaction tx = Begin(now, out);
  AskForHistories(&tx);
}

void MasterCore::FireTimers(absl::Time now, EffectList* out) {
  Transaction tx = Begin(now, out);
  // Timers that handlers arm for now or earlier fire in the next step, so that this ends.
  size_t left = state_->books->timers.size();
  while (left-- > 0 && state_->books->timers.Next() <= now) {
    HandleTimer(&tx, state_->books->timers.Pop());
  }
}

}  // namespace meros::master

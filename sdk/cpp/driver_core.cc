#include "sdk/cpp/driver_core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/retry_hint.h"
#include "libs/tasks/task_state.h"

namespace meros::sdk {
namespace {

using meros::v1::TaskState;
using meros::v1::scheduler::Call;
using meros::v1::scheduler::Event;

// Missed heartbeats that count as a lost master (v1 API clients use the same number).
constexpr int kHeartbeatsMissedMax = 5;

// Masters take messages of a few MiB; ids have up to 255 bytes.
constexpr int kTasksPerReconcileMax = 1000;

// However long a master asks to be left alone.
constexpr absl::Duration kRetryAfterMax = absl::Minutes(1);

// Statuses after which connecting again would only fail again.
bool IsFatal(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsPermissionDenied(status) ||
         absl::IsUnauthenticated(status) || absl::IsAborted(status);
}

// What the master tells the last stream of a framework, and everyone who subscribes as it later.
constexpr absl::string_view kRemoved = "Framework has been removed";

// What a master takes for lost returns when its agent does; what an agent says is lost, in an
// update that it wants acknowledged, never does.
bool MayReturn(const meros::v1::TaskStatus& status) {
  return status.state() == TaskState::TASK_LOST && status.uuid().empty();
}

// A master that does not reach the task answers a kill with where it is, as if it had been asked. A
// kill of that would be answered alike, at once and without end.
bool IsFoundRunning(const meros::v1::TaskStatus& status) {
  using Status = meros::v1::TaskStatus;
  if (status.reason() != Status::REASON_RECONCILIATION &&
      status.reason() != Status::REASON_AGENT_REREGISTERED) {
    return false;
  }
  return !tasks::IsTerminal(status.state()) && status.state() != TaskState::TASK_UNREACHABLE &&
         status.state() != TaskState::TASK_UNKNOWN;
}

}  // namespace

DriverCore::DriverCore(DriverCoreOptions options)
    : options_(std::move(options)),
      framework_(options_.framework),
      rng_(options_.seed),
      search_(options_.masters, options_.reconnect),
      reconcile_backoff_(options_.reconcile) {}

void DriverCore::Step(absl::Time now, Input input, std::vector<Effect>* out) {
  if (state_ == DriverState::kEnded) return;
  std::visit([&](auto& in) { On(now, in, out); }, input);
}

absl::Time DriverCore::NextDeadline() const {
  return std::min({state_deadline_, reconcile_deadline_, leave_deadline_});
}

void DriverCore::On(absl::Time now, const Start&, std::vector<Effect>* out) {
  if (state_ != DriverState::kIdle) return;
  if (options_.masters.empty()) return End(absl::InvalidArgumentError("no master given"), out);
  OpenStream(now, out);
}

void DriverCore::On(absl::Time now, const Stop& stop, std::vector<Effect>* out) {
  if (state_ == DriverState::kIdle || stop.tasks == Stop::Tasks::kKeep) {
    return End(absl::OkStatus(), out);
  }
  if (is_leaving()) return;
  leave_deadline_ = now + options_.teardown_timeout;
  reconcile_deadline_ = absl::InfiniteFuture();
  if (state_ == DriverState::kSubscribed) SendTeardown(out);
}

void DriverCore::On(absl::Time now, const runtime::Tick&, std::vector<Effect>* out) {
  if (now >= leave_deadline_) {
    return End(absl::DeadlineExceededError("no master confirmed that the framework is removed; it "
                                           "may be there until its failover_timeout has passed"),
               out);
  }
  if (now >= state_deadline_) {
    if (state_ == DriverState::kBackingOff) {
      OpenStream(now, out);
    } else {
      out->push_back(Close{stream_, Close::How::kAtOnce});
      BackOff(now, absl::DeadlineExceededError("the master is silent"), out);
    }
  }
  if (now >= reconcile_deadline_ && state_ == DriverState::kSubscribed) Reconcile(now, out);
}

void DriverCore::On(absl::Time now, Closed& closed, std::vector<Effect>* out) {
  if (closed.stream != stream_ || state_ == DriverState::kBackingOff) return;
  if (is_leaving() && closed.status.message() == kRemoved) return End(absl::OkStatus(), out);
  if (IsFatal(closed.status)) return End(closed.status, out);
  BackOff(now, closed.status, out);
}

void DriverCore::OpenStream(absl::Time now, std::vector<Effect>* out) {
  state_ = DriverState::kConnecting;
  state_deadline_ = now + options_.connect_timeout;
  out->push_back(Open{++stream_, search_.Dial(now)});
  Call call;
  call.set_type(Call::SUBSCRIBE);
  if (framework_.has_id()) *call.mutable_framework_id() = framework_.id();
  *call.mutable_subscribe()->mutable_framework_info() = framework_;
  for (const std::string& role : suppressed_roles_)
    call.mutable_subscribe()->add_suppressed_roles(role);
  if (!search_.lost_master().empty()) {
    call.mutable_subscribe()->set_lost_master(search_.lost_master());
  }
  out->push_back(Send{stream_, std::move(call)});
}

void DriverCore::BackOff(absl::Time now, const absl::Status& reason, std::vector<Effect>* out) {
  if (state_ == DriverState::kSubscribed && !is_leaving()) out->push_back(Disconnected{reason});
  state_ = DriverState::kBackingOff;
  search_.Failed(now, reason);
  // A master that was sent too much says when it takes more; the delay on top of that is drawn, so
  // that not all come back at once.
  const absl::Duration asked = RetryAfter(reason).value_or(absl::ZeroDuration());
  const absl::Duration delay = std::min(asked, kRetryAfterMax) + search_.Delay(&rng_);
  reconcile_deadline_ = absl::InfiniteFuture();
  if (delay == absl::ZeroDuration()) return OpenStream(now, out);
  state_deadline_ = now + delay;
}

void DriverCore::End(absl::Status status, std::vector<Effect>* out) {
  if (state_ != DriverState::kIdle && state_ != DriverState::kBackingOff) {
    out->push_back(Close{stream_, Close::How::kAfterQueued});
  }
  state_ = DriverState::kEnded;
  state_deadline_ = reconcile_deadline_ = leave_deadline_ = absl::InfiniteFuture();
  out->push_back(Ended{std::move(status)});
}

void DriverCore::On(absl::Time now, Received& received, std::vector<Effect>* out) {
  if (received.stream != stream_ || state_ == DriverState::kBackingOff) return;
  Event& event = received.event;
  if (state_ == DriverState::kConnecting && event.type() != Event::SUBSCRIBED &&
      event.type() != Event::ERROR) {
    return;  // nothing of this stream counts before SUBSCRIBED
  }
  if (state_ == DriverState::kSubscribed) state_deadline_ = now + silence_max_;
  if (is_leaving()) return OnWhileLeaving(now, event, out);
  switch (event.type()) {
    case Event::SUBSCRIBED:
      return OnSubscribed(now, event, out);
    case Event::UPDATE:
      return OnUpdate(&event, out);
    case Event::HEARTBEAT:
      return;
    case Event::ERROR:
      out->push_back(Deliver{event});
      return End(absl::AbortedError(event.error().message()), out);
    default:
      out->push_back(Deliver{std::move(event)});
  }
}

void DriverCore::OnWhileLeaving(absl::Time now, const Event& event, std::vector<Effect>* out) {
  if (event.type() == Event::SUBSCRIBED) {
    EnterSubscription(now, event);
    return SendTeardown(out);
  }
  if (event.type() != Event::ERROR) return;
  const std::string& message = event.error().message();
  End(message == kRemoved ? absl::OkStatus() : absl::AbortedError(message), out);
}

void DriverCore::EnterSubscription(absl::Time now, const Event& event) {
  state_ = DriverState::kSubscribed;
  search_.Accepted();
  *framework_.mutable_id() = event.subscribed().framework_id();
  if (event.subscribed().heartbeat_interval_seconds() > 0) {
    silence_max_ =
        kHeartbeatsMissedMax * absl::Seconds(event.subscribed().heartbeat_interval_seconds());
  }
  state_deadline_ = now + silence_max_;
}

void DriverCore::OnSubscribed(absl::Time now, const Event& event, std::vector<Effect>* out) {
  const bool is_known = framework_.has_id();
  EnterSubscription(now, event);
  out->push_back(Subscribed{framework_.id().value(), event.subscribed().master_info(),
                            std::exchange(subscribed_before_, true)});
  for (auto& [id, task] : tasks_) {
    // Whether what was lost runs after all is asked below.
    if (task.kill_wanted && !task.terminal) SendCall(task.kill, out);
  }
  all_due_ = false;
  if (is_known) return AskForAll(now, out);
  Reconcile(now, out);
}

// While nobody listened, tasks may have come back that were thought to have ended, as with
// TASK_LOST of an agent that was away, and a scheduler may not know what it launched before it
// died. Nobody else would ever stop them. A new leader answers only of the agents that are back, so
// all are asked for again after the long interval.
void DriverCore::AskForAll(absl::Time now, std::vector<Effect>* out) {
  Call call;
  call.set_type(Call::RECONCILE);
  call.mutable_reconcile();
  SendCall(std::move(call), out);
  // The answers are of all that the master knows; what they leave out is asked for by name.
  for (auto& [id, task] : tasks_) task.unheard = !task.has_ended();
  all_due_ = false;
  reconcile_backoff_.Reset();
  reconcile_deadline_ = now + reconcile_backoff_.Next(&rng_);
}

// The agent repeats an update until it is acknowledged; the scheduler hears it once.
bool DriverCore::IsRepeated(const meros::v1::TaskStatus& status, std::vector<Effect>* out) {
  if (status.uuid().empty()) return false;
  const auto task = tasks_.find(status.task_id().value());
  const auto end = ends_.find(status.task_id().value());
  const bool is_newest = task != tasks_.end() && task->second.last_uuid == status.uuid();
  if (!is_newest && (end == ends_.end() || end->second != status.uuid())) return false;
  if (is_newest) task->second.unheard = false;
  Call call;
  call.set_type(Call::ACKNOWLEDGE);
  *call.mutable_acknowledge()->mutable_agent_id() = status.agent_id();
  *call.mutable_acknowledge()->mutable_task_id() = status.task_id();
  call.mutable_acknowledge()->set_uuid(status.uuid());
  SendCall(std::move(call), out);
  return true;
}

// What reconciliation repeats about a finished task is not news; that it runs after all is.
bool DriverCore::IsOldEnd(const meros::v1::TaskStatus& status) {
  if (status.reason() != meros::v1::TaskStatus::REASON_RECONCILIATION) return false;
  const bool is_end = tasks::IsTerminal(status.state());
  const auto task = tasks_.find(status.task_id().value());
  if (task != tasks_.end()) {
    if (!task->second.terminal || !is_end) return false;
    task->second.unheard = false;
    return true;
  }
  // An end that the agent told is final; an id that was used again would be among the tasks.
  const auto end = ends_.find(status.task_id().value());
  return end != ends_.end() && (is_end || !end->second.empty());
}

void DriverCore::RememberEnd(const std::string& task_id) {
  const auto task = tasks_.find(task_id);
  const std::string uuid = std::move(task->second.last_uuid);
  tasks_.erase(task);
  if (!ends_.insert_or_assign(task_id, uuid).second) return;
  ends_order_.push_back(task_id);
  if (ends_order_.size() <= options_.ends_remembered) return;
  ends_.erase(ends_order_.front());
  ends_order_.pop_front();
}

// A cluster may lose tasks for years, and their agents need not return.
void DriverCore::RememberLoss(const std::string& task_id) {
  losses_.push_back(task_id);
  if (losses_.size() <= options_.ends_remembered) return;
  const auto oldest = tasks_.find(losses_.front());
  if (oldest != tasks_.end() && oldest->second.may_return) tasks_.erase(oldest);
  losses_.pop_front();
}

void DriverCore::OnUpdate(Event* event, std::vector<Effect>* out) {
  const meros::v1::TaskStatus& status = event->update().status();
  if (IsRepeated(status, out) || IsOldEnd(status)) return;
  const std::string id = status.task_id().value();
  KnownTask& task = tasks_[id];
  const bool was_lost = task.may_return;
  task.unheard = false;
  if (status.has_agent_id()) task.agent_id = status.agent_id().value();
  if (!status.uuid().empty()) task.last_uuid = status.uuid();
  task.terminal = tasks::IsTerminal(status.state());
  task.may_return = MayReturn(status);
  if (task.has_ended()) task.kill_wanted = false;
  // Between master and agent a kill may be lost; what is found to run is killed again.
  if (task.kill_wanted && IsFoundRunning(status)) SendCall(task.kill, out);
  const bool is_acknowledged = !status.uuid().empty();
  out->push_back(Deliver{std::move(*event)});
  if (task.may_return && !was_lost) RememberLoss(id);
  // An end of the master's is not acknowledged: nothing more is to come.
  if (task.has_ended() && !is_acknowledged) RememberEnd(id);
}

void DriverCore::On(absl::Time now, UserCall& user, std::vector<Effect>* out) {
  if (is_leaving()) return;
  Call& call = user.call;
  RememberSuppression(call);
  if (call.type() == Call::KILL) RememberKill(call);
  if (state_ != DriverState::kSubscribed) return DropLaunches(call, out);
  if (call.type() == Call::ACKNOWLEDGE) {
    const auto known = tasks_.find(call.acknowledge().task_id().value());
    // An acknowledged end is the last that is needed of a task, but for knowing it again.
    if (known != tasks_.end() && known->second.has_ended() &&
        known->second.last_uuid == call.acknowledge().uuid()) {
      RememberEnd(call.acknowledge().task_id().value());
    }
  }
  RememberLaunches(call);
  SendCall(std::move(call), out);
}

void DriverCore::SendCall(Call call, std::vector<Effect>* out) {
  *call.mutable_framework_id() = framework_.id();
  out->push_back(Send{stream_, std::move(call)});
}

void DriverCore::SendTeardown(std::vector<Effect>* out) {
  Call call;
  call.set_type(Call::TEARDOWN);
  SendCall(std::move(call), out);
}

void DriverCore::RememberKill(const Call& call) {
  const std::string& id = call.kill().task_id().value();
  if (ends_.contains(id) && !tasks_.contains(id)) return;
  KnownTask& task = tasks_[id];
  if (task.has_ended()) return;
  task.kill_wanted = true;
  task.kill = call;
}

void DriverCore::RememberLaunches(const Call& call) {
  if (call.type() != Call::ACCEPT) return;
  const auto remember = [&](const meros::v1::TaskInfo& launched) {
    KnownTask& task = tasks_[launched.task_id().value()];
    task.agent_id = launched.agent_id().value();
    task.kill_wanted = false;  // that was of a lost one with the same id
  };
  for (const auto& operation : call.accept().operations()) {
    for (const auto& task : operation.launch().task_infos()) remember(task);
    for (const auto& task : operation.launch_group().task_group().tasks()) remember(task);
  }
}

void DriverCore::RememberSuppression(const Call& call) {
  const auto roles_of = [&](const auto& named) {
    std::set<std::string> roles(named.begin(), named.end());
    if (roles.empty()) roles.insert(framework_.roles().begin(), framework_.roles().end());
    return roles;
  };
  if (call.type() == Call::SUPPRESS) {
    for (const std::string& role : roles_of(call.suppress().roles()))
      suppressed_roles_.insert(role);
  } else if (call.type() == Call::REVIVE) {
    for (const std::string& role : roles_of(call.revive().roles())) suppressed_roles_.erase(role);
  }
}

// A launch that cannot be sent has not happened; its offers are void. The scheduler hears so at
// once.
void DriverCore::DropLaunches(const Call& call, std::vector<Effect>* out) {
  if (call.type() != Call::ACCEPT) return;
  for (const auto& operation : call.accept().operations()) {
    std::vector<const meros::v1::TaskInfo*> infos;
    for (const auto& task : operation.launch().task_infos()) infos.push_back(&task);
    for (const auto& task : operation.launch_group().task_group().tasks()) infos.push_back(&task);
    for (const meros::v1::TaskInfo* info : infos) {
      Event event;
      event.set_type(Event::UPDATE);
      meros::v1::TaskStatus* status = event.mutable_update()->mutable_status();
      *status->mutable_task_id() = info->task_id();
      *status->mutable_agent_id() = info->agent_id();
      status->set_state(meros::v1::TASK_DROPPED);
      status->set_source(meros::v1::TaskStatus::SOURCE_MASTER);
      status->set_reason(meros::v1::TaskStatus::REASON_MASTER_DISCONNECTED);
      status->set_message("launched while not subscribed; nothing was sent");
      out->push_back(Deliver{std::move(event)});
    }
  }
}

void DriverCore::Reconcile(absl::Time now, std::vector<Effect>* out) {
  bool any_unheard = false;
  for (const auto& [id, task] : tasks_) any_unheard |= task.unheard;
  if (!any_unheard && all_due_) return AskForAll(now, out);
  if (any_unheard) AskUnheardByName(out);
  all_due_ = !any_unheard;
  reconcile_deadline_ =
      now + (any_unheard ? reconcile_backoff_.Next(&rng_) : options_.reconcile_interval);
}

void DriverCore::AskUnheardByName(std::vector<Effect>* out) {
  Call call;
  const auto send = [&] {
    if (call.reconcile().tasks_size() == 0) return;
    call.set_type(Call::RECONCILE);
    SendCall(std::exchange(call, Call()), out);
  };
  for (const auto& [id, task] : tasks_) {
    if (task.has_ended() || !task.unheard) continue;
    auto* wanted = call.mutable_reconcile()->add_tasks();
    wanted->mutable_task_id()->set_value(id);
    if (!task.agent_id.empty()) wanted->mutable_agent_id()->set_value(task.agent_id);
    if (call.reconcile().tasks_size() == kTasksPerReconcileMax) send();
  }
  send();
}

}  // namespace meros::sdk

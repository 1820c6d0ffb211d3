#include "services/agent/core/agent_core.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace meros::agent {

AgentCore::AgentCore(AgentOptions options, uint64_t seed)
    : options_(std::move(options)),
      retry_{options_.update_retry_initial, options_.update_retry_max},
      rng_(seed),
      ended_(options_.max_completed_tasks) {}

void AgentCore::Step(absl::Time now, Input input, std::vector<Effect>* out) {
  now_ = now;
  effects_.clear();
  if (has_exited_) return;
  std::visit([this](auto&& value) { Handle(std::move(value)); }, std::move(input));
  // Ahead of the step's other effects, which wait for it.
  if (auto persist = journal_.Flush(); persist.has_value()) out->push_back(*std::move(persist));
  out->insert(out->end(), std::make_move_iterator(effects_.begin()),
              std::make_move_iterator(effects_.end()));
}

void AgentCore::Handle(Recovered&& input) {
  MEROS_CHECK(!has_records_) << "records come once";
  has_records_ = true;
  RecoveredState recovered = Decode(input.records);
  if (!recovered.is_node_readable || !recovered.are_reservations_readable) {
    has_exited_ = true;  // above all, no container is taken for an orphan
    Emit(Exit{0, absl::DataLossError("the record of this agent's identity or of its reservations "
                                     "cannot be read; restore the "
                                     "checkpoint database, or remove it to start as a new agent")});
    return;
  }
  for (const auto& [key, problem] : recovered.problems) {
    Count(Counter::kRecoveryError);
    Note(Notice::Severity::kError, absl::StrCat("record ", key, " is set aside: ", problem));
  }
  if (absl::Status status = RecoverResources(&recovered); !status.ok()) {
    has_exited_ = true;
    effects_.clear();  // nothing of it is to happen without the rest
    return Emit(Exit{0, std::move(status)});
  }
  node_ = std::move(recovered.node);
  book_ = std::move(recovered.book);
  for (auto& [key, record] : recovered.ended) {
    for (const TaskKey& dropped : ended_.Restore(std::move(key), std::move(record))) {
      journal_.Erase(EndedTaskKey(dropped));
    }
  }
  if (node_.registration_key().empty()) node_.set_registration_key(rng_.Uuid());
  if (node_.resource_version_uuid().empty()) node_.set_resource_version_uuid(rng_.UuidBytes());
  SaveNode();
}

void AgentCore::Handle(ContainerizerUp&& input) {
  MEROS_CHECK(has_records_) << "without records every container would be an orphan";
  containers_.session = input.session;
  containers_.is_ready = false;
  containers_.unanswered.clear();
  containerizer::v1::Request request;
  request.mutable_list();
  Ask(0, ContainerId(), std::move(request));
}

void AgentCore::Handle(ContainerizerDown&& input) {
  if (input.session != containers_.session) return;
  if (containers_.is_ready) {
    Note(Notice::Severity::kWarning,
         absl::StrCat("the containerizer is away: ", input.reason.ToString()));
  }
  containers_.session = 0;
  containers_.is_ready = false;
}

void AgentCore::Handle(LinkUp&& input) {
  if (state_ != AgentState::kConnecting) return;
  link_ = {.stream = input.stream,
           .master = std::move(input.master),
           .lost_master = std::move(input.lost_master)};
  MoveTo(AgentState::kRegistering);
  SendRegistration();
  timers_.Set({TimerKind::kRegistration, {}}, now_ + options_.registration_timeout);
}

void AgentCore::Handle(LinkDown&& input) {
  if (input.stream != link_.stream || link_.stream == 0) return;
  Note(Notice::Severity::kWarning, absl::StrCat("the stream to the master at ", link_.master,
                                                " ended: ", input.reason.ToString()));
  DropLink(absl::OkStatus());
}

void AgentCore::Handle(runtime::Tick&&) {
  while (auto key = timers_.PopDue(now_)) OnTimer(*key);
}

void AgentCore::OnTimer(const TimerKey& key) {
  Task* task = book_.Find(key.task);
  switch (key.kind) {
    case TimerKind::kUpdate:
      if (task != nullptr) Forward(task);
      return;
    case TimerKind::kCompletion:
      if (task != nullptr) Stop(task, StopCause::STOP_CAUSE_COMPLETION_TIME, GraceOf(*task));
      return;
    case TimerKind::kRelaunch:
      if (task != nullptr && task->phase == TaskPhase::kLaunching) Launch(*task);
      return;
    case TimerKind::kHeartbeat:
      return OnHeartbeatTimer();
    case TimerKind::kOperations:
      return ForwardOperations();
    case TimerKind::kRegistration:
      return DropLink(absl::DeadlineExceededError("the master did not answer the registration"));
  }
}

void AgentCore::MoveTo(AgentState state) {
  MEROS_CHECK(IsLegal(state_, state)) << Name(state_) << " to " << Name(state);
  state_ = state;
  Emit(StateChanged{state});
  if (state == AgentState::kConnecting) Emit(OpenLink{});
}

void AgentCore::SaveNode() { journal_.Put(kNodeKey, node_.SerializeAsString()); }

void AgentCore::SaveProgress(const Task& task) {
  if (task.is_recorded) journal_.Put(ProgressKey(task.key), EncodeProgress(task));
}

void AgentCore::ExitIfDone() {
  if (state_ != AgentState::kTerminating || has_exited_ || book_.HasLiveTasks()) return;
  has_exited_ = true;
  // Whoever starts here next is a new agent: this one's tasks are gone and its id is spent.
  journal_.Erase(kNodeKey);
  for (const TaskKey& key : ended_.Keys()) journal_.Erase(EndedTaskKey(key));
  ForgetOperations();
  Emit(Exit{journal_.token(), absl::OkStatus()});
}

void AgentCore::CheckInvariants() const {
  book_.CheckInvariants();
  ended_.CheckInvariants();
  // Records may hold a framework alone: its last recorded task was forgotten while another one was
  // not recorded yet. FinishRecovery removes it.
  for (const auto& [id, framework] : book_.frameworks()) {
    MEROS_CHECK(framework.tasks > 0 || state_ == AgentState::kRecovering) << id;
  }
  MEROS_CHECK((state_ == AgentState::kRegistering || state_ == AgentState::kRunning) ==
                  (link_.stream != 0) ||
              state_ == AgentState::kTerminating)
      << Name(state_) << " with stream " << link_.stream;
  MEROS_CHECK(state_ != AgentState::kRunning || !node_.agent_id().empty());
}

}  // namespace meros::agent

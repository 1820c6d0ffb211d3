// The part of the core that follows the work of the shell; requests are in
// containerizer_requests.cc.
#include "services/containerizer/core/containerizer_core.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace meros::containerizer {
namespace {

constexpr absl::Duration kRetryFirst = absl::Milliseconds(50);
constexpr absl::Duration kRetryMax = absl::Seconds(30);
constexpr int kFailuresUntilStuck = 5;  // about 1.5 s after the first

absl::Duration RetryDelay(int failures) {
  return std::min(kRetryFirst * (1 << std::min(failures - 1, 10)), kRetryMax);
}

}  // namespace

void ContainerizerCore::Step(absl::Time now, Input input, std::vector<Effect>* out) {
  std::visit([&](auto& event) { On(now, event, out); }, input);
}

void ContainerizerCore::On(absl::Time, const StreamOpened& input, std::vector<Effect>*) {
  streams_.insert(input.stream);
}

void ContainerizerCore::On(absl::Time, const StreamClosed& input, std::vector<Effect>*) {
  streams_.erase(input.stream);
}

void ContainerizerCore::On(absl::Time now, const RequestReceived& input, std::vector<Effect>* out) {
  OnRequest(now, {input.stream, input.request.request_id()}, input.request, out);
}

// ---- Recovery ----

void ContainerizerCore::On(absl::Time, Recovered& input, std::vector<Effect>* out) {
  for (RecoveredContainer& found : input.containers) Recover(std::move(found), out);
}

void ContainerizerCore::Recover(RecoveredContainer found, std::vector<Effect>* out) {
  using Phase = RecoveredContainer::Phase;
  const ContainerId id(found.spec.container_id());
  const auto [at, inserted] = containers_.try_emplace(id);
  MEROS_BUG(!inserted) << "container " << id << " recovered twice";
  if (!inserted) return;
  Container* const container = &at->second;
  container->spec = std::move(found.spec);
  container->isolated = found.isolated;
  container->pid = found.pid;
  container->started_at_ns = found.started_at_ns;
  switch (found.phase) {
    case Phase::kRecorded:
      container->state = State::kPreparing;
      out->push_back(StartContainer{container->spec});
      return;
    case Phase::kRunning:
      container->state = State::kRunning;
      return;
    case Phase::kEnded:
      container->state = State::kRunning;
      container->start_failure = "its start was interrupted";
      return BeginDestroy(found.started_at_ns == 0 ? EndCause::kStartFailed : EndCause::kByItself,
                          container, out);
    case Phase::kTerminated:
      // The crash may have come before the cleaning, which is idempotent.
      container->state = State::kDestroying;
      container->cause = EndCause::kByItself;
      container->step = DestroyStep::kCleaning;
      container->termination = std::move(found.termination);
      return EmitDestroyStep(*container, out);
  }
}

// ---- Start ----

void ContainerizerCore::On(absl::Time, const LaunchRecorded& input, std::vector<Effect>* out) {
  Container* const container = Find(input.id);
  if (container == nullptr || container->state != State::kStarting) return;
  const std::vector<Caller> callers = std::exchange(container->launchers, {});
  if (!input.status.ok()) {
    const absl::Status failure = absl::InternalError(
        absl::StrCat("cannot record container ", input.id.value(), ": ", input.status.message()));
    for (const Caller& caller : callers) Refuse(caller, failure, out);
    containers_.erase(input.id);
    return;
  }
  if (container->end_requested) {
    BeginDestroy(EndCause::kRequested, container, out);
  } else {
    Move(container, LifeEvent::kRecorded);
    out->push_back(StartContainer{container->spec});
  }
  auto result = v1::LaunchResponse::LAUNCHED;
  for (const Caller& caller : callers) {
    v1::LaunchResponse* const answer = Answer(caller, out)->mutable_launch();
    answer->set_result(result);
    *answer->mutable_status() = StatusOf(*container);
    result = v1::LaunchResponse::ALREADY_LAUNCHED;
  }
}

void ContainerizerCore::On(absl::Time, const StartFinished& input, std::vector<Effect>* out) {
  Container* const container = Find(input.id);
  if (container == nullptr || container->state != State::kPreparing) return;
  container->isolated = options_.isolates;
  if (!input.status.ok()) {
    container->start_failure = std::string(input.status.message());
    return BeginDestroy(EndCause::kStartFailed, container, out);
  }
  container->pid = input.pid;
  container->started_at_ns = input.started_at_ns;
  if (container->end_requested) return BeginDestroy(EndCause::kRequested, container, out);
  Move(container, LifeEvent::kStarted);
  v1::Response event;
  event.mutable_started()->set_container_id(input.id.value());
  event.mutable_started()->set_pid(input.pid);
  event.mutable_started()->set_started_at_ns(input.started_at_ns);
  Broadcast(event, out);
}

// ---- End ----

void ContainerizerCore::On(absl::Time, const ProcessEnded& input, std::vector<Effect>* out) {
  Container* const container = Find(input.id);
  if (container == nullptr) return;
  if (container->state == State::kRunning) {
    BeginDestroy(EndCause::kByItself, container, out);
  } else if (container->state == State::kStopping) {
    BeginDestroy(EndCause::kRequested, container, out);
  }
}

void ContainerizerCore::On(absl::Time, const MemoryLimitHit& input, std::vector<Effect>* out) {
  Container* const container = Find(input.id);
  if (container == nullptr) return;
  if (container->state == State::kRunning || container->state == State::kStopping) {
    BeginDestroy(EndCause::kMemoryLimit, container, out);
  }
}

void ContainerizerCore::On(absl::Time now, const runtime::Tick&, std::vector<Effect>* out) {
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Container* const container = Find(timers_.begin()->second);
    SetDeadline(absl::InfiniteFuture(), container);
    if (container->state == State::kStopping) {
      BeginDestroy(EndCause::kRequested, container, out);
    } else {
      EmitDestroyStep(*container, out);
    }
  }
}

void ContainerizerCore::RequestEnd(Container* container, std::vector<Effect>* out) {
  switch (container->state) {
    case State::kStarting:
    case State::kPreparing:
      // The step in progress is answered within its own deadline; two things at once are not done
      // to one container.
      container->end_requested = true;
      return;
    case State::kRunning:
    case State::kStopping:
      return BeginDestroy(EndCause::kRequested, container, out);
    case State::kDestroying:
    case State::kTerminated:
      return;
  }
}

void ContainerizerCore::BeginDestroy(EndCause cause, Container* container,
                                     std::vector<Effect>* out) {
  SetDeadline(absl::InfiniteFuture(), container);
  Move(container, LifeEvent::kEnding);
  container->cause = cause;
  container->step = DestroyStep::kKilling;
  EmitDestroyStep(*container, out);
}

void ContainerizerCore::EmitDestroyStep(const Container& container, std::vector<Effect>* out) {
  const ContainerId id(container.spec.container_id());
  switch (container.step) {
    case DestroyStep::kKilling:
      out->push_back(KillContainer{id});
      return;
    case DestroyStep::kStoring:
      out->push_back(StoreTermination{id, container.termination});
      return;
    case DestroyStep::kCleaning:
      out->push_back(CleanUpContainer{id});
      return;
  }
}

bool ContainerizerCore::DestroyStepDone(absl::Time now, DestroyStep step,
                                        const absl::Status& status, Container* container) {
  if (container == nullptr || container->state != State::kDestroying || container->step != step) {
    return false;
  }
  if (status.ok()) {
    container->failures = 0;
    container->stuck.clear();
    return true;
  }
  ++container->failures;
  if (container->failures >= kFailuresUntilStuck) container->stuck = std::string(status.message());
  SetDeadline(now + RetryDelay(container->failures), container);
  return false;
}

void ContainerizerCore::On(absl::Time now, const KillFinished& input, std::vector<Effect>* out) {
  Container* const container = Find(input.id);
  if (!DestroyStepDone(now, DestroyStep::kKilling, input.status, container)) return;
  EndReport report;
  report.cause = container->cause;
  report.start_failure = container->start_failure;
  report.facts = input.facts;
  report.limits = container->spec.resources();
  report.started_at_ns = container->started_at_ns;
  report.finished_at_ns =
      input.facts.ended_at_ns != 0 ? input.facts.ended_at_ns : absl::ToUnixNanos(now);
  container->termination = MakeTermination(report);
  container->step = DestroyStep::kStoring;
  EmitDestroyStep(*container, out);
}

void ContainerizerCore::On(absl::Time now, const TerminationStored& input,
                           std::vector<Effect>* out) {
  Container* const container = Find(input.id);
  if (!DestroyStepDone(now, DestroyStep::kStoring, input.status, container)) return;
  container->step = DestroyStep::kCleaning;
  EmitDestroyStep(*container, out);
}

void ContainerizerCore::On(absl::Time now, const CleanUpFinished& input, std::vector<Effect>* out) {
  Container* const container = Find(input.id);
  if (!DestroyStepDone(now, DestroyStep::kCleaning, input.status, container)) return;
  Move(container, LifeEvent::kGone);
  container->pid = 0;
  v1::Response event;
  event.mutable_terminated()->set_container_id(input.id.value());
  *event.mutable_terminated()->mutable_termination() = container->termination;
  Broadcast(event, out);
}

void ContainerizerCore::On(absl::Time, const RecordsRemoved& input, std::vector<Effect>* out) {
  Container* const container = Find(input.id);
  if (container == nullptr) return;
  for (const Caller& caller : std::exchange(container->removers, {})) {
    if (input.status.ok()) {
      Answer(caller, out)->mutable_remove();
    } else {
      Refuse(caller, absl::InternalError(input.status.message()), out);
    }
  }
  if (input.status.ok()) containers_.erase(input.id);
}

void ContainerizerCore::On(absl::Time, const UpdateFinished& input, std::vector<Effect>* out) {
  const Caller caller = {input.stream, input.request_id};
  if (!input.status.ok()) return Refuse(caller, input.status, out);
  Container* const container = Find(input.id);
  if (container != nullptr) *container->spec.mutable_resources() = input.resources;
  Answer(caller, out)->mutable_update();
}

// ---- Books ----

void ContainerizerCore::Move(Container* container, LifeEvent event) {
  const std::optional<State> next = Next(container->state, event);
  MEROS_CHECK(next.has_value()) << Name(container->state) << " cannot go by " << Name(event);
  container->state = *next;
}

void ContainerizerCore::SetDeadline(absl::Time deadline, Container* container) {
  const ContainerId id(container->spec.container_id());
  if (container->deadline != absl::InfiniteFuture()) timers_.erase({container->deadline, id});
  container->deadline = deadline;
  if (deadline != absl::InfiniteFuture()) timers_.insert({deadline, id});
}

ContainerizerCore::Container* ContainerizerCore::Find(const ContainerId& id) {
  const auto found = containers_.find(id);
  return found == containers_.end() ? nullptr : &found->second;
}

void ContainerizerCore::Broadcast(const v1::Response& event, std::vector<Effect>* out) const {
  for (const StreamId stream : streams_) out->push_back(Send{stream, event});
}

void ContainerizerCore::CheckInvariants() const {
  MEROS_CHECK(containers_.size() <= options_.containers_max);
  size_t deadlines = 0;
  for (const auto& [id, container] : containers_) {
    MEROS_CHECK(id.value() == container.spec.container_id()) << id;
    const bool has_deadline = container.deadline != absl::InfiniteFuture();
    deadlines += has_deadline ? 1 : 0;
    MEROS_CHECK(!has_deadline || timers_.count({container.deadline, id}) == 1) << id;
    MEROS_CHECK(container.state != State::kStopping || has_deadline) << id;
    MEROS_CHECK(!has_deadline || container.state == State::kStopping ||
                container.state == State::kDestroying)
        << id << " in " << Name(container.state);
    const bool ending = container.state >= State::kDestroying;
    MEROS_CHECK(ending == (container.cause != EndCause::kNone)) << id;
    MEROS_CHECK(container.launchers.empty() || container.state == State::kStarting) << id;
    MEROS_CHECK(container.removers.empty() || container.state == State::kTerminated) << id;
  }
  MEROS_CHECK(deadlines == timers_.size()) << timers_.size();
}

}  // namespace meros::containerizer

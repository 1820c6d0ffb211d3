#include "services/containerizer/shell/effect_runner.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "libs/runtime/clock.h"
#include "libs/telemetry/log.h"

namespace meros::containerizer {

void EffectRunner::Apply(absl::Time now, std::vector<Effect> effects) {
  Frames frames;
  for (Effect& effect : effects) {
    if (auto* const send = std::get_if<Send>(&effect)) {
      *frames[send->stream].add_responses() = std::move(send->response);
      continue;
    }
    std::visit(
        [&](auto& work) {
          using Work = std::decay_t<decltype(work)>;
          if constexpr (!std::is_same_v<Work, Send>) Run(now, std::move(work));
        },
        effect);
  }
  for (auto& [stream, frame] : frames) to_.send(stream, std::move(frame));
}

void EffectRunner::Run(absl::Time now, RecordLaunch effect) {
  {
    MutexLock lock(&mutex_);
    accepted_[effect.spec.container_id()] = now;
  }
  const std::string id = effect.spec.container_id();
  to_.workers->Post(id, [this, id, effect = std::move(effect)] {
    const absl::Status status = to_.records->WriteLaunch(effect.spec);
    if (status.ok()) {
      to_.metrics->launches.Add();
      to_.metrics->active.Add(1);
    } else {
      MEROS_LOG(ERROR) << "launch cannot be recorded" << telemetry::Field("container_id", id)
                       << telemetry::Field("status", status);
      to_.records->Remove(id)
          .IgnoreError();  // as far as there is something; recovery does the rest
    }
    to_.post(LaunchRecorded{ContainerId(id), status});
  });
}

void EffectRunner::Run(absl::Time, StartContainer effect) {
  const std::string id = effect.spec.container_id();
  to_.workers->Post(id, [this, id, effect = std::move(effect)] {
    const absl::StatusOr<Launched> launched = to_.launcher->Start(effect.spec);
    absl::Time accepted = absl::InfiniteFuture();
    {
      MutexLock lock(&mutex_);
      if (const auto found = accepted_.find(id); found != accepted_.end()) {
        accepted = found->second;
        accepted_.erase(found);
      }
    }
    if (!launched.ok()) {
      to_.metrics->launch_failures.Add();
      return to_.post(StartFinished{ContainerId(id), launched.status()});
    }
    if (accepted != absl::InfiniteFuture()) {
      to_.metrics->launch_time.Observe(runtime::ProcessClock::Get().Now() - accepted);
    }
    to_.post(StartFinished{ContainerId(id), {}, launched->pid, launched->started_at_ns});
    Watch(id);  // behind the post: the end cannot be heard of before the start
  });
}

void EffectRunner::Watch(const std::string& id) {
  to_.launcher->Watch(
      id, {.process_ended =
               [this](const std::string& ended) { to_.post(ProcessEnded{ContainerId(ended)}); },
           .memory_limit_hit =
               [this](const std::string& hit) { to_.post(MemoryLimitHit{ContainerId(hit)}); }});
}

void EffectRunner::Run(absl::Time, SignalContainer effect) {
  to_.workers->Post(effect.id.value(), [this, effect] {
    const absl::Status status = to_.launcher->Signal(effect.id.value(), effect.signal);
    if (status.ok()) return;
    MEROS_LOG(WARNING) << "signal was not delivered"
                       << telemetry::Field("container_id", effect.id.value())
                       << telemetry::Field("status", status);
  });
}

void EffectRunner::Note(absl::string_view step, const ContainerId& id, const absl::Status& status) {
  if (status.ok()) return;
  to_.metrics->destroy_errors.With(step).Add();
  MEROS_LOG(WARNING) << "container cannot be taken down yet, trying again"
                     << telemetry::Field("container_id", id.value())
                     << telemetry::Field("step", step) << telemetry::Field("status", status);
}

void EffectRunner::Run(absl::Time, KillContainer effect) {
  to_.workers->Post(effect.id.value(), [this, id = effect.id] {
    absl::StatusOr<EndFacts> facts = to_.launcher->Kill(id.value());
    Note("kill", id, facts.status());
    to_.post(KillFinished{id, facts.status(), facts.value_or(EndFacts())});
  });
}

void EffectRunner::Run(absl::Time, StoreTermination effect) {
  const std::string id = effect.id.value();
  to_.workers->Post(id, [this, effect = std::move(effect)] {
    const absl::Status status =
        to_.records->WriteTermination(effect.id.value(), effect.termination);
    Note("store", effect.id, status);
    if (status.ok()) {
      const std::string& reason = v1::TerminationReason_Name(effect.termination.reason());
      to_.metrics->terminations.With(absl::AsciiStrToLower(reason)).Add();
      to_.metrics->active.Add(-1);
    }
    to_.post(TerminationStored{effect.id, status});
  });
}

void EffectRunner::Run(absl::Time, CleanUpContainer effect) {
  to_.workers->Post(effect.id.value(), [this, id = effect.id] {
    const absl::Status status = to_.launcher->CleanUp(id.value());
    Note("clean_up", id, status);
    to_.post(CleanUpFinished{id, status});
  });
}

void EffectRunner::Run(absl::Time, UpdateResources effect) {
  const std::string id = effect.id.value();
  to_.workers->Post(id, [this, effect = std::move(effect)] {
    absl::Status status = to_.launcher->Update(effect.id.value(), effect.spec.resources());
    if (status.ok()) status = to_.records->WriteLaunch(effect.spec);
    to_.post(UpdateFinished{effect.id, status, effect.spec.resources(), effect.stream,
                            effect.request_id});
  });
}

void EffectRunner::Run(absl::Time, ReadUsage effect) {
  to_.workers->Post(effect.id.value(), [this, effect] {
    v1::Responses frame;
    v1::Response* const response = frame.add_responses();
    response->set_request_id(effect.request_id);
    *response->mutable_usage()->mutable_usage() = to_.launcher->Usage(effect.id.value());
    to_.send(effect.stream, std::move(frame));
  });
}

void EffectRunner::Run(absl::Time, RemoveRecords effect) {
  to_.workers->Post(effect.id.value(), [this, id = effect.id] {
    to_.post(RecordsRemoved{id, to_.records->Remove(id.value())});
  });
}

}  // namespace meros::containerizer

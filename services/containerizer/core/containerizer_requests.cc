// The part of the core that answers clients.
#include <algorithm>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "services/containerizer/core/containerizer_core.h"
#include "services/containerizer/core/validation.h"

namespace meros::containerizer {
namespace {

constexpr absl::Duration kGraceMax = absl::Hours(24);

v1::ContainerState ToProto(State state) {
  switch (state) {
    case State::kStarting:
      return v1::STARTING;
    case State::kPreparing:
      return v1::PREPARING;
    case State::kRunning:
      return v1::RUNNING;
    case State::kStopping:
      return v1::STOPPING;
    case State::kDestroying:
      return v1::DESTROYING;
    case State::kTerminated:
      return v1::TERMINATED;
  }
  return v1::CONTAINER_STATE_UNSPECIFIED;
}

}  // namespace

void ContainerizerCore::OnRequest(absl::Time now, const Caller& caller, const v1::Request& request,
                                  std::vector<Effect>* out) {
  if (caller.request_id == 0) {
    return Refuse(caller, absl::InvalidArgumentError("request_id is missing"), out);
  }
  switch (request.body_case()) {
    case v1::Request::kLaunch:
      return OnLaunch(caller, request.launch().spec(), out);
    case v1::Request::kKill:
      return OnKill(now, caller, request.kill(), out);
    case v1::Request::kStop:
      return OnStop(now, caller, request.stop(), out);
    case v1::Request::kDestroy:
      return OnDestroy(now, caller, request.destroy(), out);
    case v1::Request::kUpdate:
      return OnUpdate(caller, request.update(), out);
    case v1::Request::kUsage:
      return OnUsage(caller, request.usage(), out);
    case v1::Request::kStatus:
      return OnStatus(caller, request.status(), out);
    case v1::Request::kRemove:
      return OnRemove(caller, request.remove(), out);
    case v1::Request::kList:
      return OnList(caller, out);
    case v1::Request::BODY_NOT_SET:
      return Refuse(caller, absl::InvalidArgumentError("body is missing or unknown"), out);
  }
}

void ContainerizerCore::OnLaunch(const Caller& caller, const v1::LaunchSpec& spec,
                                 std::vector<Effect>* out) {
  const ContainerId id(spec.container_id());
  if (Container* const known = Find(id)) {
    if (known->state == State::kStarting) return known->launchers.push_back(caller);
    v1::LaunchResponse* const answer = Answer(caller, out)->mutable_launch();
    answer->set_result(v1::LaunchResponse::ALREADY_LAUNCHED);
    *answer->mutable_status() = StatusOf(*known);
    return;
  }
  if (const absl::Status valid = ValidateLaunch(spec); !valid.ok()) {
    return Refuse(caller, valid, out);
  }
  if (containers_.size() >= options_.containers_max) {
    return Refuse(
        caller,
        absl::ResourceExhaustedError(absl::StrCat("there are ", containers_.size(),
                                                  " containers, terminated ones included, and ",
                                                  options_.containers_max, " are allowed")),
        out);
  }
  Container& container = containers_[id];
  container.spec = spec;
  container.isolated = options_.isolates;
  container.launchers.push_back(caller);
  out->push_back(RecordLaunch{spec});
}

void ContainerizerCore::OnKill(absl::Time, const Caller& caller, const v1::KillRequest& request,
                               std::vector<Effect>* out) {
  if (const absl::Status valid = ValidateSignal(request.signal()); !valid.ok()) {
    return Refuse(caller, valid, out);
  }
  Container* const container = FindOrRefuse(request.container_id(), caller, out);
  if (container == nullptr) return;
  const int signal = static_cast<int>(request.signal());
  const bool has_process =
      container->state == State::kRunning || container->state == State::kStopping;
  const bool is_coming =
      container->state == State::kStarting || container->state == State::kPreparing;
  if (signal == SIGKILL || (is_coming && signal == SIGTERM)) {
    RequestEnd(container, out);
  } else if (is_coming) {
    return Refuse(caller,
                  absl::FailedPreconditionError(
                      absl::StrCat("container ", request.container_id(), " has no process yet")),
                  out);
  } else if (has_process) {
    out->push_back(SignalContainer{ContainerId(request.container_id()), signal});
  }
  Answer(caller, out)->mutable_kill();
}

void ContainerizerCore::OnStop(absl::Time now, const Caller& caller, const v1::StopRequest& request,
                               std::vector<Effect>* out) {
  if (request.grace_ms() > static_cast<uint64_t>(absl::ToInt64Milliseconds(kGraceMax))) {
    return Refuse(caller, absl::InvalidArgumentError("grace_ms is above 24 hours"), out);
  }
  Container* const container = FindOrRefuse(request.container_id(), caller, out);
  if (container == nullptr) return;
  const absl::Duration grace = absl::Milliseconds(static_cast<int64_t>(request.grace_ms()));
  if (container->state == State::kRunning && grace > absl::ZeroDuration()) {
    Move(container, LifeEvent::kStopping);
    SetDeadline(now + grace, container);
    out->push_back(SignalContainer{ContainerId(request.container_id()), SIGTERM});
  } else if (container->state == State::kStopping && grace > absl::ZeroDuration()) {
    SetDeadline(std::min(container->deadline, now + grace), container);
  } else {
    RequestEnd(container, out);
  }
  *Answer(caller, out)->mutable_stop()->mutable_status() = StatusOf(*container);
}

void ContainerizerCore::OnDestroy(absl::Time, const Caller& caller,
                                  const v1::DestroyRequest& request, std::vector<Effect>* out) {
  Container* const container = FindOrRefuse(request.container_id(), caller, out);
  if (container == nullptr) return;
  RequestEnd(container, out);
  *Answer(caller, out)->mutable_destroy()->mutable_status() = StatusOf(*container);
}

void ContainerizerCore::OnUpdate(const Caller& caller, const v1::UpdateRequest& request,
                                 std::vector<Effect>* out) {
  if (const absl::Status valid = ValidateResources(request.resources()); !valid.ok()) {
    return Refuse(caller, valid, out);
  }
  Container* const container = FindOrRefuse(request.container_id(), caller, out);
  if (container == nullptr) return;
  switch (container->state) {
    case State::kStarting:
    case State::kPreparing:
      return Refuse(caller,
                    absl::FailedPreconditionError(
                        absl::StrCat("container ", request.container_id(), " is not running yet")),
                    out);
    case State::kRunning:
    case State::kStopping: {
      UpdateResources effect{ContainerId(request.container_id()), container->spec, caller.stream,
                             caller.request_id};
      *effect.spec.mutable_resources() = request.resources();
      out->push_back(std::move(effect));
      return;
    }
    case State::kDestroying:
    case State::kTerminated:
      Answer(caller, out)->mutable_update();
      return;
  }
}

void ContainerizerCore::OnUsage(const Caller& caller, const v1::UsageRequest& request,
                                std::vector<Effect>* out) {
  const Container* const container = FindOrRefuse(request.container_id(), caller, out);
  if (container == nullptr) return;
  if (container->state != State::kRunning && container->state != State::kStopping) {
    return Refuse(caller,
                  absl::FailedPreconditionError(absl::StrCat("container ", request.container_id(),
                                                             " is ", Name(container->state))),
                  out);
  }
  out->push_back(ReadUsage{ContainerId(request.container_id()), caller.stream, caller.request_id});
}

void ContainerizerCore::OnStatus(const Caller& caller, const v1::StatusRequest& request,
                                 std::vector<Effect>* out) {
  const Container* const container = FindOrRefuse(request.container_id(), caller, out);
  if (container == nullptr) return;
  *Answer(caller, out)->mutable_status()->mutable_status() = StatusOf(*container);
}

void ContainerizerCore::OnRemove(const Caller& caller, const v1::RemoveRequest& request,
                                 std::vector<Effect>* out) {
  const ContainerId id(request.container_id());
  Container* const container = Find(id);
  if (container == nullptr) {
    Answer(caller, out)->mutable_remove();
    return;
  }
  if (container->state != State::kTerminated) {
    return Refuse(caller,
                  absl::FailedPreconditionError(absl::StrCat("container ", request.container_id(),
                                                             " is ", Name(container->state))),
                  out);
  }
  if (container->removers.empty()) out->push_back(RemoveRecords{id});
  container->removers.push_back(caller);
}

void ContainerizerCore::OnList(const Caller& caller, std::vector<Effect>* out) {
  v1::ListResponse* const list = Answer(caller, out)->mutable_list();
  for (const auto& [id, container] : containers_) *list->add_containers() = StatusOf(container);
  list->set_launcher(options_.launcher);
  list->set_boot_id(options_.boot_id);
}

ContainerizerCore::Container* ContainerizerCore::FindOrRefuse(const std::string& id,
                                                              const Caller& caller,
                                                              std::vector<Effect>* out) {
  Container* const container = Find(ContainerId(id));
  if (container == nullptr) {
    Refuse(caller, absl::NotFoundError(absl::StrCat("there is no container '", id, "'")), out);
  }
  return container;
}

v1::ContainerStatus ContainerizerCore::StatusOf(const Container& container) const {
  v1::ContainerStatus status;
  status.set_container_id(container.spec.container_id());
  status.set_state(ToProto(container.state));
  status.set_pid(container.pid);
  status.set_started_at_ns(container.started_at_ns);
  *status.mutable_labels() = container.spec.labels();
  *status.mutable_resources() = container.spec.resources();
  status.set_sandbox_directory(container.spec.sandbox_directory());
  status.set_isolated(container.isolated);
  status.set_stuck(container.stuck);
  if (container.state == State::kTerminated) *status.mutable_termination() = container.termination;
  return status;
}

v1::Response* ContainerizerCore::Answer(const Caller& caller, std::vector<Effect>* out) const {
  out->push_back(Send{caller.stream, {}});
  v1::Response* const response = &std::get<Send>(out->back()).response;
  response->set_request_id(caller.request_id);
  return response;
}

void ContainerizerCore::Refuse(const Caller& caller, const absl::Status& status,
                               std::vector<Effect>* out) const {
  v1::Response* const response = Answer(caller, out);
  response->set_code(static_cast<uint32_t>(status.code()));
  response->set_message(std::string(status.message()));
}

}  // namespace meros::containerizer

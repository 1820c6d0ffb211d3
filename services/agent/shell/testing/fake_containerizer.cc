#include "services/agent/shell/testing/fake_containerizer.h"

#include <utility>

#include "libs/base/status_macros.h"
#include "libs/rpc/unix_socket.h"
#include "libs/runtime/clock.h"

namespace meros::agent {

namespace cv1 = containerizer::v1;

absl::Status FakeContainerizer::Serve() {
  MEROS_ASSIGN_OR_RETURN(server_, rpc::Server::Start({.addresses = {"unix:" + socket_}}, {this}));
  return absl::OkStatus();
}

void FakeContainerizer::Stop() {
  if (server_ == nullptr) return;
  server_->Shutdown(absl::ZeroDuration());
  server_.reset();
}

grpc::ServerBidiReactor<cv1::Requests, cv1::Responses>* FakeContainerizer::Connect(
    grpc::CallbackServerContext* context) {
  auto stream = Stream::Create(context);
  uint64_t id = 0;
  {
    MutexLock lock(&mutex_);
    id = ++last_stream_;
    streams_.emplace(id, stream);
  }
  return stream->Start({.on_frame =
                            [this, stream = stream.get()](cv1::Requests frame) {
                              for (const cv1::Request& request : frame.requests()) {
                                MutexLock lock(&mutex_);
                                cv1::Responses answers = Answer(request);
                                cv1::Responses own;
                                *own.add_responses() = answers.responses(0);
                                stream->Send(std::move(own));
                                answers.mutable_responses()->DeleteSubrange(0, 1);
                                Broadcast(answers);
                              }
                            },
                        .on_closed =
                            [this, id](const absl::Status&) {
                              MutexLock lock(&mutex_);
                              streams_.erase(id);
                            }});
}

void FakeContainerizer::Broadcast(const cv1::Responses& events) {
  if (events.responses_size() == 0) return;
  for (auto& [id, stream] : streams_) stream->Send(events);
}

// The answer first, then the events that follow from it.
cv1::Responses FakeContainerizer::Answer(const cv1::Request& request) {
  cv1::Responses out;
  cv1::Response* answer = out.add_responses();
  answer->set_request_id(request.request_id());
  if (request.has_list()) {
    answer->mutable_list()->set_boot_id("boot");
    for (const auto& [id, container] : containers_) {
      *answer->mutable_list()->add_containers() = container.status;
    }
  } else if (request.has_launch()) {
    Launch(request.launch().spec(), &out);
  } else if (request.has_remove()) {
    answer->mutable_remove();
    containers_.erase(request.remove().container_id());
  } else if (request.has_usage()) {
    if (containers_.contains(request.usage().container_id())) {
      answer->mutable_usage()->mutable_usage()->set_memory_rss_bytes(4096);
    } else {
      answer->set_code(static_cast<uint32_t>(absl::StatusCode::kNotFound));
      answer->set_message("no such container");
    }
  } else {
    const std::string id =
        request.has_stop() ? request.stop().container_id() : request.destroy().container_id();
    cv1::Termination termination;
    termination.set_reason(cv1::REQUESTED);
    termination.set_message("stopped");
    termination.set_signal(15);
    End(id, std::move(termination), &out);
  }
  return out;
}

void FakeContainerizer::Launch(const cv1::LaunchSpec& spec, cv1::Responses* out) {
  auto [it, is_new] = containers_.try_emplace(spec.container_id());
  Container& container = it->second;
  cv1::LaunchResponse* launch = out->mutable_responses(0)->mutable_launch();
  launch->set_result(is_new ? cv1::LaunchResponse::LAUNCHED
                            : cv1::LaunchResponse::ALREADY_LAUNCHED);
  if (is_new) {
    ++launches_;
    container.spec = spec;
    container.status.set_container_id(spec.container_id());
    container.status.set_state(cv1::RUNNING);
    container.status.set_pid(4242);
    container.status.set_started_at_ns(absl::ToUnixNanos(runtime::ProcessClock::Get().Now()));
    cv1::ContainerStarted* started = out->add_responses()->mutable_started();
    started->set_container_id(spec.container_id());
    started->set_pid(4242);
    started->set_started_at_ns(container.status.started_at_ns());
    changed_.SignalAll();
  }
  *out->mutable_responses(0)->mutable_launch()->mutable_status() = container.status;
}

void FakeContainerizer::End(const std::string& id, cv1::Termination termination,
                            cv1::Responses* out) {
  auto it = containers_.find(id);
  if (it == containers_.end() || it->second.status.state() == cv1::TERMINATED) return;
  it->second.status.set_state(cv1::TERMINATED);
  *it->second.status.mutable_termination() = termination;
  cv1::ContainerTerminated* event = out->add_responses()->mutable_terminated();
  event->set_container_id(id);
  *event->mutable_termination() = std::move(termination);
}

cv1::LaunchSpec FakeContainerizer::WaitForLaunch(const std::string& task) {
  const absl::Time deadline = runtime::ProcessClock::Get().Now() + absl::Seconds(60);
  MutexLock lock(&mutex_);
  while (true) {
    for (const auto& [id, container] : containers_) {
      if (container.spec.labels().task_id() == task) return container.spec;
    }
    const absl::Duration left = deadline - runtime::ProcessClock::Get().Now();
    if (left <= absl::ZeroDuration()) return {};
    changed_.WaitFor(&mutex_, left);
  }
}

void FakeContainerizer::Exit(const std::string& task, int code) {
  MutexLock lock(&mutex_);
  cv1::Responses events;
  for (const auto& [id, container] : containers_) {
    if (container.spec.labels().task_id() != task) continue;
    cv1::Termination termination;
    termination.set_reason(cv1::EXITED);
    termination.set_message("exited");
    termination.set_exit_code(static_cast<uint32_t>(code));
    End(id, std::move(termination), &events);
  }
  Broadcast(events);
}

size_t FakeContainerizer::container_count() const {
  MutexLock lock(&mutex_);
  return containers_.size();
}

int FakeContainerizer::launches() const {
  MutexLock lock(&mutex_);
  return launches_;
}

}  // namespace meros::agent

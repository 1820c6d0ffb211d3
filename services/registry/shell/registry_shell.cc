#include "services/registry/shell/registry_shell.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/telemetry/log.h"
#include "services/registry/shell/store_codec.h"

#ifndef MEROS_VERSION
#error "the build defines MEROS_VERSION"
#endif

namespace meros::registry {

absl::StatusOr<std::unique_ptr<RegistryShell>> RegistryShell::Start(
    const CoreOptions& options, std::unique_ptr<storage::Store> store, std::string store_name,
    RegistryMetrics* metrics) {
  MEROS_ASSIGN_OR_RETURN(const auto rows, store->List(""));
  MEROS_ASSIGN_OR_RETURN(StoredState stored, DecodeStore(rows));
  MEROS_LOG(INFO) << "records read" << telemetry::Field("records", stored.records.size())
                  << telemetry::Field("revision", stored.revision);
  RegistryCore core(options, std::move(stored), runtime::ProcessClock::Get().Now());
  auto shell = std::unique_ptr<RegistryShell>(
      new RegistryShell(std::move(core), std::move(store_name), metrics));
  RegistryShell* const self = shell.get();
  shell->writer_ = std::make_unique<StoreWriter>(
      std::move(store),
      [self](uint64_t token, const absl::Status& status, size_t changes, absl::Duration took) {
        self->metrics_->OnCommit(status, changes, took);
        if (status.ok()) {
          self->strand_.Post(RegistryCore::StoreCommitted{token});
        } else {
          MEROS_LOG(ERROR) << "the store failed; refusing writes for a while"
                           << telemetry::Field("status", status.ToString());
          self->strand_.Post(RegistryCore::StoreFailed{token, status});
        }
      });
  shell->strand_.Start([self](absl::Time, std::vector<RegistryCore::Effect> effects) {
    self->Apply(std::move(effects));
  });
  return shell;
}

RegistryShell::RegistryShell(RegistryCore core, std::string store_name, RegistryMetrics* metrics)
    : store_name_(std::move(store_name)),
      metrics_(metrics),
      strand_(std::move(core), {.name = "registry", .observer = &metrics->strand}) {}

RegistryShell::~RegistryShell() {
  strand_.Stop();
  writer_.reset();
}

absl::Status RegistryShell::Ready() const {
  if (writable_) return absl::OkStatus();
  return absl::UnavailableError("the store has failed; writes are refused");
}

void RegistryShell::Apply(std::vector<RegistryCore::Effect> effects) {
  std::map<StreamId, v1::SessionResponse> frames;
  for (RegistryCore::Effect& effect : effects) {
    if (auto* persist = std::get_if<RegistryCore::Persist>(&effect)) {
      writer_->Write(std::move(*persist));
    } else if (auto* reply = std::get_if<RegistryCore::Reply>(&effect)) {
      v1::SessionResponse& frame = frames[reply->stream];
      *frame.add_responses() = std::move(reply->response);
      // Parts of a listing are large; one frame holds about one.
      if (frame.responses(frame.responses_size() - 1).has_list()) {
        Deliver(reply->stream, std::exchange(frame, v1::SessionResponse()));
      }
    } else if (auto* status = std::get_if<RegistryCore::ReplyStatus>(&effect)) {
      status->response.set_version(MEROS_VERSION);
      status->response.set_store(store_name_);
      MutexLock lock(&mutex_);
      const auto call = status_calls_.find(status->call);
      if (call == status_calls_.end()) continue;
      call->second.Finish(std::move(status->response));
      status_calls_.erase(call);
    }
  }
  for (auto& [id, frame] : frames) {
    if (!frame.responses().empty()) Deliver(id, std::move(frame));
  }
  strand_.Inspect([this](const RegistryCore& core) {
    metrics_->OnState(core);
    writable_ = core.write_state() != WriteState::kReadOnly;
  });
}

void RegistryShell::Deliver(StreamId id, v1::SessionResponse frame) {
  std::shared_ptr<Stream> stream;
  {
    MutexLock lock(&mutex_);
    if (const auto it = streams_.find(id); it != streams_.end()) {
      stream = it->second.lock();
    } else if (const auto call = leader_calls_.find(id); call != leader_calls_.end()) {
      const v1::Response& response = frame.responses(0);
      if (response.code() == 0) {
        call->second.Finish(response.leader());
      } else {
        call->second.Finish(
            absl::Status(static_cast<absl::StatusCode>(response.code()), response.message()));
      }
      leader_calls_.erase(call);
    }
  }
  if (stream != nullptr) stream->Send(std::move(frame));
}

void RegistryShell::OnFrame(StreamId id, Stream* stream, v1::SessionRequest frame) {
  metrics_->requests.Add(frame.requests_size());
  for (v1::Request& request : *frame.mutable_requests()) {
    if (!strand_.TryPost(RegistryCore::Requested{id, std::move(request)})) {
      stream->Abort(absl::ResourceExhaustedError("the registry's mailbox is full"));
      return;
    }
  }
}

grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* RegistryShell::Session(
    grpc::CallbackServerContext* context) {
  const StreamId id = ++last_id_;
  auto stream = Stream::Create(context);
  {
    MutexLock lock(&mutex_);
    streams_[id] = stream;
  }
  metrics_->sessions.Add(1);
  return stream->Start(
      {.on_frame = [this, id, raw = stream.get()](
                       v1::SessionRequest frame) { OnFrame(id, raw, std::move(frame)); },
       .on_closed =
           [this, id](const absl::Status&) {
             metrics_->sessions.Add(-1);
             {
               MutexLock lock(&mutex_);
               streams_.erase(id);
             }
             strand_.Post(RegistryCore::StreamClosed{id});
           }});
}

grpc::ServerUnaryReactor* RegistryShell::GetLeader(grpc::CallbackServerContext* context,
                                                   const v1::GetLeaderRequest* request,
                                                   v1::GetLeaderResponse* response) {
  return rpc::AnswerLater<v1::GetLeaderResponse>(
      context, response, [&](rpc::UnaryReply<v1::GetLeaderResponse> reply) {
        const uint64_t id = ++last_id_;
        v1::Request asked;
        asked.set_id(1);
        *asked.mutable_get_leader() = *request;
        {
          MutexLock lock(&mutex_);
          leader_calls_.emplace(id, reply);
        }
        if (strand_.TryPost(RegistryCore::Requested{id, std::move(asked)})) return;
        reply.Finish(absl::ResourceExhaustedError("the registry's mailbox is full"));
        MutexLock lock(&mutex_);
        leader_calls_.erase(id);
      });
}

grpc::ServerUnaryReactor* RegistryShell::GetStatus(grpc::CallbackServerContext* context,
                                                   const v1::GetStatusRequest*,
                                                   v1::GetStatusResponse* response) {
  return rpc::AnswerLater<v1::GetStatusResponse>(
      context, response, [&](rpc::UnaryReply<v1::GetStatusResponse> reply) {
        const uint64_t id = ++last_id_;
        {
          MutexLock lock(&mutex_);
          status_calls_.emplace(id, reply);
        }
        if (strand_.TryPost(RegistryCore::StatusAsked{id})) return;
        reply.Finish(absl::ResourceExhaustedError("the registry's mailbox is full"));
        MutexLock lock(&mutex_);
        status_calls_.erase(id);
      });
}

}  // namespace meros::registry

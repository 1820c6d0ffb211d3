#include "services/registry/shell/registry_shell.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/waiting_call.h"
#include "libs/telemetry/log.h"
#include "services/registry/shell/store_codec.h"

#ifndef MEROS_VERSION
#error "the build defines MEROS_VERSION"
#endif

namespace meros::registry {

RegistryShell::RegistryShell(const CoreOptions& options, std::string store_name,
                             RegistryMetrics* metrics)
    : options_(options),
      store_name_(std::move(store_name)),
      metrics_(metrics),
      watch_streams_([this](RegistryCore::Input input) { return TryPost(std::move(input)); },
                     [this](RegistryCore::Input input) { Post(std::move(input)); },
                     options.watch_unread_bytes_max, metrics) {}

absl::Status RegistryShell::Serve(std::unique_ptr<storage::Store> store,
                                  std::function<void(absl::Status)> on_lost) {
  MEROS_ASSIGN_OR_RETURN(const auto rows, store->List(""));
  MEROS_ASSIGN_OR_RETURN(StoredState stored, DecodeStore(rows));
  MEROS_LOG(INFO) << "records read" << telemetry::Field("records", stored.records.size())
                  << telemetry::Field("revision", stored.revision);
  on_lost_ = std::move(on_lost);
  auto strand = std::make_shared<Strand>(
      RegistryCore(options_, std::move(stored), runtime::ProcessClock::Get().Now()),
      runtime::CoreStrandOptions{.name = "registry", .observer = &metrics_->strand});
  writer_ = std::make_unique<StoreWriter>(
      std::move(store), [this, strand](uint64_t token, const absl::Status& status, size_t changes,
                                       absl::Duration took) {
        metrics_->OnCommit(status, changes, took);
        OnWritten(strand, token, status);
      });
  strand->Start([this, raw = strand.get(), writer = writer_.get()](
                    absl::Time, std::vector<RegistryCore::Effect> effects) {
    Apply(raw, writer, std::move(effects));
  });
  writable_ = true;
  Publish(strand.get());
  MutexLock lock(&mutex_);
  if (owned_until_ != absl::InfinitePast()) strand->Post(RegistryCore::StoreOwned{owned_until_});
  strand_ = std::move(strand);
  return absl::OkStatus();
}

void RegistryShell::OnWritten(const std::shared_ptr<Strand>& strand, uint64_t token,
                              const absl::Status& status) {
  const bool is_news = NoteStore(status);
  if (status.ok()) {
    strand->Post(RegistryCore::StoreCommitted{token});
  } else {
    strand->Post(RegistryCore::StoreFailed{token, status});
  }
  // Of the end of a probe the strand tells nobody: there may be no effect.
  if (is_news) Publish(strand.get());
  if (absl::IsFailedPrecondition(status)) on_lost_(status);
}

bool RegistryShell::NoteStore(const absl::Status& status) {
  // A store that fails is tried all the time; one line for each reason is enough.
  const absl::Status before = std::exchange(noted_store_, status);
  if (status == before) return false;
  if (status.ok()) {
    MEROS_LOG(INFO) << "the store takes writes again";
  } else {
    MEROS_LOG(ERROR) << "the store failed; writes are refused until it takes one again"
                     << telemetry::Field("status", status.ToString());
  }
  return true;
}

void RegistryShell::Retire(const absl::Status& why) {
  std::shared_ptr<Strand> strand;
  std::vector<std::shared_ptr<Stream>> streams;
  std::map<uint64_t, rpc::UnaryReply<v1::GetStatusResponse>> status_calls;
  std::map<uint64_t, rpc::UnaryReply<v1::GetLeaderResponse>> leader_calls;
  {
    MutexLock lock(&mutex_);
    standing_by_ = why;
    strand = std::exchange(strand_, nullptr);
    for (const auto& [id, weak] : streams_) {
      if (auto stream = weak.lock()) streams.push_back(std::move(stream));
    }
    status_calls.swap(status_calls_);
    leader_calls.swap(leader_calls_);
  }
  if (strand == nullptr) return;
  strand->Stop();
  writer_.reset();
  for (const auto& stream : streams) stream->Abort(why);
  for (auto& [id, call] : status_calls) call.Finish(why);
  for (auto& [id, call] : leader_calls) call.Finish(why);
  watch_streams_.EndAll(why);
}

void RegistryShell::SetOwned(absl::Time until) {
  MutexLock lock(&mutex_);
  owned_until_ = std::max(owned_until_, until);
  if (strand_ != nullptr) strand_->Post(RegistryCore::StoreOwned{owned_until_});
}

absl::Status RegistryShell::TryPost(RegistryCore::Input input) {
  std::shared_ptr<Strand> strand;
  {
    MutexLock lock(&mutex_);
    if (strand_ == nullptr) return standing_by_;
    strand = strand_;
  }
  if (strand->TryPost(std::move(input))) return absl::OkStatus();
  return absl::ResourceExhaustedError("the registry's mailbox is full");
}

void RegistryShell::Post(RegistryCore::Input input) {
  std::shared_ptr<Strand> strand;
  {
    MutexLock lock(&mutex_);
    strand = strand_;
  }
  if (strand != nullptr) strand->Post(std::move(input));
}

absl::Status RegistryShell::Ready() const {
  MutexLock lock(&mutex_);
  if (strand_ == nullptr) return standing_by_;
  if (writable_) return absl::OkStatus();
  return absl::UnavailableError("the store has failed; writes are refused");
}

void RegistryShell::Apply(Strand* strand, StoreWriter* writer,
                          std::vector<RegistryCore::Effect> effects) {
  std::map<StreamId, v1::SessionResponse> frames;
  WatchStreams::Teller teller(&watch_streams_);
  for (RegistryCore::Effect& effect : effects) {
    if (auto* persist = std::get_if<RegistryCore::Persist>(&effect)) {
      writer->Write(std::move(*persist));
    } else if (auto* reply = std::get_if<RegistryCore::Reply>(&effect)) {
      v1::SessionResponse& frame = frames[reply->stream];
      *frame.add_responses() = std::move(reply->response);
      // Parts of a listing are large; one frame holds about one.
      if (frame.responses(frame.responses_size() - 1).has_list()) {
        Deliver(reply->stream, std::exchange(frame, v1::SessionResponse()));
      }
    } else if (auto* tell = std::get_if<TellWatcher>(&effect)) {
      teller.Tell(*tell);
    } else if (auto* end = std::get_if<EndWatch>(&effect)) {
      watch_streams_.End(*end);
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
  Publish(strand);
}

void RegistryShell::Publish(Strand* strand) {
  strand->Inspect([this](const RegistryCore& core) {
    metrics_->OnState(core);
    writable_ = TakesWrites(core.write_state());
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
    const absl::Status posted = TryPost(RegistryCore::Requested{id, std::move(request)});
    if (!posted.ok()) return stream->Abort(posted);
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
             Post(RegistryCore::StreamClosed{id});
           }});
}

grpc::ServerUnaryReactor* RegistryShell::GetLeader(grpc::CallbackServerContext*,
                                                   const v1::GetLeaderRequest* request,
                                                   v1::GetLeaderResponse* response) {
  const uint64_t id = ++last_id_;
  const auto start = [&](rpc::UnaryReply<v1::GetLeaderResponse> reply) {
    v1::Request asked;
    asked.set_id(1);
    *asked.mutable_get_leader() = *request;
    {
      MutexLock lock(&mutex_);
      leader_calls_.emplace(id, reply);
    }
    const absl::Status posted = TryPost(RegistryCore::Requested{id, std::move(asked)});
    if (posted.ok()) return;
    {
      MutexLock lock(&mutex_);
      if (leader_calls_.erase(id) == 0) return;  // ended by Retire
    }
    reply.Finish(posted);
  };
  return rpc::AnswerUnlessGone(response, start, [this, id] { ForgetLeaderCall(id); });
}

void RegistryShell::ForgetLeaderCall(uint64_t id) {
  decltype(leader_calls_)::node_type call;
  {
    MutexLock lock(&mutex_);
    call = leader_calls_.extract(id);
  }
  if (call.empty()) return;  // answered
  // Else the core would keep its place until the wait is over, up to an hour.
  Post(RegistryCore::StreamClosed{id});
  call.mapped().Finish(absl::CancelledError("the caller has gone"));
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* RegistryShell::Watch(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return watch_streams_.Open(context, *request, ++last_id_);
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
        const absl::Status posted = TryPost(RegistryCore::StatusAsked{id});
        if (posted.ok()) return;
        {
          MutexLock lock(&mutex_);
          if (status_calls_.erase(id) == 0) return;  // ended by Retire
        }
        reply.Finish(posted);
      });
}

}  // namespace meros::registry

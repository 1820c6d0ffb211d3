#include "services/allocator/shell/service.h"

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "libs/rpc/channel.h"
#include "libs/telemetry/log.h"
#include "services/allocator/shell/explain_wire.h"
#include "services/allocator/shell/from_wire.h"

namespace meros::allocator {
namespace {

using telemetry::Field;

// Masters that may be connected at a time; there are a handful, of which one is served.
constexpr size_t kStreamsMax = 100;
// Questions that may wait; each costs the strand some milliseconds.
constexpr size_t kCallsMax = 16;

// Collects the messages of one stream into frames near kFrameBytesTarget.
template <typename Stream>
class FrameWriter {
 public:
  explicit FrameWriter(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  ~FrameWriter() { Flush(); }

  template <typename Content>
  void Add(const Content& content) {
    v1::AllocatorMessage* message = frame_.add_messages();
    ToWire(content, message);
    bytes_ += message->ByteSizeLong();
    if (bytes_ >= rpc::kFrameBytesTarget) Flush();
  }

  void Close(absl::Status status) {
    Flush();
    stream_->Close(std::move(status));
  }

 private:
  void Flush() {
    // A stream that ends loses its frames; the core hears of the end by itself.
    if (frame_.messages_size() > 0) (void)stream_->Send(std::exchange(frame_, {}));
    bytes_ = 0;
  }

  const std::shared_ptr<Stream> stream_;
  v1::AllocatorFrame frame_;
  size_t bytes_ = 0;
};

void Log(const HoardingChange& change) {
  MEROS_LOG(WARNING) << (change.hoards ? "a framework hoards offers while others want some"
                                       : "a framework does not hoard offers any more")
                     << Field("framework", change.framework.value())
                     << Field("share", change.share);
}

// 0 for what goes to no stream.
StreamId StreamOf(const Core::Effect& effect) {
  return std::visit(
      [](const auto& e) -> StreamId {
        using Effect = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<Effect, Explained> ||
                      std::is_same_v<Effect, HoardingNoticed>) {
          return 0;
        } else {
          return e.stream;
        }
      },
      effect);
}

}  // namespace

Service::Service(Strand* strand, Identity identity)
    : strand_(strand), identity_(std::move(identity)) {}

void Service::Start() {
  strand_->Start(
      [this](absl::Time, std::vector<Core::Effect> effects) { Apply(std::move(effects)); });
}

grpc::ServerBidiReactor<v1::MasterFrame, v1::AllocatorFrame>* Service::Session(
    grpc::CallbackServerContext* context) {
  auto stream = Stream::Create(context);
  StreamId id = 0;
  bool has_room = false;
  {
    MutexLock lock(&mutex_);
    id = ++last_id_;
    has_room = streams_.size() < kStreamsMax;
    if (has_room) streams_[id] = stream;
  }
  MEROS_LOG(INFO) << "session opened" << Field("stream", id) << Field("peer", stream->peer())
                  << Field("principal", stream->principal());
  if (!has_room) stream->Close(absl::ResourceExhaustedError("too many sessions are open"));
  return stream->Start(
      {.on_frame = [this, id](v1::MasterFrame frame) { OnFrame(id, frame); },
       .on_closed = [this, id](const absl::Status& status) { OnClosed(id, status); }});
}

void Service::OnFrame(StreamId id, const v1::MasterFrame& frame) {
  if (strand_->TryPost(FrameReceived{id, FromWire(frame)})) return;
  // The mirror has a gap now; the master begins anew with a session and a snapshot.
  if (auto stream = Find(id); stream != nullptr) {
    stream->Abort(absl::ResourceExhaustedError("the allocator cannot keep up"));
  }
}

void Service::OnClosed(StreamId id, const absl::Status& status) {
  {
    MutexLock lock(&mutex_);
    streams_.erase(id);
  }
  MEROS_LOG(INFO) << "session closed" << Field("stream", id) << Field("status", status);
  strand_->Post(StreamClosed{id});
}

grpc::ServerUnaryReactor* Service::Explain(grpc::CallbackServerContext* context,
                                           const v1::ExplainRequest* request,
                                           v1::ExplainResponse* response) {
  using Reply = rpc::UnaryReply<v1::ExplainResponse>;
  return rpc::AnswerLater<v1::ExplainResponse>(context, response, [&](Reply reply) {
    absl::StatusOr<ExplainQuery> query = FromWire(*request);
    if (!query.ok()) return reply.Finish(query.status());
    uint64_t call = 0;
    {
      MutexLock lock(&mutex_);
      if (calls_.size() < kCallsMax) calls_.emplace(call = ++last_call_, reply);
    }
    if (call == 0) {
      return reply.Finish(absl::ResourceExhaustedError("too many questions wait, try again"));
    }
    if (strand_->TryPost(ExplainAsked{call, *std::move(query)})) return;
    Answer({call, absl::ResourceExhaustedError("the allocator cannot keep up, try again")});
  });
}

void Service::Answer(Explained explained) {
  std::optional<rpc::UnaryReply<v1::ExplainResponse>> reply;
  {
    MutexLock lock(&mutex_);
    const auto found = calls_.find(explained.call);
    if (found == calls_.end()) return;
    reply = found->second;
    calls_.erase(found);
  }
  if (explained.explanation.ok()) {
    reply->Finish(ToWire(**explained.explanation));
  } else {
    reply->Finish(explained.explanation.status());
  }
}

std::shared_ptr<Service::Stream> Service::Find(StreamId id) const {
  MutexLock lock(&mutex_);
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second;
}

void Service::Apply(std::vector<Core::Effect> effects) {
  // The effects of one stream mostly follow each other: there is one master.
  for (size_t next = 0; next < effects.size();) {
    if (auto* explained = std::get_if<Explained>(&effects[next]); explained != nullptr) {
      Answer(std::move(*explained));
      ++next;
      continue;
    }
    if (const auto* noticed = std::get_if<HoardingNoticed>(&effects[next]); noticed != nullptr) {
      Log(noticed->change);
      ++next;
      continue;
    }
    const StreamId id = StreamOf(effects[next]);
    const auto stream = Find(id);
    if (stream == nullptr) {
      ++next;
      continue;
    }
    FrameWriter<Stream> writer(stream);
    for (; next < effects.size() && StreamOf(effects[next]) == id; ++next) {
      std::visit(
          [&](auto& effect) {
            using Effect = std::decay_t<decltype(effect)>;
            if constexpr (std::is_same_v<Effect, SendWelcome>) {
              writer.Add(identity_);
            } else if constexpr (std::is_same_v<Effect, SendProposal>) {
              writer.Add(effect.proposal);
            } else if constexpr (std::is_same_v<Effect, SendGangProposal>) {
              writer.Add(effect.proposal);
            } else if constexpr (std::is_same_v<Effect, SendInverseOffer>) {
              writer.Add(effect.inverse_offer);
            } else if constexpr (std::is_same_v<Effect, SendPreemption>) {
              writer.Add(effect.preemption);
            } else if constexpr (std::is_same_v<Effect, SendNeedSnapshot>) {
              MEROS_LOG(WARNING) << "asking for a snapshot" << Field("reason", effect.reason);
              writer.Add(effect);
            } else if constexpr (std::is_same_v<Effect, CloseStream>) {
              MEROS_LOG(WARNING) << "ending a session" << Field("stream", id)
                                 << Field("status", effect.status);
              writer.Close(std::move(effect.status));
            }
          },
          effects[next]);
    }
  }
}

}  // namespace meros::allocator

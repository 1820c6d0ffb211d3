#include "services/agent/shell/containerizer_client.h"

#include <utility>

#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/channel.h"
#include "meros/containerizer/v1/containerizer.grpc.pb.h"

namespace meros::agent {

namespace cv1 = containerizer::v1;

namespace {

using Stream = rpc::BidiClientStream<cv1::Requests, cv1::Responses>;

// The protocol's bounds are 1024 requests and 4 MiB; a launch is a few KiB, rarely 1 MiB.
constexpr int kRequestsPerFrameMax = 512;
constexpr size_t kFrameBytesMax = 2 << 20;
constexpr uint64_t kFirstCallId = uint64_t{1} << 62;
constexpr size_t kCallsMax = 1024;  // statistics in flight

}  // namespace

struct ContainerizerClient::Impl {
  explicit Impl(uint64_t seed)
      : rng(seed), backoff({.initial = absl::Milliseconds(50), .maximum = absl::Seconds(1)}) {}

  Mutex mutex;
  CondVar closed;
  Rng rng MEROS_GUARDED_BY(mutex);
  runtime::Backoff backoff MEROS_GUARDED_BY(mutex);
  std::unique_ptr<cv1::ContainerizerService::Stub> stub MEROS_GUARDED_BY(mutex);
  std::shared_ptr<Stream> stream MEROS_GUARDED_BY(mutex);
  SessionId session MEROS_GUARDED_BY(mutex) = 0;
  int open_streams MEROS_GUARDED_BY(mutex) = 0;  // whose on_closed has not returned
  uint64_t next_call MEROS_GUARDED_BY(mutex) = kFirstCallId;
  std::map<uint64_t, Answer> calls MEROS_GUARDED_BY(mutex);
  bool stopping MEROS_GUARDED_BY(mutex) = false;
};

ContainerizerClient::ContainerizerClient(std::string address, uint64_t seed, Redialer* redialer)
    : address_(std::move(address)), redialer_(redialer), impl_(std::make_unique<Impl>(seed)) {}

ContainerizerClient::~ContainerizerClient() { Stop(); }

void ContainerizerClient::Start(ContainerizerHandlers handlers) {
  handlers_ = std::move(handlers);
  Dial();
}

void ContainerizerClient::Stop() {
  std::shared_ptr<Stream> stream;
  {
    MutexLock lock(&impl_->mutex);
    impl_->stopping = true;
    stream = std::move(impl_->stream);
  }
  if (stream != nullptr) stream->Cancel();
  MutexLock lock(&impl_->mutex);
  while (impl_->open_streams > 0) impl_->closed.Wait(&impl_->mutex);
}

void ContainerizerClient::Dial() {
  auto stream = Stream::Create();
  SessionId session = 0;
  cv1::ContainerizerService::Stub* stub = nullptr;
  {
    MutexLock lock(&impl_->mutex);
    if (impl_->stopping) return;
    if (impl_->stub == nullptr) {
      auto channel =
          rpc::MakeChannel(address_, {.insecure = true}, {.reconnect_maximum = absl::Seconds(1)});
      // A unix address takes no credentials that could be wrong; its form was checked with the
      // flags.
      if (!channel.ok()) return;
      impl_->stub = cv1::ContainerizerService::NewStub(*channel);
    }
    stub = impl_->stub.get();
    impl_->stream = stream;
    session = ++impl_->session;
    ++impl_->open_streams;
  }
  // First, so that the core knows the session when its first answer comes.
  handlers_.on_up(session);
  stub->async()->Connect(stream->context(), stream->reactor());
  stream->Start(
      {.on_frame = [this, session](cv1::Responses frame) { OnFrame(session, std::move(frame)); },
       .on_closed = [this, session](const absl::Status& status) { OnClosed(session, status); }});
}

void ContainerizerClient::OnFrame(SessionId session, cv1::Responses frame) {
  for (cv1::Response& response : *frame.mutable_responses()) {
    if (response.request_id() < kFirstCallId) {
      handlers_.on_response(session, std::move(response));
      continue;
    }
    Answer answer;
    {
      MutexLock lock(&impl_->mutex);
      auto it = impl_->calls.find(response.request_id());
      if (it == impl_->calls.end()) continue;
      answer = std::move(it->second);
      impl_->calls.erase(it);
    }
    if (response.code() == 0) {
      answer(std::move(response));
    } else {
      answer(absl::Status(static_cast<absl::StatusCode>(response.code()), response.message()));
    }
  }
  MutexLock lock(&impl_->mutex);
  impl_->backoff.Reset();
}

void ContainerizerClient::OnClosed(SessionId session, const absl::Status& status) {
  std::map<uint64_t, Answer> unanswered;
  absl::Duration delay;
  {
    MutexLock lock(&impl_->mutex);
    unanswered.swap(impl_->calls);
    impl_->stream.reset();
    delay = impl_->backoff.Next(&impl_->rng);
  }
  for (auto& [id, answer] : unanswered) {
    answer(absl::UnavailableError("the containerizer is away"));
  }
  handlers_.on_down(session, status);
  redialer_->After(delay, [this] { Dial(); });
  MutexLock lock(&impl_->mutex);
  --impl_->open_streams;
  impl_->closed.SignalAll();
}

void ContainerizerClient::Send(SessionId session, std::vector<cv1::Request> requests) {
  std::shared_ptr<Stream> stream;
  {
    MutexLock lock(&impl_->mutex);
    if (session != impl_->session) return;
    stream = impl_->stream;
  }
  if (stream == nullptr) return;
  cv1::Requests frame;
  size_t bytes = 0;
  for (cv1::Request& request : requests) {
    bytes += request.ByteSizeLong();
    *frame.add_requests() = std::move(request);
    if (frame.requests_size() < kRequestsPerFrameMax && bytes < kFrameBytesMax) continue;
    stream->Send(std::exchange(frame, {}));
    bytes = 0;
  }
  if (frame.requests_size() > 0) stream->Send(std::move(frame));
}

void ContainerizerClient::Call(cv1::Request request, Answer answer) {
  std::shared_ptr<Stream> stream;
  absl::Status refusal;
  {
    MutexLock lock(&impl_->mutex);
    stream = impl_->stream;
    if (stream == nullptr) {
      refusal = absl::UnavailableError("the containerizer is away");
    } else if (impl_->calls.size() >= kCallsMax) {
      refusal = absl::ResourceExhaustedError("too many requests for statistics at a time");
    } else {
      request.set_request_id(impl_->next_call++);
      impl_->calls.emplace(request.request_id(), answer);
    }
  }
  if (!refusal.ok()) return answer(std::move(refusal));
  cv1::Requests frame;
  *frame.add_requests() = std::move(request);
  stream->Send(std::move(frame));
}

}  // namespace meros::agent

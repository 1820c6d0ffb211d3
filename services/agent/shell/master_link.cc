#include "services/agent/shell/master_link.h"

#include <utility>

#include "libs/base/mutex.h"
#include "libs/base/rng.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/warm_channels.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/leader_search.h"
#include "meros/agent_link/v1/agent_link.grpc.pb.h"

namespace meros::agent {

namespace link = agent_link::v1;

namespace {

using Stream = rpc::BidiClientStream<link::AgentFrame, link::MasterFrame>;
using Service = link::AgentLinkService;

absl::Time Now() { return runtime::ProcessClock::Get().Now(); }

}  // namespace

struct MasterLink::Impl {
  Impl(const MasterLinkOptions& options, uint64_t seed)
      : rng(seed),
        search(options.masters,
               {.initial = options.backoff_initial, .maximum = options.backoff_maximum}),
        channels({.addresses = options.masters, .tls = options.tls}) {}

  Mutex mutex;
  CondVar closed;
  Rng rng MEROS_GUARDED_BY(mutex);
  runtime::LeaderSearch search MEROS_GUARDED_BY(mutex);
  rpc::WarmChannels channels;
  std::shared_ptr<Stream> stream MEROS_GUARDED_BY(mutex);
  StreamId id MEROS_GUARDED_BY(mutex) = 0;
  int open_streams MEROS_GUARDED_BY(mutex) = 0;  // whose on_closed has not returned
  bool stopping MEROS_GUARDED_BY(mutex) = false;
};

MasterLink::MasterLink(MasterLinkOptions options, uint64_t seed, Redialer* redialer)
    : options_(std::move(options)),
      redialer_(redialer),
      impl_(std::make_unique<Impl>(options_, seed)) {}

MasterLink::~MasterLink() { Stop(); }

void MasterLink::Start(MasterLinkHandlers handlers) {
  handlers_ = std::move(handlers);
  impl_->channels.Start();
}

void MasterLink::Stop() {
  std::shared_ptr<Stream> stream;
  {
    MutexLock lock(&impl_->mutex);
    impl_->stopping = true;
    stream = impl_->stream;
  }
  impl_->channels.Stop();
  if (stream != nullptr) stream->Cancel();
  MutexLock lock(&impl_->mutex);
  while (impl_->open_streams > 0) impl_->closed.Wait(&impl_->mutex);
}

void MasterLink::Open() {
  absl::Duration delay;
  {
    MutexLock lock(&impl_->mutex);
    delay = impl_->search.Delay(&impl_->rng);
  }
  redialer_->After(delay, [this] { Dial(); });
}

void MasterLink::Dial() {
  auto stream = Stream::Create();
  StreamId id = 0;
  std::string master, lost;
  {
    MutexLock lock(&impl_->mutex);
    if (impl_->stopping) return;
    master = impl_->search.Dial(Now());
    lost = impl_->search.lost_master();
  }
  const auto channel = impl_->channels.Get(master);
  {
    MutexLock lock(&impl_->mutex);
    if (impl_->stopping) return;
    id = ++impl_->id;
    if (channel.ok()) {
      impl_->stream = stream;
      ++impl_->open_streams;
    }
  }
  // First, so that the core knows the stream when its first message comes.
  handlers_.on_up(id, master, lost);
  if (!channel.ok()) return handlers_.on_down(id, channel.status());
  Service::NewStub(*channel)->async()->Connect(stream->context(), stream->reactor());
  stream->Start({.on_frame = [this, id](link::MasterFrame frame) { OnFrame(id, std::move(frame)); },
                 .on_closed = [this, id](const absl::Status& status) { OnClosed(id, status); }});
}

void MasterLink::OnFrame(StreamId id, link::MasterFrame frame) {
  for (link::MasterMessage& message : *frame.mutable_messages()) {
    if (message.has_registered()) {
      MutexLock lock(&impl_->mutex);
      impl_->search.Accepted();
    }
    handlers_.on_message(id, std::move(message));
  }
}

void MasterLink::OnClosed(StreamId id, const absl::Status& status) {
  {
    MutexLock lock(&impl_->mutex);
    if (id == impl_->id) {
      impl_->stream.reset();
      impl_->search.Failed(Now(), status);
    }
  }
  handlers_.on_down(id, status);
  MutexLock lock(&impl_->mutex);
  --impl_->open_streams;
  impl_->closed.SignalAll();
}

void MasterLink::Send(StreamId id, std::vector<link::AgentMessage> messages) {
  std::shared_ptr<Stream> stream;
  {
    MutexLock lock(&impl_->mutex);
    if (id != impl_->id) return;
    stream = impl_->stream;
  }
  if (stream == nullptr) return;
  link::AgentFrame frame;
  size_t bytes = 0;
  for (link::AgentMessage& message : messages) {
    bytes += message.ByteSizeLong();
    *frame.add_messages() = std::move(message);
    if (bytes < rpc::kFrameBytesTarget) continue;
    stream->Send(std::exchange(frame, {}));
    bytes = 0;
  }
  if (frame.messages_size() > 0) stream->Send(std::move(frame));
}

void MasterLink::Close(StreamId id, absl::Status reason) {
  std::shared_ptr<Stream> stream;
  {
    MutexLock lock(&impl_->mutex);
    if (id != impl_->id) return;
    stream = impl_->stream;
  }
  if (stream != nullptr) stream->Abort(std::move(reason));
}

}  // namespace meros::agent

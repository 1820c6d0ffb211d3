#include "services/containerizer/shell/service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/rpc/unix_socket.h"

namespace meros::containerizer {
namespace {

constexpr int kRequestsPerFrameMax = 1024;
// A node has one agent; room for one that is being replaced, and for people with tools.
constexpr size_t kStreamsMax = 16;
// The largest answer is a list of all containers, some 5 MiB with 10,000 of them.
constexpr size_t kOutboxBytesMax = 32 << 20;

v1::Response Refusal(uint64_t request_id, const absl::Status& status) {
  v1::Response response;
  response.set_request_id(request_id);
  response.set_code(static_cast<uint32_t>(status.code()));
  response.set_message(std::string(status.message()));
  return response;
}

}  // namespace

absl::Status ClaimSocket(const std::string& path) {
  constexpr absl::Duration kPoll = absl::Milliseconds(10);
  absl::Status claimed = rpc::PrepareUnixSocket(path);
  for (int tries = 0; tries < 100 && absl::IsAlreadyExists(claimed); ++tries) {
    absl::SleepFor(kPoll);
    claimed = rpc::PrepareUnixSocket(path);
  }
  return claimed;
}

grpc::ServerBidiReactor<v1::Requests, v1::Responses>* Service::Connect(
    grpc::CallbackServerContext* context) {
  auto stream = Stream::Create(context, {.bytes_max = kOutboxBytesMax});
  StreamId id = 0;
  {
    MutexLock lock(&mutex_);
    if (streams_.size() < kStreamsMax) {
      id = ++last_id_;
      streams_.emplace(id, stream);
      open_streams_.Set(static_cast<double>(streams_.size()));
    }
  }
  if (id == 0) {
    stream->Close(
        absl::ResourceExhaustedError(absl::StrCat("there are ", kStreamsMax, " streams already")));
    return stream->Start(
        {.on_frame = [](v1::Requests) {}, .on_closed = [](const absl::Status&) {}});
  }
  host_->StreamOpened(id);
  return stream->Start({.on_frame =
                            [this, id, stream = stream.get()](v1::Requests frame) {
                              OnFrame(id, stream->shared_from_this(), std::move(frame));
                            },
                        .on_closed = [this, id](const absl::Status&) { OnClosed(id); }});
}

void Service::OnFrame(StreamId id, const std::shared_ptr<Stream>& stream, v1::Requests frame) {
  if (frame.requests_size() > kRequestsPerFrameMax) {
    return stream->Close(absl::InvalidArgumentError(absl::StrCat(
        "a frame of ", frame.requests_size(), " requests, more than ", kRequestsPerFrameMax)));
  }
  v1::Responses refusals;
  for (v1::Request& request : *frame.mutable_requests()) {
    const uint64_t request_id = request.request_id();
    if (!host_->Submit(id, std::move(request))) {
      *refusals.add_responses() =
          Refusal(request_id, absl::ResourceExhaustedError("the containerizer is overloaded"));
    }
  }
  if (refusals.responses_size() > 0) stream->Send(std::move(refusals));
}

void Service::OnClosed(StreamId id) {
  {
    MutexLock lock(&mutex_);
    streams_.erase(id);
    open_streams_.Set(static_cast<double>(streams_.size()));
  }
  host_->StreamClosed(id);
}

void Service::Send(StreamId id, v1::Responses frame) {
  std::shared_ptr<Stream> stream;
  {
    MutexLock lock(&mutex_);
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    stream = found->second;
  }
  stream->Send(std::move(frame));
}

}  // namespace meros::containerizer

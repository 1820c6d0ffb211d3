#include "services/registry/shell/watch_streams.h"

#include <utility>

#include "libs/rpc/packed.h"

namespace meros::registry {

grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchStreams::Open(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer& packed_request, StreamId id) {
  auto writer = Writer::Create(context);
  const auto on_closed = [this, id](const absl::Status& status) {
    // Its own watchdog found that it takes nothing.
    if (absl::IsDeadlineExceeded(status)) metrics_->watchers_cut.Add();
    Take(id);
    post_(RegistryCore::WatchClosed{id});
  };
  // One write after the other, so this needs no lock.
  const auto on_written = [this, id, read = size_t{0}](size_t bytes) mutable {
    read += bytes;
    if (read < report_bytes_) return;
    post_(RegistryCore::WatchRead{id, std::exchange(read, 0)});
  };
  auto* const reactor = writer->Start(on_closed, on_written);
  absl::StatusOr<v1::WatchRequest> request = rpc::Unpack<v1::WatchRequest>(packed_request);
  if (!request.ok()) {
    writer->Close(request.status());
    return reactor;
  }
  {
    MutexLock lock(&mutex_);
    writers_[id] = writer;
  }
  // Not later than here: gRPC tells of the end of a call only when this has returned, so the core
  // hears of it after this.
  const absl::Status asked = try_post_(RegistryCore::WatchAsked{id, *std::move(request)});
  if (!asked.ok()) {
    Take(id);
    writer->Close(asked);
  }
  return reactor;
}

void WatchStreams::Teller::Tell(const TellWatcher& tell) {
  const std::shared_ptr<Writer> writer = streams_.Find(tell.watch);
  if (writer == nullptr) return;
  const auto [it, is_new] = packed_.try_emplace(tell.response);
  if (is_new) it->second = rpc::BufferOf(tell.response->SerializeAsString());
  writer->Send(it->second);
}

void WatchStreams::End(const EndWatch& end) {
  if (end.is_overrun) metrics_->watchers_cut.Add();
  const std::shared_ptr<Writer> writer = Take(end.watch);
  if (writer != nullptr) writer->Close(end.status);
}

void WatchStreams::EndAll(const absl::Status& why) {
  std::map<StreamId, std::shared_ptr<Writer>> writers;
  {
    MutexLock lock(&mutex_);
    writers.swap(writers_);
  }
  for (const auto& [id, writer] : writers) writer->Close(why);
}

std::shared_ptr<WatchStreams::Writer> WatchStreams::Find(StreamId id) {
  MutexLock lock(&mutex_);
  const auto it = writers_.find(id);
  return it == writers_.end() ? nullptr : it->second;
}

std::shared_ptr<WatchStreams::Writer> WatchStreams::Take(StreamId id) {
  MutexLock lock(&mutex_);
  const auto it = writers_.find(id);
  if (it == writers_.end()) return nullptr;
  std::shared_ptr<Writer> writer = std::move(it->second);
  writers_.erase(it);
  return writer;
}

}  // namespace meros::registry

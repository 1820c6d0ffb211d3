// meros.containerizer.v1.ContainerizerService: streams of frames in, streams of frames out. Decides
// nothing; requests go to the ContainerHost, frames for a stream come from it.
//
// Thread rule: thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "libs/base/ids.h"
#include "libs/base/mutex.h"
#include "libs/rpc/bidi_server_stream.h"
#include "libs/telemetry/metrics.h"
#include "meros/containerizer/v1/containerizer.grpc.pb.h"
#include "services/containerizer/shell/container_host.h"

namespace meros::containerizer {

// Makes `path` ready to listen on, as rpc::PrepareUnixSocket does. When somebody listens there,
// waits for a second first: a child that a killed containerizer was just creating holds the socket
// until it has executed meros-init.
absl::Status ClaimSocket(const std::string& path);

class Service final : public v1::ContainerizerService::CallbackService {
 public:
  explicit Service(telemetry::Gauge streams) : open_streams_(streams) {}

  // Connects the other way; before the first stream. `host` must outlive all streams.
  void SetHost(ContainerHost* host) { host_ = host; }

  grpc::ServerBidiReactor<v1::Requests, v1::Responses>* Connect(
      grpc::CallbackServerContext* context) override;

  // A stream that has gone is fine: its client will List again.
  void Send(StreamId stream, v1::Responses frame);

 private:
  using Stream = rpc::BidiServerStream<v1::Requests, v1::Responses>;

  void OnFrame(StreamId id, const std::shared_ptr<Stream>& stream, v1::Requests frame);
  void OnClosed(StreamId id);

  telemetry::Gauge open_streams_;
  ContainerHost* host_ = nullptr;
  Mutex mutex_;
  StreamId last_id_ MEROS_GUARDED_BY(mutex_) = 0;
  std::map<StreamId, std::shared_ptr<Stream>> streams_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::containerizer

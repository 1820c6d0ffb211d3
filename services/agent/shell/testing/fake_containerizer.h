// A containerizer for tests, served over a unix socket: containers are entries of a map, which
// "run" until the test ends them. It keeps the protocol's promises (one launch per id, terminations
// kept until Remove, the truth in List) across Stop() and Serve().
//
// Owner: the test. Thread rule: thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "libs/base/mutex.h"
#include "libs/rpc/bidi_server_stream.h"
#include "libs/rpc/server.h"
#include "meros/containerizer/v1/containerizer.grpc.pb.h"

namespace meros::agent {

class FakeContainerizer final : public containerizer::v1::ContainerizerService::CallbackService {
 public:
  explicit FakeContainerizer(std::string socket) : socket_(std::move(socket)) {}
  ~FakeContainerizer() override { Stop(); }

  absl::Status Serve();
  // As a killed process: streams end, containers go on.
  void Stop();

  // Waits until a container of this task runs, and returns its launch; empty id after 60 s.
  containerizer::v1::LaunchSpec WaitForLaunch(const std::string& task);
  void Exit(const std::string& task, int code);
  size_t container_count() const;
  int launches() const;

  grpc::ServerBidiReactor<containerizer::v1::Requests, containerizer::v1::Responses>* Connect(
      grpc::CallbackServerContext* context) override;

 private:
  using Stream = rpc::BidiServerStream<containerizer::v1::Requests, containerizer::v1::Responses>;
  struct Container {
    containerizer::v1::LaunchSpec spec;
    containerizer::v1::ContainerStatus status;
  };

  containerizer::v1::Responses Answer(const containerizer::v1::Request& request)
      MEROS_REQUIRES(mutex_);
  void Launch(const containerizer::v1::LaunchSpec& spec, containerizer::v1::Responses* out)
      MEROS_REQUIRES(mutex_);
  void End(const std::string& id, containerizer::v1::Termination termination,
           containerizer::v1::Responses* out) MEROS_REQUIRES(mutex_);
  void Broadcast(const containerizer::v1::Responses& events) MEROS_REQUIRES(mutex_);

  const std::string socket_;
  std::unique_ptr<rpc::Server> server_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Container> containers_ MEROS_GUARDED_BY(mutex_);
  std::map<uint64_t, std::shared_ptr<Stream>> streams_ MEROS_GUARDED_BY(mutex_);
  uint64_t last_stream_ MEROS_GUARDED_BY(mutex_) = 0;
  int launches_ MEROS_GUARDED_BY(mutex_) = 0;
};

}  // namespace meros::agent

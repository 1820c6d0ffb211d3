// meros.v1.agent.AgentService: what runs on this agent, and the files of its sandboxes. Nested and
// standalone containers, sessions and images answer UNIMPLEMENTED.
//
// Owner: main. Thread rule: thread-safe.
#pragma once

#include <atomic>

#include "meros/v1/agent/agent_service.grpc.pb.h"
#include "services/agent/shell/agent.h"
#include "services/agent/shell/file_followers.h"

namespace meros::agent {

namespace api = v1::agent;

class AgentService final : public api::AgentService::CallbackService {
 public:
  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  // The server starts before the agent, which needs its port. Both outlive the service's last call.
  AgentService(SandboxStore* sandboxes, FileFollowers* followers)
      : sandboxes_(sandboxes), followers_(followers) {}

  // Until then, calls that need the agent answer UNAVAILABLE. The agent outlives the last call.
  void SetAgent(Agent* agent) { agent_ = agent; }

  Reactor* ListContainers(Context* context, const api::ListContainersRequest* request,
                          api::ListContainersResponse* response) override;
  Reactor* GetContainerStats(Context* context, const api::GetContainerStatsRequest* request,
                             api::GetContainerStatsResponse* response) override;
  Reactor* BrowseFiles(Context* context, const api::BrowseFilesRequest* request,
                       api::BrowseFilesResponse* response) override;
  Reactor* ReadFile(Context* context, const api::ReadFileRequest* request,
                    api::ReadFileResponse* response) override;
  grpc::ServerWriteReactor<api::FollowFileResponse>* FollowFile(
      Context* context, const api::FollowFileRequest* request) override;
  Reactor* GetHealth(Context* context, const api::GetHealthRequest* request,
                     api::GetHealthResponse* response) override;
  Reactor* GetVersion(Context* context, const api::GetVersionRequest* request,
                      api::GetVersionResponse* response) override;

  // What this agent does not do.
  Reactor* LaunchContainer(Context* context, const api::LaunchContainerRequest* request,
                           api::LaunchContainerResponse* response) override;
  Reactor* KillContainer(Context* context, const api::KillContainerRequest* request,
                         api::KillContainerResponse* response) override;
  Reactor* WaitContainer(Context* context, const api::WaitContainerRequest* request,
                         api::WaitContainerResponse* response) override;
  Reactor* RemoveContainer(Context* context, const api::RemoveContainerRequest* request,
                           api::RemoveContainerResponse* response) override;
  Reactor* PruneImages(Context* context, const api::PruneImagesRequest* request,
                       api::PruneImagesResponse* response) override;

 private:
  SandboxStore* const sandboxes_;
  FileFollowers* const followers_;
  std::atomic<Agent*> agent_{nullptr};
};

}  // namespace meros::agent

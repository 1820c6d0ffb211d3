#include "services/agent/shell/agent_service.h"

#include <memory>
#include <utility>

#include "libs/base/status_macros.h"
#include "libs/config/flag_set.h"
#include "libs/rpc/server_writer.h"
#include "libs/rpc/unary.h"
#include "services/agent/shell/sandbox_files.h"

namespace meros::agent {

namespace cv1 = containerizer::v1;

namespace {

using FollowWriter = rpc::ServerWriter<api::FollowFileResponse>;

// A reader that has this much before it is sent no more.
constexpr size_t kFollowQueuedBytesMax = 1 << 20;

absl::Status Starting() { return absl::UnavailableError("the agent is starting"); }

absl::Status NotSupported(absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat(what, " not supported by this agent"));
}

class FollowStream final : public FollowSink {
 public:
  explicit FollowStream(std::shared_ptr<FollowWriter> writer) : writer_(std::move(writer)) {}

  bool IsReady() override { return writer_->queued_bytes() < kFollowQueuedBytesMax; }
  bool IsClosed() override { return is_closed_; }
  void Send(api::FollowFileResponse response) override { writer_->Send(std::move(response)); }
  void Close(absl::Status status) override { writer_->Close(std::move(status)); }
  void MarkClosed() { is_closed_ = true; }

 private:
  const std::shared_ptr<FollowWriter> writer_;
  std::atomic<bool> is_closed_{false};
};

absl::StatusOr<std::string> SandboxOf(const SandboxStore& sandboxes, const api::SandboxPath& path) {
  return sandboxes.Newest(path.framework_id().value(), path.task_id().value());
}

api::ListContainersResponse Containers(const AgentCore& core,
                                       const api::ListContainersRequest& filter) {
  std::map<ContainerId, const Task*> by_id;
  for (const auto& [key, task] : core.book().tasks()) {
    if (!task.may_have_container()) continue;
    if (filter.has_framework_id() && filter.framework_id().value() != key.framework.value())
      continue;
    by_id.emplace(task.container, &task);
  }
  api::ListContainersResponse response;
  for (const auto& [id, task] : by_id) {
    api::ContainerView* view = response.add_containers();
    view->mutable_container_id()->set_value(id.value());
    view->mutable_framework_id()->set_value(task->key.framework.value());
    view->mutable_task_id()->set_value(task->key.task.value());
    view->set_pid(task->pid);
    *view->mutable_resources() = task->info->resources();
  }
  return response;
}

double Seconds(uint64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-9; }

v1::ResourceStatistics Statistics(const cv1::ContainerUsage& usage) {
  v1::ResourceStatistics out;
  out.set_timestamp(static_cast<double>(usage.timestamp_ns()) * 1e-9);
  if (usage.has_pids()) out.set_threads(static_cast<uint32_t>(usage.pids()));
  if (usage.has_cpu_user_ns()) out.set_cpus_user_time_secs(Seconds(usage.cpu_user_ns()));
  if (usage.has_cpu_system_ns()) out.set_cpus_system_time_secs(Seconds(usage.cpu_system_ns()));
  if (usage.has_cpu_periods()) out.set_cpus_nr_periods(static_cast<uint32_t>(usage.cpu_periods()));
  if (usage.has_cpu_throttled_periods()) {
    out.set_cpus_nr_throttled(static_cast<uint32_t>(usage.cpu_throttled_periods()));
  }
  if (usage.has_cpu_throttled_ns())
    out.set_cpus_throttled_time_secs(Seconds(usage.cpu_throttled_ns()));
  if (usage.has_memory_total_bytes()) out.set_mem_total_bytes(usage.memory_total_bytes());
  if (usage.has_memory_rss_bytes()) {
    out.set_mem_rss_bytes(usage.memory_rss_bytes());
    out.set_mem_anon_bytes(usage.memory_rss_bytes());
  }
  if (usage.has_memory_cache_bytes()) {
    out.set_mem_cache_bytes(usage.memory_cache_bytes());
    out.set_mem_file_bytes(usage.memory_cache_bytes());
  }
  if (usage.has_memory_limit_bytes()) out.set_mem_limit_bytes(usage.memory_limit_bytes());
  return out;
}

}  // namespace

AgentService::Reactor* AgentService::ListContainers(Context* context,
                                                    const api::ListContainersRequest* request,
                                                    api::ListContainersResponse* response) {
  Agent* agent = agent_;
  if (agent == nullptr) {
    return rpc::AnswerNow<api::ListContainersResponse>(context, response, Starting());
  }
  return rpc::AnswerLater<api::ListContainersResponse>(
      context, response, [&](rpc::UnaryReply<api::ListContainersResponse> reply) {
        agent->Inspect([reply, filter = *request](const AgentCore& core) {
          reply.Finish(Containers(core, filter));
        });
      });
}

AgentService::Reactor* AgentService::GetContainerStats(Context* context,
                                                       const api::GetContainerStatsRequest* request,
                                                       api::GetContainerStatsResponse* response) {
  Agent* agent = agent_;
  if (agent == nullptr) {
    return rpc::AnswerNow<api::GetContainerStatsResponse>(context, response, Starting());
  }
  cv1::Request usage;
  usage.mutable_usage()->set_container_id(request->container_id().value());
  return rpc::AnswerLater<api::GetContainerStatsResponse>(
      context, response, [&](rpc::UnaryReply<api::GetContainerStatsResponse> reply) {
        agent->containerizer().Call(
            std::move(usage), [reply](absl::StatusOr<cv1::Response> answer) {
              if (!answer.ok()) return reply.Finish(answer.status());
              api::GetContainerStatsResponse stats;
              *stats.mutable_statistics() = Statistics(answer->usage().usage());
              reply.Finish(std::move(stats));
            });
      });
}

AgentService::Reactor* AgentService::BrowseFiles(Context* context,
                                                 const api::BrowseFilesRequest* request,
                                                 api::BrowseFilesResponse* response) {
  auto sandbox = SandboxOf(*sandboxes_, request->path());
  if (!sandbox.ok()) {
    return rpc::AnswerNow<api::BrowseFilesResponse>(context, response, sandbox.status());
  }
  return rpc::AnswerNow(context, response, BrowseSandbox(*sandbox, request->path().path()));
}

AgentService::Reactor* AgentService::ReadFile(Context* context, const api::ReadFileRequest* request,
                                              api::ReadFileResponse* response) {
  auto sandbox = SandboxOf(*sandboxes_, request->path());
  if (!sandbox.ok()) {
    return rpc::AnswerNow<api::ReadFileResponse>(context, response, sandbox.status());
  }
  const uint64_t length = request->has_length() ? request->length() : kReadBytesMax;
  return rpc::AnswerNow(
      context, response,
      ReadSandboxFile(*sandbox, request->path().path(), request->offset(), length));
}

grpc::ServerWriteReactor<api::FollowFileResponse>* AgentService::FollowFile(
    Context* context, const api::FollowFileRequest* request) {
  auto writer = FollowWriter::Create(context);
  auto stream = std::make_shared<FollowStream>(writer);
  auto* reactor = writer->Start([stream](const absl::Status&) { stream->MarkClosed(); });
  auto sandbox = SandboxOf(*sandboxes_, request->path());
  if (!sandbox.ok()) {
    writer->Close(sandbox.status());
    return reactor;
  }
  const std::string& path = request->path().path();
  followers_->Add({.sandbox = *std::move(sandbox),
                   .path = path,
                   .offset = request->offset(),
                   .follow = request->follow()},
                  std::move(stream));
  return reactor;
}

AgentService::Reactor* AgentService::GetHealth(Context* context, const api::GetHealthRequest*,
                                               api::GetHealthResponse* response) {
  Agent* agent = agent_;
  if (agent == nullptr) {
    return rpc::AnswerNow<api::GetHealthResponse>(context, response, Starting());
  }
  return rpc::AnswerLater<api::GetHealthResponse>(
      context, response, [&](rpc::UnaryReply<api::GetHealthResponse> reply) {
        agent->Inspect([reply](const AgentCore& core) {
          api::GetHealthResponse health;
          health.set_healthy(core.state() == AgentState::kRunning);
          const absl::string_view name = Name(core.state());
          health.set_state(name.data(), name.size());
          if (!core.agent_id().empty())
            health.mutable_agent_id()->set_value(core.agent_id().value());
          reply.Finish(std::move(health));
        });
      });
}

AgentService::Reactor* AgentService::GetVersion(Context* context, const api::GetVersionRequest*,
                                                api::GetVersionResponse* response) {
  api::GetVersionResponse answer;
  answer.mutable_version()->set_version(std::string(config::Version()));
  return rpc::AnswerNow<api::GetVersionResponse>(context, response, std::move(answer));
}

AgentService::Reactor* AgentService::LaunchContainer(Context* context,
                                                     const api::LaunchContainerRequest*,
                                                     api::LaunchContainerResponse* response) {
  return rpc::AnswerNow<api::LaunchContainerResponse>(
      context, response, NotSupported("nested and standalone containers are"));
}

AgentService::Reactor* AgentService::KillContainer(Context* context,
                                                   const api::KillContainerRequest*,
                                                   api::KillContainerResponse* response) {
  return rpc::AnswerNow<api::KillContainerResponse>(
      context, response, NotSupported("signals to containers, other than through KILL, are"));
}

AgentService::Reactor* AgentService::WaitContainer(Context* context,
                                                   const api::WaitContainerRequest*,
                                                   api::WaitContainerResponse* response) {
  return rpc::AnswerNow<api::WaitContainerResponse>(
      context, response, NotSupported("nested and standalone containers are"));
}

AgentService::Reactor* AgentService::RemoveContainer(Context* context,
                                                     const api::RemoveContainerRequest*,
                                                     api::RemoveContainerResponse* response) {
  return rpc::AnswerNow<api::RemoveContainerResponse>(
      context, response, NotSupported("nested and standalone containers are"));
}

AgentService::Reactor* AgentService::PruneImages(Context* context, const api::PruneImagesRequest*,
                                                 api::PruneImagesResponse* response) {
  return rpc::AnswerNow<api::PruneImagesResponse>(context, response,
                                                  NotSupported("container images are"));
}

}  // namespace meros::agent

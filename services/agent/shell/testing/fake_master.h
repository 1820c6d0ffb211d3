// A master for tests: admits every agent, acknowledges every update, and says what the test tells
// it to. Or refuses all agents, pointing to another master.
//
// Owner: the test. Thread rule: thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "libs/base/mutex.h"
#include "libs/rpc/bidi_server_stream.h"
#include "libs/rpc/server.h"
#include "meros/agent_link/v1/agent_link.grpc.pb.h"

namespace meros::agent {

class FakeMaster final : public agent_link::v1::AgentLinkService::CallbackService {
 public:
  ~FakeMaster() override { Stop(); }

  absl::Status Serve();
  void Stop();
  std::string address() const { return address_; }

  // From now on agents are sent to `leader`.
  void FollowLeader(std::string leader);

  // Launches a shell command as a task of framework F.
  void Run(const std::string& task, const std::string& command);
  void Say(agent_link::v1::MasterMessage message);

  // Waits up to 60 s. States of a task as they arrived, each update once.
  bool WaitForRegistrations(int count);
  std::vector<v1::TaskStatus> WaitForUpdates(const std::string& task, size_t count);

  int heartbeats() const;
  agent_link::v1::Register last_registration() const;

  grpc::ServerBidiReactor<agent_link::v1::AgentFrame, agent_link::v1::MasterFrame>* Connect(
      grpc::CallbackServerContext* context) override;

 private:
  using Stream = rpc::BidiServerStream<agent_link::v1::AgentFrame, agent_link::v1::MasterFrame>;

  void OnMessage(Stream* stream, const agent_link::v1::AgentMessage& message);
  template <typename Done>
  bool WaitUntil(Done done) const MEROS_REQUIRES(mutex_);

  std::unique_ptr<rpc::Server> server_;
  std::string address_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::shared_ptr<Stream> stream_ MEROS_GUARDED_BY(mutex_);
  std::string leader_ MEROS_GUARDED_BY(mutex_);
  int registrations_ MEROS_GUARDED_BY(mutex_) = 0;
  int heartbeats_ MEROS_GUARDED_BY(mutex_) = 0;
  agent_link::v1::Register last_ MEROS_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<v1::TaskStatus>> updates_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::agent

#include "services/agent/shell/testing/fake_master.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/runtime/clock.h"

namespace meros::agent {

namespace link = agent_link::v1;

absl::Status FakeMaster::Serve() {
  MEROS_ASSIGN_OR_RETURN(
      server_,
      rpc::Server::Start({.addresses = {"127.0.0.1:0"}, .tls = {.insecure = true}}, {this}));
  address_ = absl::StrCat("127.0.0.1:", server_->port(0));
  return absl::OkStatus();
}

void FakeMaster::Stop() {
  if (server_ == nullptr) return;
  server_->Shutdown(absl::ZeroDuration());
  server_.reset();
}

void FakeMaster::FollowLeader(std::string leader) {
  MutexLock lock(&mutex_);
  leader_ = std::move(leader);
}

grpc::ServerBidiReactor<link::AgentFrame, link::MasterFrame>* FakeMaster::Connect(
    grpc::CallbackServerContext* context) {
  auto stream = Stream::Create(context);
  std::string leader;
  {
    MutexLock lock(&mutex_);
    leader = leader_;
    if (leader.empty()) stream_ = stream;
  }
  if (!leader.empty()) {
    stream->Close(absl::FailedPreconditionError(absl::StrCat("not leading, leader=", leader)));
  }
  return stream->Start({.on_frame =
                            [this, stream = stream.get()](link::AgentFrame frame) {
                              for (const auto& message : frame.messages()) {
                                OnMessage(stream, message);
                              }
                            },
                        .on_closed =
                            [this, stream = stream.get()](const absl::Status&) {
                              MutexLock lock(&mutex_);
                              if (stream_.get() == stream) stream_.reset();
                            }});
}

void FakeMaster::OnMessage(Stream* stream, const link::AgentMessage& message) {
  MutexLock lock(&mutex_);
  link::MasterFrame reply;
  if (message.has_register_() || message.has_reregister()) {
    last_ = message.has_register_() ? message.register_() : message.reregister().agent();
    ++registrations_;
    link::Registered* registered = reply.add_messages()->mutable_registered();
    registered->set_agent_id("agent-1");
    registered->set_epoch(1);
    registered->set_heartbeat_interval_ms(100);
    registered->set_reregistered(message.has_reregister());
  } else if (message.has_heartbeat()) {
    ++heartbeats_;
  } else if (message.has_status_update() && !message.status_update().is_ahead()) {
    const link::StatusUpdate& update = message.status_update();
    const std::string& task = update.status().task_id().value();
    auto& known = updates_[task];
    const bool is_known = std::any_of(known.begin(), known.end(), [&](const auto& status) {
      return status.uuid() == update.status().uuid();
    });
    if (!is_known) known.push_back(update.status());
    link::Acknowledge* acknowledge = reply.add_messages()->mutable_acknowledge();
    acknowledge->set_framework_id(update.framework_id());
    acknowledge->set_task_id(task);
    acknowledge->set_uuid(update.status().uuid());
  }
  if (reply.messages_size() > 0) stream->Send(std::move(reply));
  changed_.SignalAll();
}

void FakeMaster::Say(link::MasterMessage message) {
  std::shared_ptr<Stream> stream;
  {
    MutexLock lock(&mutex_);
    stream = stream_;
  }
  if (stream == nullptr) return;
  link::MasterFrame frame;
  *frame.add_messages() = std::move(message);
  stream->Send(std::move(frame));
}

void FakeMaster::Run(const std::string& task, const std::string& command) {
  link::MasterMessage message;
  link::RunTasks* run = message.mutable_run_tasks();
  run->mutable_framework()->mutable_id()->set_value("F");
  run->mutable_framework()->set_name("test");
  run->mutable_framework()->set_user("");
  v1::TaskInfo* info = run->add_tasks();
  info->set_name(task);
  info->mutable_task_id()->set_value(task);
  info->mutable_agent_id()->set_value("agent-1");
  info->mutable_command()->set_value(command);
  const std::pair<const char*, double> amounts[] = {{"cpus", 1}, {"mem", 64}};
  for (const auto& [name, amount] : amounts) {
    v1::Resource* resource = info->add_resources();
    resource->set_name(name);
    resource->set_type(v1::Value::SCALAR);
    resource->mutable_scalar()->set_value(amount);
    resource->mutable_allocation_info()->set_role("*");
  }
  Say(std::move(message));
}

template <typename Done>
bool FakeMaster::WaitUntil(Done done) const {
  const absl::Time deadline = runtime::ProcessClock::Get().Now() + absl::Seconds(60);
  while (!done()) {
    const absl::Duration left = deadline - runtime::ProcessClock::Get().Now();
    if (left <= absl::ZeroDuration()) return false;
    changed_.WaitFor(&mutex_, left);
  }
  return true;
}

bool FakeMaster::WaitForRegistrations(int count) {
  MutexLock lock(&mutex_);
  return WaitUntil([&]() MEROS_NO_THREAD_SAFETY_ANALYSIS { return registrations_ >= count; });
}

std::vector<v1::TaskStatus> FakeMaster::WaitForUpdates(const std::string& task, size_t count) {
  MutexLock lock(&mutex_);
  WaitUntil([&]() MEROS_NO_THREAD_SAFETY_ANALYSIS { return updates_[task].size() >= count; });
  return updates_[task];
}

int FakeMaster::heartbeats() const {
  MutexLock lock(&mutex_);
  return heartbeats_;
}

link::Register FakeMaster::last_registration() const {
  MutexLock lock(&mutex_);
  return last_;
}

}  // namespace meros::agent

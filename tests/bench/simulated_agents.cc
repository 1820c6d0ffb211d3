#include "tests/bench/simulated_agents.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/rng.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/channel.h"
#include "libs/runtime/random_seed.h"
#include "libs/tasks/holdings_digest.h"
#include "meros/agent_link/v1/agent_link.grpc.pb.h"

namespace meros::bench {

using agent_link::v1::AgentFrame;
using agent_link::v1::AgentLinkService;
using agent_link::v1::AgentMessage;
using agent_link::v1::MasterFrame;
using agent_link::v1::MasterMessage;

namespace {

constexpr absl::Duration kReturnsAfter = absl::Seconds(1);

}  // namespace

// One agent. Frames of its stream come one at a time, which is all the locking it needs.
class SimulatedAgents::Agent {
  using Stream =
      rpc::BidiClientStream<AgentFrame, MasterFrame, QueuedClientReactor<AgentFrame, MasterFrame>>;

 public:
  Agent(SimulatedAgents* all, int index) : all_(all), index_(index), rng_(runtime::RandomSeed()) {}

  void Start(const std::shared_ptr<grpc::Channel>& channel) {
    stub_ = AgentLinkService::NewStub(channel);
    stream_ = Stream::Create();
    stream_->context()->set_initial_metadata_corked(true);
    stream_->Bind(stub_->PrepareAsyncConnect(stream_->context(), all_->queues_.queue(index_)));
    ++all_->open_;
    stream_->Start({.on_frame = [this](MasterFrame frame) { OnFrame(frame); },
                    .on_closed = [this](const absl::Status& status) { OnClosed(status); }});
    stream_->Send(agent_id_.empty() ? Registration() : Return());
  }

  // Only agents that are registered beat, and not before they are asked to.
  void Heartbeat(absl::Time now) {
    if (!is_registered_ || now < first_heartbeat_.load()) return;
    AgentFrame frame;
    frame.add_messages()->mutable_heartbeat()->set_sequence(++heartbeats_);
    stream_->Send(std::move(frame));
  }

  void Stop() {
    if (stream_ != nullptr) stream_->Cancel();
  }
  // REQUIRES: its stream has ended.
  void Forget() {
    stream_ = nullptr;
    stub_ = nullptr;
  }

  int index() const { return index_; }
  absl::Time registered_at() const { return registered_at_.load(); }

  void PackReport() {
    AgentMessage message;
    auto* request = message.mutable_reregister();
    DescribeReturn(request);
    const HeldTasks& held = all_->held_;
    auto* framework = request->add_frameworks();
    framework->mutable_id()->set_value(held.framework_id);
    framework->set_name("bench");
    framework->set_user("root");
    framework->add_roles("bench");
    using Capability = meros::v1::FrameworkInfo::Capability;
    for (auto type : {Capability::MULTI_ROLE, Capability::PARTITION_AWARE,
                      Capability::RESERVATION_REFINEMENT}) {
      framework->add_capabilities()->set_type(type);
    }
    for (int i = 0; i < held.per_agent; ++i) Report(held, i, request->add_tasks());
    report_ = message.SerializeAsString();
  }

 private:
  void OnClosed(const absl::Status& status) {
    if (is_registered_.exchange(false)) --all_->registered_;
    all_->OnClosed(this, status);
  }

  AgentFrame Registration() {
    AgentFrame frame;
    Describe(frame.add_messages()->mutable_register_());
    return frame;
  }

  // With a digest, as a real agent returns.
  AgentFrame Return() {
    AgentFrame frame;
    auto* request = frame.add_messages()->mutable_reregister();
    DescribeReturn(request);
    const HeldTasks& held = all_->held_;
    tasks::HoldingsDigest digest;
    for (int i = 0; i < held.per_agent; ++i) {
      digest.Add(held.framework_id, HeldId(i), meros::v1::TASK_RUNNING);
    }
    request->mutable_digest()->set_tasks(digest.tasks);
    request->mutable_digest()->set_sum(digest.sum);
    return frame;
  }

  // With all it runs. What was packed goes into the frame as it is: a field that is unknown is
  // written as it was read.
  void SendReport(AgentFrame* frame) {
    if (report_.empty()) PackReport();
    AgentFrame::GetReflection()->MutableUnknownFields(frame)->AddLengthDelimited(
        AgentFrame::kMessagesFieldNumber, report_);
    report_ = {};
  }

  void DescribeReturn(agent_link::v1::Reregister* request) {
    Describe(request->mutable_agent());
    request->mutable_agent()->mutable_info()->mutable_id()->set_value(agent_id_);
    request->mutable_agent()->set_lost_master(all_->lost_master_);
    const HeldTasks& held = all_->held_;
    if (held.ended_per_agent == 0) return;
    auto* ended = request->mutable_agent()->add_ended();
    ended->set_framework_id(held.framework_id);
    ended->set_tasks(held.ended_per_agent);
    ended->set_newest(EndOf(held, 0));
  }

  // When the `number`-th newest of its ended tasks ended.
  double EndOf(const HeldTasks& held, int number) const {
    const double agents = all_->options_.agents;
    const double age = (number + std::fmod(index_ * 7919.0, agents) / agents);
    return absl::ToDoubleSeconds(held.ended_until - absl::UnixEpoch() -
                                 absl::Hours(24) * age / held.ended_per_agent);
  }

  void SendEndedTasks(const agent_link::v1::SendEndedTasks& question, AgentFrame* frame) {
    const HeldTasks& held = all_->held_;
    auto* answer = frame->add_messages()->mutable_ended_tasks();
    for (const auto& wanted : question.frameworks()) {
      const int tasks = std::min<int>(wanted.tasks_max(), held.ended_per_agent);
      for (int i = 0; i < tasks && EndOf(held, i) > wanted.ended_after(); ++i) {
        auto* task = answer->add_tasks();
        Report(held, i, task);
        task->mutable_task_id()->set_value(absl::StrCat("ended-", index_, "-", i));
        task->set_state(meros::v1::TASK_FINISHED);
        task->mutable_statuses(0)->set_state(meros::v1::TASK_FINISHED);
        task->mutable_statuses(0)->set_timestamp(EndOf(held, i));
      }
    }
  }

  std::string HeldId(int number) const { return absl::StrCat("held-", index_, "-", number); }

  // A task that has been running for a while.
  void Report(const HeldTasks& held, int number, meros::v1::Task* task) {
    task->set_name("bench");
    task->mutable_task_id()->set_value(HeldId(number));
    task->mutable_framework_id()->set_value(held.framework_id);
    task->mutable_agent_id()->set_value(agent_id_);
    task->set_state(meros::v1::TASK_RUNNING);
    for (const auto& [name, amount] : {std::pair("cpus", 0.001), {"mem", 0.1}}) {
      auto* resource = task->add_resources();
      AddScalar(name, amount, resource);
      resource->mutable_allocation_info()->set_role("bench");
    }
    for (int i = 0; i < held.labels; ++i) {
      auto* label = task->mutable_labels()->add_labels();
      label->set_key(absl::StrCat("key-", i));
      label->set_value(absl::StrCat("value-", i));
    }
    auto* status = task->add_statuses();
    status->mutable_task_id()->set_value(task->task_id().value());
    status->set_state(meros::v1::TASK_RUNNING);
    status->set_source(meros::v1::TaskStatus::SOURCE_EXECUTOR);
    status->set_timestamp(absl::ToDoubleSeconds(Now() - absl::UnixEpoch()));
    status->set_uuid(rng_.UuidBytes());
    task->set_status_update_state(status->state());
    task->set_status_update_uuid(status->uuid());
  }

  static void AddScalar(const char* name, double amount, meros::v1::Resource* resource) {
    resource->set_name(name);
    resource->set_type(meros::v1::Value::SCALAR);
    resource->mutable_scalar()->set_value(amount);
  }

  void Describe(agent_link::v1::Register* request) {
    auto* info = request->mutable_info();
    info->set_hostname(absl::StrCat("simulated-", index_));
    const SimulatedAgentsOptions& options = all_->options_;
    for (const auto& [name, amount] : {std::pair("cpus", options.cpus), {"mem", options.mem_mb}}) {
      AddScalar(name, amount, info->add_resources());
    }
    if (registration_key_.empty()) registration_key_ = rng_.Uuid();
    request->set_registration_key(registration_key_);
    request->set_version("0.1.0");
    request->set_resource_version_uuid(rng_.UuidBytes());
    using Capability = meros::v1::AgentInfo::Capability;
    for (auto type : {Capability::MULTI_ROLE, Capability::HIERARCHICAL_ROLE,
                      Capability::RESERVATION_REFINEMENT}) {
      request->add_capabilities()->set_type(type);
    }
  }

  void OnFrame(const MasterFrame& frame) {
    const absl::Time now = Now();
    AgentFrame reply;
    for (const MasterMessage& message : frame.messages()) {
      switch (message.body_case()) {
        case MasterMessage::kRegistered:
          agent_id_ = message.registered().agent_id();
          all_->heartbeat_interval_ms_ = message.registered().heartbeat_interval_ms();
          first_heartbeat_ = now + absl::Milliseconds(message.registered().first_heartbeat_ms());
          registered_at_ = now;
          if (!is_registered_.exchange(true)) ++all_->registered_;
          break;
        case MasterMessage::kSendReport:
          SendReport(&reply);
          ++all_->reported_;
          break;
        case MasterMessage::kSendEndedTasks:
          SendEndedTasks(message.send_ended_tasks(), &reply);
          break;
        case MasterMessage::kRunTasks:
          for (const auto& task : message.run_tasks().tasks()) {
            ++all_->launches_;
            Update(message.run_tasks().framework().id().value(), task.task_id().value(),
                   meros::v1::TASK_RUNNING, 'R', &reply);
          }
          break;
        case MasterMessage::kAcknowledge:
          OnAcknowledge(message.acknowledge(), &reply);
          break;
        case MasterMessage::kKillTask:
          Update(message.kill_task().framework_id(), message.kill_task().task_id(),
                 meros::v1::TASK_KILLED, 'K', &reply);
          break;
        default:
          break;
      }
    }
    if (reply.ByteSizeLong() > 0) stream_->Send(std::move(reply));
  }

  void OnAcknowledge(const agent_link::v1::Acknowledge& acknowledge, AgentFrame* reply) {
    // The last byte of our uuids says what was acknowledged.
    const LifeCycle life_cycle = all_->options_.life_cycle;
    if (acknowledge.uuid().back() != 'R' || life_cycle == LifeCycle::kRunning) return;
    const bool ends = life_cycle == LifeCycle::kFull;
    Update(acknowledge.framework_id(), acknowledge.task_id(),
           ends ? meros::v1::TASK_FINISHED : meros::v1::TASK_RUNNING, ends ? 'F' : 'R', reply);
  }

  void Update(const std::string& framework_id, const std::string& task_id,
              meros::v1::TaskState state, char mark, AgentFrame* reply) {
    auto* update = reply->add_messages()->mutable_status_update();
    update->set_framework_id(framework_id);
    update->set_latest_state(state);
    auto* status = update->mutable_status();
    status->mutable_task_id()->set_value(task_id);
    status->mutable_agent_id()->set_value(agent_id_);
    status->set_state(state);
    status->set_source(meros::v1::TaskStatus::SOURCE_EXECUTOR);
    status->set_timestamp(absl::ToDoubleSeconds(Now() - absl::UnixEpoch()));
    std::string uuid = rng_.UuidBytes();
    uuid.back() = mark;
    status->set_uuid(uuid);
  }

  SimulatedAgents* const all_;
  const int index_;
  Rng rng_;
  std::string registration_key_;
  std::string agent_id_;
  std::string report_;  // an AgentMessage, packed; empty once it is sent
  std::atomic<bool> is_registered_{false};
  std::atomic<absl::Time> registered_at_{absl::InfinitePast()};
  std::atomic<absl::Time> first_heartbeat_{absl::InfinitePast()};
  std::atomic<uint64_t> heartbeats_{0};
  std::unique_ptr<AgentLinkService::Stub> stub_;
  std::shared_ptr<Stream> stream_;
};

SimulatedAgents::SimulatedAgents(SimulatedAgentsOptions options) : options_(std::move(options)) {}

SimulatedAgents::~SimulatedAgents() { Leave(); }

void SimulatedAgents::Leave() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (heartbeats_.joinable()) heartbeats_.join();
  {
    MutexLock lock(&mutex_);
    lost_.clear();  // by a master that died
    lost_streams_ = 0;
  }
  for (auto& agent : agents_) agent->Stop();
  while (open_ > 0) usleep(1000);
  for (auto& agent : agents_) agent->Forget();
}

absl::Status SimulatedAgents::Connect(const std::string& master) {
  if (connected_to_ == master) return absl::OkStatus();
  connected_to_ = master;
  channels_.clear();
  for (int i = 0; i < options_.agents; i += options_.agents_per_connection) {
    MEROS_ASSIGN_OR_RETURN(
        auto channel,
        rpc::MakeChannel(master, options_.tls,
                         {.connection_group = 1 + i / options_.agents_per_connection}));
    channels_.push_back(std::move(channel));
  }
  return absl::OkStatus();
}

absl::Status SimulatedAgents::Warm(const std::string& master) {
  MEROS_RETURN_IF_ERROR(Connect(master));
  const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(60);
  for (auto& channel : channels_) {
    if (!channel->WaitForConnected(deadline)) {
      return absl::UnavailableError("no connection to the master: " + master);
    }
  }
  return absl::OkStatus();
}

void SimulatedAgents::Prepare(HeldTasks held) {
  held_ = std::move(held);
  for (auto& agent : agents_) agent->PackReport();
}

absl::Status SimulatedAgents::Start(absl::Duration limit) {
  MEROS_RETURN_IF_ERROR(Connect(options_.master));
  for (int i = 0; i < options_.agents; ++i) agents_.push_back(std::make_shared<Agent>(this, i));
  Open();
  return AwaitRegistered(limit);
}

void SimulatedAgents::WaitAt(const std::string& lost) {
  Leave();
  lost_master_ = lost;
  Open();
}

absl::Status SimulatedAgents::Move(const std::string& master, HeldTasks held,
                                   absl::Duration limit) {
  Leave();
  held_ = std::move(held);
  MEROS_RETURN_IF_ERROR(Connect(master));
  Open();
  return AwaitRegistered(limit);
}

void SimulatedAgents::Open() {
  stopping_ = false;
  reported_ = 0;
  for (size_t i = 0; i < agents_.size(); ++i) {
    agents_[i]->Start(channels_[i / options_.agents_per_connection]);
  }
  heartbeats_ = std::thread([this] { SendHeartbeats(); });
}

absl::Status SimulatedAgents::AwaitRegistered(absl::Duration limit) {
  const absl::Time deadline = Now() + limit;
  while (registered_ < agents_.size()) {
    if (Now() > deadline) {
      return absl::DeadlineExceededError(absl::StrCat(registered_.load(), " of ", agents_.size(),
                                                      " simulated agents were registered in ",
                                                      absl::FormatDuration(limit)));
    }
    usleep(1000);
  }
  return absl::OkStatus();
}

void SimulatedAgents::OnClosed(Agent* agent, const absl::Status& status) {
  {
    MutexLock lock(&mutex_);
    if (!stopping_) {
      lost_.emplace_back(Now(), agent);
      ++lost_streams_;
      last_loss_ = status.ToString();
    }
  }
  --open_;  // the last that is done of this stream: Leave() waits for it
}

size_t SimulatedAgents::lost_streams() const {
  MutexLock lock(&mutex_);
  return lost_streams_;
}

Samples SimulatedAgents::RegisteredAfter(absl::Time start) const {
  Samples samples;
  for (const auto& agent : agents_) samples.Add(agent->registered_at() - start);
  return samples;
}

std::string SimulatedAgents::last_loss() const {
  MutexLock lock(&mutex_);
  return last_loss_;
}

void SimulatedAgents::ReturnTheLost() {
  std::vector<Agent*> due;
  {
    MutexLock lock(&mutex_);
    const absl::Time since = Now() - kReturnsAfter;
    for (; !lost_.empty() && lost_.front().first < since; lost_.pop_front()) {
      due.push_back(lost_.front().second);
    }
  }
  for (Agent* agent : due) {
    agent->Start(channels_[agent->index() / options_.agents_per_connection]);
  }
}

void SimulatedAgents::SendHeartbeats() {
  // Spread over the interval, as real agents that started at random times are.
  size_t next = 0;
  while (!stopping_) {
    ReturnTheLost();
    const int64_t interval_us = heartbeat_interval_ms_ * 1000;
    const int64_t slices = std::max<int64_t>(1, interval_us / 10000);
    const size_t per_slice = agents_.size() / slices + 1;
    const absl::Time now = Now();
    for (size_t i = 0; i < per_slice && next < agents_.size(); ++i) agents_[next++]->Heartbeat(now);
    if (next >= agents_.size()) next = 0;
    usleep(10000);
  }
}

}  // namespace meros::bench

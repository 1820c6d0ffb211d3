#include "services/agent/core/testing/node_model.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/tasks/task_state.h"

namespace meros::agent {

namespace cv1 = containerizer::v1;
namespace link = agent_link::v1;

AgentOptions ModelOptions() {
  AgentOptions options;
  options.info.set_hostname("node-1");
  options.version = "0.1.0";
  options.service_address = "node-1:7051";
  options.work_dir = "/w";
  return options;
}

NodeModel::NodeModel(uint64_t seed, std::function<void(const Effect&)> trace)
    : trace_(std::move(trace)), seed_(seed) {
  framework.mutable_id()->set_value("F");
  framework.set_name("test");
  framework.set_user("nobody");
  framework.add_capabilities()->set_type(v1::FrameworkInfo::Capability::PARTITION_AWARE);
}

void NodeModel::StartAgent() {
  core_ = std::make_unique<AgentCore>(options, ++seed_);
  durable_ = 0;
  Feed(Recovered{{disk.begin(), disk.end()}});
  Settle();
}

void NodeModel::CrashAgent() {
  core_.reset();
  inputs_.clear();
  effects_.clear();
  held_.clear();
  slow_changes_.clear();
  uncommitted_.clear();
  crash_after_ = -1;
  has_containerizer_ = has_master_ = wants_link_ = false;
}

void NodeModel::ConnectContainerizer() {
  has_containerizer_ = true;
  Feed(ContainerizerUp{++session_});
  Settle();
}

void NodeModel::BreakContainerizer() {
  has_containerizer_ = false;
  Feed(ContainerizerDown{session_, absl::UnavailableError("gone")});
  Settle();
}

void NodeModel::ConnectMaster(const std::string& lost_master) {
  if (core_ == nullptr || !wants_link_) return;
  wants_link_ = false;
  has_master_ = true;
  Feed(LinkUp{++stream_, "master-1:7050", lost_master});
  Settle();
}

void NodeModel::BreakMaster() {
  has_master_ = false;
  Feed(LinkDown{stream_, absl::UnavailableError("gone")});
  Settle();
}

void NodeModel::Reboot() {
  CrashAgent();
  containers.clear();
  boot_id_ += "x";
}

void NodeModel::Settle() {
  while (core_ != nullptr) {
    if (!effects_.empty()) {
      Effect effect = std::move(effects_.front());
      effects_.pop_front();
      if (trace_ != nullptr) trace_(effect);
      Apply(std::move(effect));
      if (crash_after_ > 0 && --crash_after_ == 0) CrashAgent();
    } else if (!inputs_.empty()) {
      StepOnce();
    } else if (commits_at_once && !uncommitted_.empty()) {
      Commit();
    } else {
      return;
    }
  }
}

void NodeModel::StepOnce() {
  Input input = std::move(inputs_.front());
  inputs_.pop_front();
  std::vector<Effect> out;
  core_->Step(now_, std::move(input), &out);
  core_->CheckInvariants();
  effects_.assign(std::make_move_iterator(out.begin()), std::make_move_iterator(out.end()));
}

void NodeModel::Commit() {
  for (const Persist& persist : uncommitted_) {
    for (const RecordWrite& write : persist.writes) {
      if (write.value.has_value()) {
        disk[write.key] = *write.value;
      } else {
        disk.erase(write.key);
      }
    }
    durable_ = persist.token;
  }
  uncommitted_.clear();
  std::deque<Effect> released;
  released.swap(held_);
  effects_.insert(effects_.end(), std::make_move_iterator(released.begin()),
                  std::make_move_iterator(released.end()));
  // They pass Apply again, in order, and are performed because durable_ has moved.
  while (core_ != nullptr && !effects_.empty()) {
    Effect effect = std::move(effects_.front());
    effects_.pop_front();
    Apply(std::move(effect));
    if (crash_after_ > 0 && --crash_after_ == 0) CrashAgent();
  }
}

void NodeModel::Apply(Effect effect) {
  if (auto* e = std::get_if<Persist>(&effect)) {
    uncommitted_.push_back(std::move(*e));
  } else if (auto* e = std::get_if<PrepareSandbox>(&effect)) {
    if (e->after > durable_) return held_.push_back(std::move(effect));
    sandboxes.push_back(e->directory);
    prepared.push_back(*e);
    Feed(SandboxPrepared{e->container, absl::OkStatus()});
  } else if (auto* e = std::get_if<ChangeVolumes>(&effect)) {
    if (e->after > durable_) return held_.push_back(std::move(effect));
    if (!changes_volumes) return slow_changes_.push_back(std::move(*e));
    Perform(*e);
  } else if (std::holds_alternative<OpenLink>(effect)) {
    wants_link_ = true;
  } else if (std::holds_alternative<CloseLink>(effect)) {
    has_master_ = false;
  } else if (auto* e = std::get_if<ToContainerizer>(&effect)) {
    if (e->after > durable_) {
      held_.push_back(std::move(effect));
    } else {
      Perform(*e);
    }
  } else if (auto* e = std::get_if<ToMaster>(&effect)) {
    if (e->after > durable_) {
      held_.push_back(std::move(effect));
    } else {
      Perform(*e);
    }
  } else if (auto* e = std::get_if<Exit>(&effect)) {
    if (e->after > durable_) {
      held_.push_back(std::move(effect));
    } else {
      has_exited = true;
    }
  }
}

void NodeModel::Perform(const ChangeVolumes& effect) {
  if (volumes_status.ok()) {
    for (const VolumeDirectory& d : effect.destroy) volumes.erase(d.path);
    for (const VolumeDirectory& d : effect.create) volumes.insert(d.path);
  }
  Feed(VolumesChanged{effect.operation_uuid, volumes_status});
}

void NodeModel::ChangeVolumesNow() {
  for (const ChangeVolumes& change : std::exchange(slow_changes_, {})) Perform(change);
  Settle();
}

void NodeModel::FromContainerizer(cv1::Response response) {
  if (has_containerizer_) Feed(ContainerizerSaid{session_, std::move(response)});
}

void NodeModel::Perform(const ToContainerizer& effect) {
  if (!has_containerizer_ || effect.session != session_) return;
  const cv1::Request& request = effect.request;
  cv1::Response response;
  response.set_request_id(request.request_id());
  if (request.has_list()) {
    response.mutable_list()->set_boot_id(boot_id_);
    for (const auto& [id, status] : containers) *response.mutable_list()->add_containers() = status;
  } else if (request.has_launch()) {
    return Launch(request.launch().spec(), &response);
  } else if (request.has_remove()) {
    auto it = containers.find(request.remove().container_id());
    if (it != containers.end()) {
      MEROS_CHECK(it->second.state() == cv1::TERMINATED);
      containers.erase(it);
    }
    response.mutable_remove();
  } else {
    const std::string& id =
        request.has_stop() ? request.stop().container_id() : request.destroy().container_id();
    auto it = containers.find(id);
    if (it == containers.end()) {
      response.set_code(static_cast<uint32_t>(absl::StatusCode::kNotFound));
      return FromContainerizer(std::move(response));
    }
    FromContainerizer(std::move(response));
    if (request.has_stop() && !stops_containers) return;
    cv1::Termination termination;
    termination.set_reason(cv1::REQUESTED);
    termination.set_message("killed on request");
    termination.set_signal(15);
    return Terminate(it->second.labels().task_id(), std::move(termination));
  }
  FromContainerizer(std::move(response));
}

void NodeModel::Launch(const cv1::LaunchSpec& spec, cv1::Response* response) {
  auto [it, is_new] = containers.try_emplace(spec.container_id());
  cv1::ContainerStatus& status = it->second;
  response->mutable_launch()->set_result(is_new ? cv1::LaunchResponse::LAUNCHED
                                                : cv1::LaunchResponse::ALREADY_LAUNCHED);
  if (is_new) {
    status.set_container_id(spec.container_id());
    status.set_state(cv1::PREPARING);
    *status.mutable_labels() = spec.labels();
    ++seen[spec.labels().task_id()].launches;
  }
  *response->mutable_launch()->mutable_status() = status;
  FromContainerizer(std::move(*response));
  if (!is_new || !starts_containers) return;
  status.set_state(cv1::RUNNING);
  status.set_pid(4711);
  status.set_started_at_ns(absl::ToUnixNanos(now_));
  cv1::Response event;
  event.mutable_started()->set_container_id(spec.container_id());
  event.mutable_started()->set_pid(status.pid());
  event.mutable_started()->set_started_at_ns(status.started_at_ns());
  FromContainerizer(std::move(event));
}

cv1::ContainerStatus* NodeModel::ContainerOf(const std::string& task) {
  for (auto& [id, status] : containers) {
    if (status.labels().task_id() == task) return &status;
  }
  return nullptr;
}

void NodeModel::Terminate(const std::string& task, cv1::Termination termination) {
  cv1::ContainerStatus* status = ContainerOf(task);
  if (status == nullptr || status->state() == cv1::TERMINATED) return;
  status->set_state(cv1::TERMINATED);
  *status->mutable_termination() = termination;
  cv1::Response event;
  event.mutable_terminated()->set_container_id(status->container_id());
  *event.mutable_terminated()->mutable_termination() = std::move(termination);
  FromContainerizer(std::move(event));
  Settle();
}

void NodeModel::ExitContainer(const std::string& task, int code) {
  cv1::Termination termination;
  termination.set_reason(cv1::EXITED);
  termination.set_exit_code(static_cast<uint32_t>(code));
  termination.set_message("exited");
  Terminate(task, std::move(termination));
}

void NodeModel::SubscribeAgain() {
  link::MasterMessage message;
  *message.mutable_update_framework()->mutable_framework() = framework;
  message.mutable_update_framework()->set_subscribed_again(true);
  Say(std::move(message));
}

void NodeModel::Say(link::MasterMessage message) {
  if (!has_master_ || core_ == nullptr) return;
  MasterSaid said{stream_, std::move(message), {}};
  for (int i = 0; i < said.message.run_tasks().tasks_size(); ++i) {
    TaskResources resources;
    resources.cpus = resources::Scalar::FromUnits(1);
    resources.mem = resources::Scalar::FromUnits(64);
    said.task_resources.push_back(resources);
  }
  Feed(std::move(said));
  Settle();
}

void NodeModel::Run(const std::string& task, const std::function<void(v1::TaskInfo*)>& change) {
  if (!has_master_ || core_ == nullptr) return;
  known_to_master_[task] = false;
  link::MasterMessage message;
  *message.mutable_run_tasks()->mutable_framework() = framework;
  v1::TaskInfo* info = message.mutable_run_tasks()->add_tasks();
  info->set_name(task);
  info->mutable_task_id()->set_value(task);
  info->mutable_command()->set_value("true");
  if (change != nullptr) change(info);
  if (info->has_executor()) {
    *message.mutable_run_tasks()->mutable_executor() = info->executor();
    message.mutable_run_tasks()->set_launch_executor(true);
  }
  Say(std::move(message));
}

void NodeModel::Kill(const std::string& task) {
  // A master does not ask for what it knows to have ended.
  if (auto it = known_to_master_.find(task); it != known_to_master_.end() && it->second) return;
  link::MasterMessage message;
  message.mutable_kill_task()->set_framework_id("F");
  message.mutable_kill_task()->set_task_id(task);
  Say(std::move(message));
}

void NodeModel::Acknowledge(const std::string& task) {
  if (seen[task].updates.empty()) return;
  const v1::TaskStatus& status = seen[task].updates.back();
  if (tasks::IsTerminal(status.state())) known_to_master_[task] = true;
  link::MasterMessage message;
  message.mutable_acknowledge()->set_framework_id("F");
  message.mutable_acknowledge()->set_task_id(task);
  message.mutable_acknowledge()->set_uuid(status.uuid());
  Say(std::move(message));
}

void NodeModel::Advance(absl::Duration duration) {
  const absl::Time end = now_ + duration;
  while (core_ != nullptr && core_->NextDeadline() <= end) {
    now_ = std::max(now_, core_->NextDeadline());
    Feed(runtime::Tick{});
    Settle();
  }
  now_ = end;
}

void NodeModel::Perform(const ToMaster& effect) {
  if (!has_master_ || effect.stream != stream_) return;
  said.push_back(effect.message);
  if (effect.message.has_status_update() && !effect.message.status_update().is_ahead()) {
    return OnUpdate(effect.message.status_update());
  }
  // As a new leader, which knows nothing: an agent with tasks is asked for them.
  if (effect.message.reregister().digest().tasks() > 0 && answers_registration) {
    link::MasterMessage ask;
    ask.mutable_send_report();
    return Feed(MasterSaid{stream_, std::move(ask), {}});
  }
  if (effect.message.has_register_() || effect.message.has_reregister()) {
    OnRegistration(effect.message);
  }
}

void NodeModel::OnUpdate(const link::StatusUpdate& update) {
  SeenTask& task = seen[update.status().task_id().value()];
  const bool is_known = std::any_of(
      task.updates.begin(), task.updates.end(),
      [&](const v1::TaskStatus& status) { return status.uuid() == update.status().uuid(); });
  if (!is_known) task.updates.push_back(update.status());
  if (!acknowledges) return;
  link::MasterMessage message;
  message.mutable_acknowledge()->set_framework_id(update.framework_id());
  message.mutable_acknowledge()->set_task_id(update.status().task_id().value());
  message.mutable_acknowledge()->set_uuid(update.status().uuid());
  if (tasks::IsTerminal(update.status().state())) {
    known_to_master_[update.status().task_id().value()] = true;
  }
  Feed(MasterSaid{stream_, std::move(message), {}});
}

// As a master does: admits, then asks about the tasks that it knows and the agent did not report.
void NodeModel::OnRegistration(const link::AgentMessage& message) {
  if (!answers_registration) return;
  link::MasterMessage registered;
  registered.mutable_registered()->set_agent_id("A");
  registered.mutable_registered()->set_epoch(1);
  registered.mutable_registered()->set_heartbeat_interval_ms(15000);
  registered.mutable_registered()->set_first_heartbeat_ms(
      absl::ToInt64Milliseconds(first_heartbeat));
  registered.mutable_registered()->set_reregistered(message.has_reregister());
  if (drain.has_value()) *registered.mutable_registered()->mutable_drain() = *drain;
  Feed(MasterSaid{stream_, std::move(registered), {}});
  link::MasterMessage reconcile;
  for (const auto& [task, is_done] : known_to_master_) {
    const auto& reported = message.reregister().tasks();
    const bool is_reported = std::any_of(reported.begin(), reported.end(), [&](const v1::Task& t) {
      return t.task_id().value() == task;
    });
    if (is_done || is_reported) continue;
    link::TaskRef* ref = reconcile.mutable_reconcile()->add_tasks();
    ref->set_framework_id("F");
    ref->set_task_id(task);
    ref->set_partition_aware(true);
  }
  if (reconcile.has_reconcile()) Feed(MasterSaid{stream_, std::move(reconcile), {}});
}

}  // namespace meros::agent

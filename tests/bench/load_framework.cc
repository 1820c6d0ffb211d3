#include "tests/bench/load_framework.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"

namespace meros::bench {

using meros::v1::scheduler::Call;
using meros::v1::scheduler::Calls;
using meros::v1::scheduler::Event;
using meros::v1::scheduler::Events;

namespace {

void AddScalar(const char* name, double amount, meros::v1::TaskInfo* task) {
  auto* resource = task->add_resources();
  resource->set_name(name);
  resource->set_type(meros::v1::Value::SCALAR);
  resource->mutable_scalar()->set_value(amount);
}

double Scalar(const meros::v1::Offer& offer, const char* name) {
  double sum = 0;
  for (const auto& resource : offer.resources()) {
    if (resource.name() == name) sum += resource.scalar().value();
  }
  return sum;
}

}  // namespace

absl::Status LoadFramework::Start(absl::Duration limit) {
  MEROS_ASSIGN_OR_RETURN(
      auto channel, rpc::MakeChannel(options_.master, options_.tls, {.connection_group = 1 << 20}));
  stub_ = meros::v1::scheduler::SchedulerService::NewStub(channel);
  stream_ = Stream::Create();
  stub_->async()->Connect(stream_->context(), stream_->reactor());
  closed_ = false;
  stream_->Start({.on_frame = [this](Events frame) { OnFrame(std::move(frame)); },
                  .on_closed =
                      [this](const absl::Status& status) {
                        {
                          MutexLock lock(&mutex_);
                          if (!status.ok()) last_failure_ = status.ToString();
                        }
                        closed_ = true;
                      }});
  Calls calls;
  Call* call = calls.add_calls();
  call->set_type(Call::SUBSCRIBE);
  auto* info = call->mutable_subscribe()->mutable_framework_info();
  info->set_name(options_.name);
  info->set_user("root");
  if (!options_.framework_id.empty()) {
    info->mutable_id()->set_value(options_.framework_id);
    *call->mutable_framework_id() = info->id();
  }
  info->add_roles(options_.role);
  using Capability = meros::v1::FrameworkInfo::Capability;
  for (auto type :
       {Capability::MULTI_ROLE, Capability::PARTITION_AWARE, Capability::RESERVATION_REFINEMENT}) {
    info->add_capabilities()->set_type(type);
  }
  started_ = Now();
  stream_->Send(std::move(calls));
  const absl::Time deadline = started_ + limit;
  while (!subscribed_) {
    if (closed_ || Now() > deadline) {
      return absl::UnavailableError(absl::StrCat("not subscribed: ", last_failure()));
    }
    usleep(1000);
  }
  return absl::OkStatus();
}

LoadFramework::~LoadFramework() {
  if (stream_ == nullptr) return;
  stream_->Cancel();
  while (!closed_) usleep(1000);
}

void LoadFramework::Pump() {
  Calls calls;
  MutexLock lock(&launching_);
  UseOffers(&calls);
  if (!calls.calls().empty()) stream_->Send(std::move(calls));
}

void LoadFramework::OnFrame(Events frame) {
  Calls calls;
  MutexLock lock(&launching_);
  for (const Event& event : frame.events()) {
    switch (event.type()) {
      case Event::SUBSCRIBED:
        framework_id_ = event.subscribed().framework_id();
        subscribed_ = true;
        break;
      case Event::OFFERS:
        for (const auto& offer : event.offers().offers()) OnOffer(offer);
        break;
      case Event::RESCIND:
        offers_.erase(event.rescind().offer_id().value());
        break;
      case Event::UPDATE:
        OnUpdate(event.update().status(), &calls);
        break;
      case Event::ERROR: {
        MutexLock lock(&mutex_);
        last_failure_ = event.error().message();
        break;
      }
      default:
        break;
    }
  }
  UseOffers(&calls);
  if (!calls.calls().empty()) stream_->Send(std::move(calls));
}

void LoadFramework::OnOffer(const meros::v1::Offer& offer) {
  ++offers_seen_;
  offers_[offer.id().value()] = {offer.id(), offer.agent_id(), Scalar(offer, "cpus"),
                                 Scalar(offer, "mem")};
}

size_t LoadFramework::Allowance(absl::Time now) const {
  size_t total = options_.tasks_max;
  if (options_.tasks_per_second > 0) {
    const double due = absl::ToDoubleSeconds(now - started_) * options_.tasks_per_second;
    total = std::min(total, static_cast<size_t>(due));
  }
  return stopped_ || launched_ >= total ? 0 : total - launched_;
}

void LoadFramework::UseOffers(Calls* calls) {
  const absl::Time now = Now();
  size_t allowance = Allowance(now);
  while (!offers_.empty() && outstanding_ < options_.outstanding_max && allowance > 0) {
    const KeptOffer offer = std::move(offers_.begin()->second);
    offers_.erase(offers_.begin());
    Call* call = calls->add_calls();
    call->set_type(Call::ACCEPT);  // without an operation, where no task fits: as good as a decline
    *call->mutable_framework_id() = framework_id_;
    *call->mutable_accept()->add_offer_ids() = offer.id;
    call->mutable_accept()->mutable_filters()->set_refuse_seconds(0);
    if (offer.cpus < options_.task_cpus || offer.mem_mb < options_.task_mem_mb) continue;
    auto* operation = call->mutable_accept()->add_operations();
    operation->set_type(meros::v1::Offer::Operation::LAUNCH);
    double cpus = offer.cpus, mem = offer.mem_mb;
    for (size_t i = 0; i < options_.tasks_per_accept_max && allowance > 0; ++i, --allowance) {
      if (i > 0 && (cpus + 1e-9 < options_.task_cpus || mem + 1e-9 < options_.task_mem_mb)) break;
      cpus -= options_.task_cpus;
      mem -= options_.task_mem_mb;
      auto* task = operation->mutable_launch()->add_task_infos();
      task->set_name("bench");
      const std::string id = absl::StrCat(options_.name, "-", launched_++);
      task->mutable_task_id()->set_value(id);
      *task->mutable_agent_id() = offer.agent_id;
      AddScalar("cpus", options_.task_cpus, task);
      AddScalar("mem", options_.task_mem_mb, task);
      task->mutable_command()->set_value(options_.command);
      launched_tasks_[id].at = now;
      ++outstanding_;
    }
  }
}

void LoadFramework::OnUpdate(const meros::v1::TaskStatus& status, Calls* calls) {
  ++updates_;
  if (!status.uuid().empty()) {
    Call* call = calls->add_calls();
    call->set_type(Call::ACKNOWLEDGE);
    *call->mutable_framework_id() = framework_id_;
    *call->mutable_acknowledge()->mutable_agent_id() = status.agent_id();
    *call->mutable_acknowledge()->mutable_task_id() = status.task_id();
    call->mutable_acknowledge()->set_uuid(status.uuid());
  }
  const auto launched = launched_tasks_.find(status.task_id().value());
  if (launched == launched_tasks_.end()) return;
  const absl::Time now = Now();
  const absl::Duration latency = now - launched->second.at;
  MutexLock lock(&mutex_);
  if (options_.latency == Latency::kOfUpdates) {
    latencies_.Add(now - absl::UnixEpoch() - absl::Seconds(status.timestamp()));
  }
  switch (status.state()) {
    case meros::v1::TASK_STARTING:
      return;
    case meros::v1::TASK_RUNNING:
      if (std::exchange(launched->second.running, true)) return;
      ++running_;
      --outstanding_;
      if (options_.latency == Latency::kOfLaunches) latencies_.Add(latency);
      return;
    case meros::v1::TASK_FINISHED:
      ++terminal_;
      terminal_latencies_.Add(latency);
      break;
    default:
      ++terminal_;
      ++failed_;
      --outstanding_;
      last_failure_ =
          absl::StrCat(meros::v1::TaskState_Name(status.state()), " ", status.message());
  }
  launched_tasks_.erase(launched);
}

Samples LoadFramework::TakeLatencies() {
  MutexLock lock(&mutex_);
  return std::exchange(latencies_, Samples());
}

Samples LoadFramework::TakeTerminalLatencies() {
  MutexLock lock(&mutex_);
  return std::exchange(terminal_latencies_, Samples());
}

std::string LoadFramework::framework_id() const {
  MutexLock lock(&launching_);
  return framework_id_.value();
}

std::string LoadFramework::last_failure() const {
  MutexLock lock(&mutex_);
  return last_failure_;
}

}  // namespace meros::bench

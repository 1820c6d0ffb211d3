#include "sdk/cpp/scheduler_driver.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "libs/base/mutex.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/warm_channels.h"
#include "libs/runtime/core_strand.h"
#include "libs/runtime/random_seed.h"
#include "meros/v1/scheduler/scheduler_service.grpc.pb.h"
#include "sdk/cpp/driver_core.h"

namespace meros::sdk {

namespace pb = meros::v1::scheduler;
using meros::v1::scheduler::Calls;
using meros::v1::scheduler::Event;
using meros::v1::scheduler::Events;
using meros::v1::scheduler::SchedulerService;

// The driver's shell: one strand for core and callbacks, one stream at a time.
class SchedulerDriver::Impl {
 public:
  Impl(SchedulerDriver* driver, Scheduler* scheduler, DriverOptions options)
      : driver_(driver),
        scheduler_(scheduler),
        options_(std::move(options)),
        strand_(DriverCore({.masters = options_.masters,
                            .framework = options_.framework,
                            .seed = runtime::RandomSeed()}),
                {.name = "scheduler"}),
        channels_({.addresses = options_.masters, .tls = options_.tls}) {}

  absl::Status Start() {
    if (options_.masters.empty()) return absl::InvalidArgumentError("masters: must not be empty");
    MEROS_RETURN_IF_ERROR(options_.tls.Validate());
    channels_.Start();
    strand_.Start([this](absl::Time, std::vector<DriverCore::Effect> effects) {
      for (DriverCore::Effect& effect : effects) {
        std::visit([this](auto& e) { Apply(e); }, effect);
      }
      Flush();
    });
    strand_.Post(DriverCore::Start{});
    started_ = true;
    return absl::OkStatus();
  }

  void Post(DriverCore::Input input) { strand_.Post(std::move(input)); }

  absl::Status Join() {
    MutexLock lock(&mutex_);
    while (!ended_.has_value()) changed_.Wait(&mutex_);
    return *ended_;
  }

  // Ends the strand and the stream; after this no callback comes.
  void ShutDown() {
    if (!started_) return;
    strand_.Stop();
    channels_.Stop();
    if (stream_ != nullptr) stream_->Cancel();
    MutexLock lock(&mutex_);
    while (open_streams_ > 0) changed_.Wait(&mutex_);
  }

 private:
  using Stream = rpc::BidiClientStream<Calls, Events>;

  void Apply(DriverCore::Open& open) {
    Flush();
    if (stream_ != nullptr) stream_->Cancel();
    stream_id_ = open.stream;
    stream_ = Stream::Create();
    // Options were validated at the start; what can still fail is reading the files.
    const auto channel = channels_.Get(open.address);
    if (!channel.ok()) {
      stream_ = nullptr;
      Post(DriverCore::Closed{open.stream, channel.status()});
      return;
    }
    auto stub = SchedulerService::NewStub(*channel);
    stub->async()->Connect(stream_->context(), stream_->reactor());
    {
      MutexLock lock(&mutex_);
      ++open_streams_;
    }
    stream_->Start({.on_frame =
                        [this, id = open.stream](Events frame) {
                          for (Event& event : *frame.mutable_events()) {
                            Post(DriverCore::Received{id, std::move(event)});
                          }
                        },
                    .on_closed =
                        [this, id = open.stream](const absl::Status& status) {
                          Post(DriverCore::Closed{
                              id, status.ok()
                                      ? absl::UnavailableError("the master ended the stream")
                                      : status});
                          MutexLock lock(&mutex_);
                          --open_streams_;
                          changed_.SignalAll();
                        }});
  }

  void Apply(DriverCore::Send& send) {
    if (send.stream == stream_id_) *frame_.add_calls() = std::move(send.call);
  }

  void Apply(DriverCore::Close& close) {
    Flush();
    if (stream_ == nullptr || close.stream != stream_id_) return;
    if (close.how == DriverCore::Close::How::kAtOnce) {
      stream_->Cancel();
    } else {
      stream_->Close(absl::OkStatus());
    }
  }

  void Apply(DriverCore::Subscribed& subscribed) {
    scheduler_->Registered(driver_, subscribed.framework_id, subscribed.master,
                           subscribed.again ? Registration::kAgain : Registration::kFirst);
  }

  void Apply(DriverCore::Disconnected& disconnected) {
    scheduler_->Disconnected(driver_, disconnected.reason);
  }

  void Apply(DriverCore::Deliver& deliver) {
    Event& event = deliver.event;
    switch (event.type()) {
      case Event::OFFERS: {
        auto& offers = *event.mutable_offers()->mutable_offers();
        scheduler_->ResourceOffers(driver_, {std::make_move_iterator(offers.begin()),
                                             std::make_move_iterator(offers.end())});
        return;
      }
      case Event::RESCIND:
        return scheduler_->OfferRescinded(driver_, event.rescind().offer_id());
      case Event::UPDATE: {
        const meros::v1::TaskStatus& status = event.update().status();
        scheduler_->StatusUpdate(driver_, status);
        if (options_.acknowledgement == Acknowledgement::kImplicit) driver_->Acknowledge(status);
        return;
      }
      case Event::UPDATE_OPERATION_STATUS: {
        const meros::v1::OperationStatus& status = event.update_operation_status().status();
        scheduler_->OperationUpdate(driver_, status);
        if (options_.acknowledgement == Acknowledgement::kImplicit) {
          driver_->AcknowledgeOperation(status);
        }
        return;
      }
      case Event::INVERSE_OFFERS: {
        auto& offers = *event.mutable_inverse_offers()->mutable_inverse_offers();
        scheduler_->InverseOffers(driver_, {std::make_move_iterator(offers.begin()),
                                            std::make_move_iterator(offers.end())});
        return;
      }
      case Event::RESCIND_INVERSE_OFFER:
        return scheduler_->InverseOfferRescinded(driver_,
                                                 event.rescind_inverse_offer().inverse_offer_id());
      case Event::MESSAGE:
        return scheduler_->FrameworkMessage(driver_, event.message());
      case Event::FAILURE:
        return scheduler_->Failure(driver_, event.failure());
      case Event::GANG_ENDED:
        return scheduler_->GangEnded(driver_, event.gang_ended());
      default:
        scheduler_->OtherEvent(driver_, event);
    }
  }

  void Apply(DriverCore::Ended& ended) {
    scheduler_->Ended(driver_, ended.status);
    MutexLock lock(&mutex_);
    ended_ = ended.status;
    changed_.SignalAll();
  }

  // One frame for all calls of a batch.
  void Flush() {
    if (frame_.calls().empty()) return;
    if (stream_ != nullptr) stream_->Send(std::exchange(frame_, Calls()));
    frame_.Clear();
  }

  SchedulerDriver* const driver_;
  Scheduler* const scheduler_;
  const DriverOptions options_;
  runtime::CoreStrand<DriverCore> strand_;
  rpc::WarmChannels channels_;  // to all masters
  bool started_ = false;

  // Strand's thread only.
  StreamId stream_id_ = 0;
  std::shared_ptr<Stream> stream_;
  Calls frame_;

  Mutex mutex_;
  CondVar changed_;
  int open_streams_ MEROS_GUARDED_BY(mutex_) = 0;
  std::optional<absl::Status> ended_ MEROS_GUARDED_BY(mutex_);
};

SchedulerDriver::SchedulerDriver(Scheduler* scheduler, DriverOptions options)
    : impl_(std::make_unique<Impl>(this, scheduler, std::move(options))) {}

SchedulerDriver::~SchedulerDriver() { impl_->ShutDown(); }

absl::Status SchedulerDriver::Start() { return impl_->Start(); }
void SchedulerDriver::Stop() { impl_->Post(DriverCore::Stop{DriverCore::Stop::Tasks::kTearDown}); }
void SchedulerDriver::Detach() { impl_->Post(DriverCore::Stop{DriverCore::Stop::Tasks::kKeep}); }
absl::Status SchedulerDriver::Join() { return impl_->Join(); }

void SchedulerDriver::Call(meros::v1::scheduler::Call call) {
  impl_->Post(DriverCore::UserCall{std::move(call)});
}

void SchedulerDriver::AcceptOffers(const std::vector<meros::v1::OfferID>& offers,
                                   const std::vector<meros::v1::Offer::Operation>& operations,
                                   const meros::v1::Filters& filters) {
  pb::Call call;
  call.set_type(pb::Call::ACCEPT);
  for (const auto& offer : offers) *call.mutable_accept()->add_offer_ids() = offer;
  for (const auto& operation : operations) *call.mutable_accept()->add_operations() = operation;
  *call.mutable_accept()->mutable_filters() = filters;
  Call(std::move(call));
}

void SchedulerDriver::LaunchTasks(const std::vector<meros::v1::OfferID>& offers,
                                  const std::vector<meros::v1::TaskInfo>& tasks,
                                  const meros::v1::Filters& filters) {
  meros::v1::Offer::Operation launch;
  launch.set_type(meros::v1::Offer::Operation::LAUNCH);
  for (const auto& task : tasks) *launch.mutable_launch()->add_task_infos() = task;
  AcceptOffers(offers, {launch}, filters);
}

void SchedulerDriver::DeclineOffer(const meros::v1::OfferID& offer,
                                   const meros::v1::Filters& filters) {
  pb::Call call;
  call.set_type(pb::Call::DECLINE);
  *call.mutable_decline()->add_offer_ids() = offer;
  *call.mutable_decline()->mutable_filters() = filters;
  Call(std::move(call));
}

void SchedulerDriver::AcceptInverseOffers(const std::vector<meros::v1::OfferID>& offers,
                                          const meros::v1::Filters& filters) {
  pb::Call call;
  call.set_type(pb::Call::ACCEPT_INVERSE_OFFERS);
  auto* accept = call.mutable_accept_inverse_offers();
  for (const auto& offer : offers) *accept->add_inverse_offer_ids() = offer;
  *accept->mutable_filters() = filters;
  Call(std::move(call));
}

void SchedulerDriver::DeclineInverseOffers(const std::vector<meros::v1::OfferID>& offers,
                                           const meros::v1::Filters& filters) {
  pb::Call call;
  call.set_type(pb::Call::DECLINE_INVERSE_OFFERS);
  auto* decline = call.mutable_decline_inverse_offers();
  for (const auto& offer : offers) *decline->add_inverse_offer_ids() = offer;
  *decline->mutable_filters() = filters;
  Call(std::move(call));
}

void SchedulerDriver::KillTask(const meros::v1::TaskID& task) {
  pb::Call call;
  call.set_type(pb::Call::KILL);
  *call.mutable_kill()->mutable_task_id() = task;
  Call(std::move(call));
}

void SchedulerDriver::KillTask(const meros::v1::TaskID& task, const meros::v1::KillPolicy& policy) {
  pb::Call call;
  call.set_type(pb::Call::KILL);
  *call.mutable_kill()->mutable_task_id() = task;
  *call.mutable_kill()->mutable_kill_policy() = policy;
  Call(std::move(call));
}

void SchedulerDriver::ReviveOffers(const std::vector<std::string>& roles) {
  pb::Call call;
  call.set_type(pb::Call::REVIVE);
  for (const auto& role : roles) call.mutable_revive()->add_roles(role);
  Call(std::move(call));
}

void SchedulerDriver::SuppressOffers(const std::vector<std::string>& roles) {
  pb::Call call;
  call.set_type(pb::Call::SUPPRESS);
  for (const auto& role : roles) call.mutable_suppress()->add_roles(role);
  Call(std::move(call));
}

void SchedulerDriver::RequestGang(const GangRequest& gang) {
  pb::Call call;
  call.set_type(pb::Call::REQUEST);
  pb::Call::Request* request = call.mutable_request();
  request->set_gang_id(gang.id);
  if (!gang.role.empty()) request->set_role(gang.role);
  for (const GangRequest::Bundle& bundle : gang.bundles) {
    meros::v1::Request* wish = request->add_requests();
    wish->set_count(static_cast<uint32_t>(std::max(bundle.count, 0)));
    for (const auto& resource : bundle.resources) *wish->add_resources() = resource;
  }
  request->set_distinct_agents(gang.distinct_agents);
  if (gang.deadline != absl::InfiniteDuration()) {
    request->mutable_deadline()->set_nanoseconds(absl::ToInt64Nanoseconds(gang.deadline));
  }
  Call(std::move(call));
}

void SchedulerDriver::WithdrawGang(const std::string& gang_id) {
  RequestGang({.id = gang_id, .role = {}, .bundles = {}});
}

void SchedulerDriver::Acknowledge(const meros::v1::TaskStatus& status) {
  if (status.uuid().empty()) return;  // the master's own updates are not acknowledged
  pb::Call call;
  call.set_type(pb::Call::ACKNOWLEDGE);
  *call.mutable_acknowledge()->mutable_agent_id() = status.agent_id();
  *call.mutable_acknowledge()->mutable_task_id() = status.task_id();
  call.mutable_acknowledge()->set_uuid(status.uuid());
  Call(std::move(call));
}

void SchedulerDriver::AcknowledgeOperation(const meros::v1::OperationStatus& status) {
  if (!status.has_uuid()) return;  // the master's own updates are not acknowledged
  pb::Call call;
  call.set_type(pb::Call::ACKNOWLEDGE_OPERATION_STATUS);
  auto* acknowledge = call.mutable_acknowledge_operation_status();
  *acknowledge->mutable_agent_id() = status.agent_id();
  *acknowledge->mutable_operation_id() = status.operation_id();
  acknowledge->set_uuid(status.uuid().value());
  Call(std::move(call));
}

void SchedulerDriver::ReconcileTasks(const std::vector<meros::v1::TaskStatus>& tasks) {
  pb::Call call;
  call.set_type(pb::Call::RECONCILE);
  call.mutable_reconcile();
  for (const auto& task : tasks) {
    auto* wanted = call.mutable_reconcile()->add_tasks();
    *wanted->mutable_task_id() = task.task_id();
    if (task.has_agent_id()) *wanted->mutable_agent_id() = task.agent_id();
  }
  Call(std::move(call));
}

void SchedulerDriver::SendMessage(const meros::v1::ExecutorID& executor,
                                  const meros::v1::AgentID& agent, const std::string& data) {
  pb::Call call;
  call.set_type(pb::Call::MESSAGE);
  *call.mutable_message()->mutable_executor_id() = executor;
  *call.mutable_message()->mutable_agent_id() = agent;
  call.mutable_message()->set_data(data);
  Call(std::move(call));
}

}  // namespace meros::sdk

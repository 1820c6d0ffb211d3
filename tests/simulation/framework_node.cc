#include "tests/simulation/framework_node.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/volume_ledger.h"

namespace meros::simulation {
namespace {

using v1::scheduler::Call;
using v1::scheduler::Event;

v1::FrameworkInfo InfoOf(const std::string& name, const Cluster& cluster, const Job& job) {
  v1::FrameworkInfo info;
  info.set_user("nobody");
  info.set_name(name);
  info.add_roles(job.role());
  info.set_failover_timeout(absl::ToDoubleSeconds(cluster.Scaled(job.failover_timeout)));
  info.add_capabilities()->set_type(v1::FrameworkInfo::Capability::MULTI_ROLE);
  info.add_capabilities()->set_type(v1::FrameworkInfo::Capability::RESERVATION_REFINEMENT);
  if (job.is_partition_aware) {
    info.add_capabilities()->set_type(v1::FrameworkInfo::Capability::PARTITION_AWARE);
  }
  if (job.shares_volumes()) {
    info.add_capabilities()->set_type(v1::FrameworkInfo::Capability::SHARED_RESOURCES);
  }
  if (!job.framework_id.empty()) info.mutable_id()->set_value(job.framework_id);
  return info;
}

sdk::DriverCoreOptions OptionsOf(NodeContext* context, const Cluster& cluster, const Job& job) {
  sdk::DriverCoreOptions options;
  for (int i = 0; i < cluster.shape().masters; ++i) {
    options.masters.push_back(cluster.MasterAddress(i));
  }
  options.framework = InfoOf(context->name(), cluster, job);
  options.connect_timeout = cluster.Scaled(options.connect_timeout);
  options.reconcile_interval = absl::Minutes(1);
  options.seed = context->MakeRng("driver").Next();
  return options;
}

}  // namespace

FrameworkNode::FrameworkNode(NodeContext* context, Cluster* cluster, Job* job)
    : CoreNode(context, SimDriver(OptionsOf(context, *cluster, *job))),
      cluster_(*cluster),
      job_(*job),
      rng_(context->MakeRng("scheduler")),
      gangs_(cluster->shape().agents, &cluster->ledger(), context->MakeRng("gangs")) {}

void FrameworkNode::Start() {
  CoreNode::Start();
  cluster_.ledger().OnSchedulerStarts(job_.framework_id);
  if (job_.has_left) return;
  Post(SimDriver::Start{});
  Live();
}

void FrameworkNode::OnStreamMessage(ConnectionId id, const std::string& bytes) {
  if (id != connection_) return;
  v1::scheduler::Events frame;
  if (!frame.ParseFromString(bytes)) return cluster_.ledger().Fail("a frame cannot be read");
  for (Event& event : *frame.mutable_events()) {
    Post(SimDriver::Received{stream_, std::move(event)});
  }
}

void FrameworkNode::OnStreamClosed(ConnectionId id, const absl::Status& reason) {
  if (id != connection_) return;
  connection_ = 0;
  Post(SimDriver::Closed{
      stream_, reason.ok() ? absl::UnavailableError("the master ended the stream") : reason});
}

void FrameworkNode::Apply(absl::Time, Effect effect) {
  if (auto* open = std::get_if<SimDriver::Open>(&effect)) return Open(*open);
  if (auto* close = std::get_if<SimDriver::Close>(&effect)) return Close(*close);
  if (auto* send = std::get_if<SimDriver::Send>(&effect)) return Send(*send);
  if (auto* ended = std::get_if<SimDriver::Ended>(&effect)) return Ended(ended->status);
  if (auto* deliver = std::get_if<SimDriver::Deliver>(&effect)) return OnEvent(deliver->event);
  if (std::holds_alternative<SimDriver::Disconnected>(effect)) return gangs_.OnDisconnected();
  if (auto* subscribed = std::get_if<SimDriver::Subscribed>(&effect)) {
    Sometimes<"a framework subscribes again">(subscribed->again);
    job_.framework_id = subscribed->framework_id;
    if (!job_.hosts.is_picky()) TakeAnyAgent();
    for (const auto& [id, attempt] : job_.tries()) {
      if (attempt.is_open() && attempt.is_kill_wanted) SayKill(id);
    }
    Reconcile();
  }
}

void FrameworkNode::Open(const SimDriver::Open& open) {
  if (connection_ != 0) context().Close(connection_, absl::CancelledError("another master"));
  stream_ = open.stream;
  connection_ = context().Open(Cluster::NodeOf(open.address));
}

void FrameworkNode::Close(const SimDriver::Close& close) {
  if (connection_ == 0 || close.stream != stream_) return;
  if (!frames_.Flush(&context())) return;
  context().Close(connection_, absl::OkStatus());
  connection_ = 0;
}

void FrameworkNode::Send(const SimDriver::Send& send) {
  if (send.stream != stream_ || connection_ == 0) return;
  if (send.call.type() == Call::ACKNOWLEDGE) {
    cluster_.ledger().OnAcknowledged(job_.framework_id, send.call.acknowledge());
  }
  Call* const call = frames_.Of(connection_)->add_calls();
  *call = send.call;
  // The SDK's driver does not speak of offer constraints.
  if (call->type() != Call::SUBSCRIBE) return;
  has_said_choice_ = job_.hosts.is_picky();
  if (!has_said_choice_) return;
  *call->mutable_subscribe()->mutable_offer_constraints() = job_.hosts.ToConstraints(job_.role());
}

void FrameworkNode::OnBatchApplied(absl::Time) { (void)frames_.Flush(&context()); }

// The driver is at its end: because we left, or because the master does not want us any more. Then
// the supervisor starts the framework again, as a new one.
void FrameworkNode::Ended(const absl::Status& status) {
  if (status.ok() && is_leaving_) {
    job_.has_left = true;
    return;
  }
  Sometimes<"a framework is removed and begins anew">(true);
  job_.LoseAll();
  World& world = cluster_.world();
  const std::string name = context().name();
  world.events().After(absl::Seconds(1), [&world, name] {
    world.Crash(name);
    world.Restart(name);
  });
}

void FrameworkNode::OnEvent(const Event& event) {
  switch (event.type()) {
    case Event::GANG_ENDED:
      return gangs_.OnEnded(event.gang_ended());
    case Event::OFFERS:
      gangs_.OnOffers(event.offers());
      for (const v1::Offer& offer : event.offers().offers()) OnOffer(offer);
      return;
    case Event::UPDATE:
      return OnUpdate(event.update().status());
    case Event::UPDATE_OPERATION_STATUS:
      return OnOperation(event.update_operation_status().status());
    case Event::INVERSE_OFFERS:
      for (const v1::InverseOffer& offer : event.inverse_offers().inverse_offers()) {
        OnInverseOffer(offer);
      }
      return;
    case Event::FAILURE:
      Sometimes<"an agent refuses an executor with its group">(event.failure().has_executor_id());
      return;
    case Event::RESCIND:
      Sometimes<"an offer is rescinded">(true);
      offers_.erase(event.rescind().offer_id().value());
      return;
    default:
      return;
  }
}

void FrameworkNode::OnOffer(const v1::Offer& offer) {
  offers_.insert(offer.id().value());
  Sometimes<"a framework is offered an agent of its choice">(job_.hosts.is_picky());
  if (!job_.hosts.Takes(offer.hostname())) {
    cluster_.ledger().Fail(absl::StrCat(context().name(), " is offered ", offer.hostname(),
                                        ", which it does not want"));
  }
  const double dice = rng_.UniformDouble();
  if (dice < 0.6) return Answer(offer);
  // Some think about it, long enough for the offer to be rescinded meanwhile.
  context().After(absl::Milliseconds(rng_.Uniform(1, dice < 0.9 ? 200 : 20'000)),
                  [this, offer] { Answer(offer); });
}

void FrameworkNode::Answer(const v1::Offer& offer) {
  Sometimes<"a framework answers an offer that was rescinded meanwhile">(
      offers_.erase(offer.id().value()) == 0);
  OfferAnswer answer(offer);
  job_.shared_volume().Answer(context().Now(), &job_, &answer);
  job_.volumes().Answer(context().Now(), &job_, &answer);
  const Job::Group group = job_.LaunchGroup(&answer);
  cluster_.groups().OnAsked(job_.framework_id, group.tasks, group.is_greedy);
  for (const size_t slot : job_.Wanting()) job_.Launch(slot, &answer);
  cluster_.volumes().OnDestroyAsked(answer.destroyed());
  Say(answer.ToCall(/*refuse_seconds=*/rng_.Chance(0.2) ? 0 : 2));
}

void FrameworkNode::OnUpdate(const v1::TaskStatus& status) {
  cluster_.ledger().OnDelivered(job_.framework_id, status);
  cluster_.groups().OnDelivered(job_.framework_id, status);
  job_.Heard(status.task_id().value(), status.state(), context().Now());
  Sometimes<"a task finishes">(status.state() == v1::TASK_FINISHED);
  Sometimes<"a task is unreachable">(status.state() == v1::TASK_UNREACHABLE);
  Sometimes<"a task is dropped">(status.state() == v1::TASK_DROPPED);
  Sometimes<"a task runs out of memory">(status.reason() ==
                                         v1::TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY);
  if (status.uuid().empty() || rng_.Chance(0.1)) return;  // forgotten: it will be said again
  Call call;
  call.set_type(Call::ACKNOWLEDGE);
  *call.mutable_acknowledge()->mutable_agent_id() = status.agent_id();
  *call.mutable_acknowledge()->mutable_task_id() = status.task_id();
  call.mutable_acknowledge()->set_uuid(status.uuid());
  Say(std::move(call));
}

void FrameworkNode::OnOperation(const v1::OperationStatus& status) {
  cluster_.volumes().OnTold(job_.framework_id, status);
  job_.operations().Heard(status);
  if (status.uuid().value().empty() || rng_.Chance(0.1)) return;  // as with updates of tasks
  Call call;
  call.set_type(Call::ACKNOWLEDGE_OPERATION_STATUS);
  auto* acknowledge = call.mutable_acknowledge_operation_status();
  *acknowledge->mutable_agent_id() = status.agent_id();
  *acknowledge->mutable_operation_id() = status.operation_id();
  acknowledge->set_uuid(status.uuid().value());
  Say(std::move(call));
}

// Some give back at once what they have there, some do not answer.
void FrameworkNode::OnInverseOffer(const v1::InverseOffer& offer) {
  if (rng_.Chance(0.2)) return;
  const bool accepts = rng_.Chance(0.5);
  Call call;
  if (accepts) {
    call.set_type(Call::ACCEPT_INVERSE_OFFERS);
    *call.mutable_accept_inverse_offers()->add_inverse_offer_ids() = offer.id();
  } else {
    call.set_type(Call::DECLINE_INVERSE_OFFERS);
    *call.mutable_decline_inverse_offers()->add_inverse_offer_ids() = offer.id();
  }
  Say(std::move(call));
  if (!accepts) return;
  for (const auto& [id, attempt] : job_.tries()) {
    if (!attempt.is_open() || attempt.is_kill_wanted) continue;
    if (attempt.agent_id != offer.agent_id().value()) continue;
    job_.WantKill(id);
    SayKill(id);
  }
}

void FrameworkNode::SayKill(const std::string& task_id) {
  Call call;
  call.set_type(Call::KILL);
  call.mutable_kill()->mutable_task_id()->set_value(task_id);
  Say(std::move(call));
}

// More than a master with a small mailbox takes: it cuts the stream, and the framework comes back.
void FrameworkNode::Crowd() {
  Call call;
  call.set_type(Call::REVIVE);
  for (size_t i = 0; i < cluster_.shape().calls_at_once; ++i) Say(call);
}

// Says so if it has said otherwise.
void FrameworkNode::TakeAnyAgent() {
  job_.hosts.GiveUp();
  if (!has_said_choice_ || core().state() != sdk::DriverState::kSubscribed) return;
  has_said_choice_ = false;
  Sometimes<"a framework takes any agent after all">(true);
  Call call;
  call.set_type(Call::UPDATE_FRAMEWORK);
  *call.mutable_update_framework()->mutable_framework_info() =
      InfoOf(context().name(), cluster_, job_);
  Say(std::move(call));
}

void FrameworkNode::Reconcile() {
  Call call;
  call.set_type(Call::RECONCILE);
  call.mutable_reconcile();
  for (const auto& [id, attempt] : job_.tries()) {
    if (!attempt.is_open() || attempt.is_given_up) continue;
    auto* task = call.mutable_reconcile()->add_tasks();
    task->mutable_task_id()->set_value(id);
    task->mutable_agent_id()->set_value(attempt.agent_id);
  }
  if (call.reconcile().tasks_size() > 0) Say(std::move(call));
  Call operations;
  operations.set_type(Call::RECONCILE_OPERATIONS);
  for (const auto& [id, asked] : job_.operations().Open()) {
    auto* operation = operations.mutable_reconcile_operations()->add_operations();
    operation->mutable_operation_id()->set_value(id);
    operation->mutable_agent_id()->set_value(asked.agent_id);
  }
  if (operations.has_reconcile_operations()) Say(std::move(operations));
}

void FrameworkNode::Live() {
  context().After(absl::Milliseconds(rng_.Uniform(500, 5000)), [this] { Live(); });
  if (job_.is_finishing && !is_leaving_ && core().state() == sdk::DriverState::kSubscribed) {
    is_leaving_ = true;
    return Post(SimDriver::Stop{SimDriver::Stop::Tasks::kTearDown});
  }
  if (is_leaving_) return;
  if (cluster_.is_growing() && rng_.Chance(0.1)) job_.Submit(static_cast<int>(rng_.Uniform(1, 8)));
  if (!cluster_.is_growing()) TakeAnyAgent();
  if (cluster_.is_growing() && core().state() == sdk::DriverState::kSubscribed) {
    if (std::optional<Call> call = gangs_.Draw(); call.has_value()) Say(*std::move(call));
  }
  const absl::Duration patience = cluster_.Scaled(absl::Seconds(20));
  for (const std::string& id : job_.GiveUp(context().Now() - patience)) SayKill(id);
  job_.volumes().GiveUp(context().Now() - patience, job_);
  job_.shared_volume().GiveUp(context().Now() - patience, job_);
  for (const auto& [id, attempt] : job_.tries()) {
    if (!attempt.is_open() || attempt.is_kill_wanted) continue;
    const double chance = cluster_.is_growing() ? 0.05 : 0.3;
    if (!job_.IsService(attempt.slot) && !(cluster_.is_growing() && rng_.Chance(0.05))) continue;
    if (!rng_.Chance(chance)) continue;
    job_.WantKill(id);
    SayKill(id);
  }
  if (rng_.Chance(0.1)) Reconcile();
  if (cluster_.shape().calls_at_once > 0 && cluster_.is_growing() && rng_.Chance(0.05)) Crowd();
}

std::string FrameworkNode::Describe(const Effect& effect) const {
  if (const auto* send = std::get_if<SimDriver::Send>(&effect)) {
    return absl::StrCat("call ", Call::Type_Name(send->call.type()));
  }
  if (const auto* open = std::get_if<SimDriver::Open>(&effect)) {
    return absl::StrCat("open ", open->address);
  }
  if (const auto* deliver = std::get_if<SimDriver::Deliver>(&effect)) {
    const Event& event = deliver->event;
    if (event.type() == Event::UPDATE_OPERATION_STATUS) {
      const v1::OperationStatus& status = event.update_operation_status().status();
      return absl::StrCat("OPERATION ", status.operation_id().value(), " ",
                          v1::OperationState_Name(status.state()), " ", status.message());
    }
    if (event.type() != Event::UPDATE) return Event::Type_Name(event.type());
    const v1::TaskStatus& status = event.update().status();
    return absl::StrCat("UPDATE ", status.task_id().value(), " ",
                        v1::TaskState_Name(status.state()), " ", status.message());
  }
  static constexpr const char* kNames[] = {"open",         "send",    "close", "subscribed",
                                           "disconnected", "deliver", "ended"};
  return kNames[effect.index()];
}

}  // namespace meros::simulation

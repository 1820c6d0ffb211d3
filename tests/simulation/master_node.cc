#include "tests/simulation/master_node.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/master/core/testing/trace.h"
#include "services/master/shell/allocator_codec.h"
#include "services/master/shell/decode_agent.h"
#include "services/master/shell/decode_scheduler.h"
#include "services/master/shell/encode_agent.h"
#include "services/master/shell/encode_scheduler.h"
#include "tests/simulation/master_probes.h"
#include "tests/simulation/operator_calls.h"
#include "tests/simulation/volume_ledger.h"

namespace meros::simulation {
namespace {

// So many batches are between two looks at all that readers see.
constexpr uint64_t kReadersCheckedEvery = 64;

// A ring that masters outrun while a watcher is away or reads slowly, but not always.
constexpr master::WatchOptions kWatches = {.max_watchers = 3,
                                           .ring_max = 60,
                                           .events_per_frame = 5,
                                           .examined_per_frame = 20,
                                           .showing_bytes_max = 1000,
                                           .missed_bytes_per_frame = 2000};

// Longer than production's: scaled down, it must outlast a round trip in the slowest of networks,
// or nobody ever leads for long.
constexpr absl::Duration kLease = absl::Seconds(3);

master::MasterOptions OptionsOf(NodeContext* context, const Cluster& cluster) {
  master::MasterOptions options;
  options.master_id = context->MakeRng("id").Uuid();
  options.advertise_address = Cluster::AddressOf(context->name());
  options.lease_ttl =
      cluster.shape().on_zookeeper ? cluster.session_timeout() / 2 : cluster.Scaled(kLease);
  options.fenced_max = cluster.Scaled(options.fenced_max);
  options.framework_heartbeat_interval = cluster.Scaled(options.framework_heartbeat_interval);
  options.agent_unreachable_timeout = cluster.Scaled(options.agent_unreachable_timeout);
  options.agent_reregister_timeout = cluster.Scaled(absl::Seconds(60));
  options.leader_wait = cluster.Scaled(options.leader_wait);
  options.offer_timeout = cluster.offer_timeout();
  return options;
}

v1::MasterInfo InfoOf(const master::MasterOptions& options) {
  v1::MasterInfo info;
  info.set_id(options.master_id);
  info.set_ip(0);
  info.set_port(7050);
  info.set_pid(options.advertise_address);
  return info;
}

}  // namespace

MasterNode::MasterNode(NodeContext* context, Cluster* cluster)
    : MasterNode(context, cluster, OptionsOf(context, *cluster)) {}

MasterNode::MasterNode(NodeContext* context, Cluster* cluster, master::MasterOptions options)
    : CoreNode(context, master::MasterCore(options, context->MakeRng("core").Next())),
      cluster_(*cluster),
      info_(InfoOf(options)),
      readers_(kWatches, info_.id()),
      whitelist_(&cluster->ledger()),
      exchange_({.candidate_id = options.master_id,
                 .master_info = info_.SerializeAsString(),
                 .request_timeout = std::max(options.lease_ttl, absl::Seconds(1))}),
      rng_(context->MakeRng("links")),
      backoff_({.initial = absl::Milliseconds(100), .maximum = absl::Seconds(3)}) {
  if (!cluster_.shape().on_zookeeper) return;
  candidate_ = std::make_unique<Candidate>(
      context, &cluster_.ensemble(), cluster_.session_timeout(), options.advertise_address,
      Candidate::Ways{.answer = [this](master::LeaseAnswer answer) { Post(std::move(answer)); },
                      .tell =
                          [this](Effect effect, std::optional<registry::v1::ElectionWin> won) {
                            questions_.push_back({std::move(effect), std::move(won)});
                            this->context().After(absl::ZeroDuration(), [this] {
                              (void)AskRegistry(this->context().Now());
                            });
                          }});
}

void MasterNode::Start() {
  CoreNode::Start();
  if (cluster_.whitelist() != nullptr) Post(master::SetWhitelist{cluster_.whitelist()});
}

void MasterNode::OnStreamOpen(ConnectionId id, const std::string& from) {
  peers_[id] = absl::StartsWith(from, "agent-") ? Peer::kAgent
               : from == Cluster::kOperator     ? Peer::kOperator
                                                : Peer::kScheduler;
}

void MasterNode::OnStreamMessage(ConnectionId id, const std::string& bytes) {
  if (candidate_ != nullptr && candidate_->OnMessage(id, bytes)) return;
  if (id == registry_) return OnRegistryFrame(bytes);
  if (id == allocator_) return OnAllocatorFrame(bytes);
  const auto peer = peers_.find(id);
  if (peer == peers_.end()) return;  // we have closed it
  if (peer->second == Peer::kAgent) return OnAgentFrame(id, bytes);
  if (peer->second == Peer::kOperator) return OnOperatorFrame(id, bytes);
  OnSchedulerFrame(id, bytes);
}

bool MasterNode::Take(ConnectionId id, absl::StatusOr<master::Input> input) {
  absl::Status refusal = input.status();
  if (refusal.ok() && TryPost(*std::move(input))) return true;
  if (refusal.ok()) refusal = absl::ResourceExhaustedError("the master has too much to do");
  Sometimes<"a master cuts a stream that says too much">(true);
  Close({id, refusal});
  return false;
}

void MasterNode::OnAgentFrame(ConnectionId id, const std::string& bytes) {
  agent_link::v1::AgentFrame frame;
  if (!frame.ParseFromString(bytes)) return cluster_.ledger().Fail("a frame cannot be read");
  for (agent_link::v1::AgentMessage& message : *frame.mutable_messages()) {
    absl::StatusOr<master::Input> input = master::DecodeAgentMessage(&message, id);
    if (!input.ok()) {
      cluster_.ledger().Fail(
          absl::StrCat("a master cannot read what an agent says: ", input.status().message()));
    }
    if (!Take(id, std::move(input))) return;
  }
}

void MasterNode::OnSchedulerFrame(ConnectionId id, const std::string& bytes) {
  v1::scheduler::Calls frame;
  if (!frame.ParseFromString(bytes)) return cluster_.ledger().Fail("a frame cannot be read");
  for (v1::scheduler::Call& call : *frame.mutable_calls()) {
    absl::StatusOr<master::Input> input = master::DecodeCall(std::move(call), {.stream = id}, "");
    if (!input.ok()) {
      cluster_.ledger().Fail(
          absl::StrCat("a master cannot read what a framework says: ", input.status().message()));
    }
    if (!Take(id, std::move(input))) return;
  }
}

void MasterNode::OnOperatorFrame(ConnectionId id, const std::string& bytes) {
  absl::StatusOr<master::Input> input = DecodeOperatorCall(bytes, /*call=*/id);
  absl::Status refusal = input.status();
  if (refusal.ok() && TryPost(*std::move(input))) return;
  if (refusal.ok()) refusal = absl::UnavailableError("the master has too much to do");
  Answer({id, refusal});
}

void MasterNode::OnAllocatorFrame(const std::string& bytes) {
  allocator::v1::AllocatorFrame frame;
  if (!frame.ParseFromString(bytes)) return cluster_.ledger().Fail("a frame cannot be read");
  for (const allocator::v1::AllocatorMessage& message : frame.messages()) {
    if (message.has_need_snapshot()) Sometimes<"the allocator asks for a snapshot">(true);
  }
  for (master::Input& input : master::DecodeFrame(frame, allocator_)) {
    whitelist_.OnFromAllocator(input, core().books());
    Post(std::move(input));
  }
}

void MasterNode::OnRegistryFrame(const std::string& bytes) {
  registry::v1::SessionResponse frame;
  if (!frame.ParseFromString(bytes)) return cluster_.ledger().Fail("a frame cannot be read");
  for (registry::v1::Response& response : *frame.mutable_responses()) {
    cluster_.registry_history().OnAnswered(context().Now(), info_.id(), response);
    auto answer = exchange_.Take(std::move(response));
    if (!answer.has_value()) continue;
    has_registry_answered_ = true;
    const bool is_away = absl::IsUnavailable(answer->status);
    std::vector<master::Input> inputs;
    inputs.push_back(std::move(answer->input));
    TakeAnswers(std::move(inputs));
    if (is_away) MoveOn();
  }
}

void MasterNode::TakeAnswers(std::vector<master::Input> inputs) {
  for (master::Input& input : inputs) {
    auto* lease = std::get_if<master::LeaseAnswer>(&input);
    if (candidate_ != nullptr && lease != nullptr) {
      candidate_->Hear(std::move(*lease));
    } else {
      Post(std::move(input));
    }
  }
}

void MasterNode::MoveOn() {
  if (registry_ == 0 || cluster_.Registries().size() < 2) return;
  context().Close(std::exchange(registry_, 0));
  ++registry_turn_;
  TakeAnswers(exchange_.FailAll(absl::UnavailableError("another registry is tried")));
}

void MasterNode::OnRegistryClosed() {
  registry_ = 0;
  if (!has_registry_answered_) ++registry_turn_;
  TakeAnswers(exchange_.FailAll(absl::UnavailableError("the session with the registry ended")));
}

void MasterNode::OnStreamClosed(ConnectionId id, const absl::Status&) {
  if (candidate_ != nullptr && candidate_->OnClosed(id)) return;
  if (id == registry_) return OnRegistryClosed();
  if (id == allocator_) {
    allocator_ = 0;
    Post(master::AllocatorClosed{id});
    return RedialAllocatorLater();
  }
  const auto peer = peers_.find(id);
  if (peer == peers_.end()) return;
  const Peer kind = peer->second;
  peers_.erase(peer);
  if (kind == Peer::kAgent) return Post(master::AgentStreamClosed{id});
  if (kind == Peer::kScheduler) Post(master::SchedulerStreamClosed{id});
}

void MasterNode::Apply(absl::Time, Effect effect) {
  cluster_.ledger().OnMasterEffect(context().name(), info_.id(), core(), effect);
  ProbeMaster(effect);
  if (auto* event = std::get_if<master::ToScheduler>(&effect)) {
    EncodeEvent(event->event, info_, events_.Of(event->stream)->add_events());
  } else if (auto* message = std::get_if<master::ToAgent>(&effect)) {
    cluster_.groups().OnToAgent(message->message);
    EncodeForAgent(message->message, info_.id(), messages_.Of(message->stream)->add_messages());
  } else if (auto* delta = std::get_if<master::ToAllocator>(&effect)) {
    whitelist_.OnToAllocator(*delta);
    *deltas_.Of(delta->stream)->add_messages() = EncodeForAllocator(*delta, info_.id());
  } else if (auto* closing = std::get_if<master::CloseStream>(&effect)) {
    closings_.push_back(std::move(*closing));
  } else if (auto* published = std::get_if<master::Publish>(&effect)) {
    OnPublished(std::move(*published));
  } else if (auto* reply = std::get_if<master::Reply>(&effect)) {
    replies_.push_back(std::move(*reply));
  } else if (!std::holds_alternative<master::Counted>(effect) &&
             !std::holds_alternative<std::shared_ptr<const master::Preempted>>(effect) &&
             !std::holds_alternative<master::PreemptionRefused>(effect)) {
    if (candidate_ != nullptr && Candidate::IsQuestion(effect)) {
      return candidate_->Ask(std::move(effect));
    }
    questions_.push_back({std::move(effect), std::nullopt});
  }
}

void MasterNode::OnPublished(master::Publish published) {
  if (const auto* leadership = std::get_if<master::LeadershipRecord>(&published.change)) {
    using master::LeadershipState;
    WantAllocator(leadership->state == LeadershipState::kLeading ||
                  leadership->state == LeadershipState::kFenced);
    const bool steps_down = leadership->state == LeadershipState::kStandby ||
                            leadership->state == LeadershipState::kAcquiring;
    Sometimes<"a leader that was cut off for too long steps down">(
        was_fenced_ && steps_down && leadership->leader_address.empty());
    was_fenced_ = leadership->state == LeadershipState::kFenced;
  }
  published_.emplace_back(std::move(published));
}

void MasterNode::CheckReaders() {
  readers_.Compare(core().books());
  using master::Speaker;
  for (const Speaker lists :
       {Speaker::kListAgents, Speaker::kListFrameworks, Speaker::kListTasks, Speaker::kListRoles,
        Speaker::kListOperations, Speaker::kListExecutors, Speaker::kListOffers}) {
    if (!readers_.Ask(lists, "")) cluster_.ledger().Fail("a list is not answered");
  }
}

void MasterNode::OnBatchApplied(absl::Time now) {
  readers_.Follow(std::exchange(published_, {}));
  const bool leads = core().leadership() == master::LeadershipState::kLeading;
  cluster_.watcher().OnMasterBatch(info_.id(), leads, &readers_);
  if (++batches_ % kReadersCheckedEvery == 0) CheckReaders();
  if (!events_.Flush(&context()) || !messages_.Flush(&context()) || !deltas_.Flush(&context())) {
    return;
  }
  for (const master::CloseStream& closing : std::exchange(closings_, {})) Close(closing);
  for (const master::Reply& reply : std::exchange(replies_, {})) Answer(reply);
  if (!AskRegistry(now)) return;
  cluster_.ledger().OnMasterBatch(context().name(), core());
  cluster_.volumes().OnMasterBatch(context().name(), core());
  cluster_.quotas().OnMasterBatch(context().name(), info_.id(), core());
}

// As RegistryLink::Send. False when the node died.
bool MasterNode::AskRegistry(absl::Time now) {
  if (questions_.empty()) return true;
  std::vector<master::Input> overdue = exchange_.FailOverdue(now);
  if (!overdue.empty()) MoveOn();
  TakeAnswers(std::move(overdue));
  if (registry_ == 0) {
    const std::vector<std::string> registries = cluster_.Registries();
    registry_ = context().Open(registries[registry_turn_ % registries.size()]);
    has_registry_answered_ = false;
  }
  registry::v1::SessionRequest frame;
  for (const Question& question : std::exchange(questions_, {})) {
    registry::v1::Request request;
    if (!exchange_.Ask(now, question.effect, &request)) continue;
    if (question.won.has_value()) *request.mutable_acquire_lease()->mutable_won() = *question.won;
    cluster_.registry_history().OnAsked(now, info_.id(), request);
    *frame.add_requests() = std::move(request);
  }
  std::string bytes = BytesOf(frame);
  if (!context().Record(absl::StrCat("to registry ", bytes))) return false;
  context().Write(registry_, std::move(bytes));
  return true;
}

void MasterNode::WantAllocator(bool wanted) {
  if (std::exchange(wants_allocator_, wanted) == wanted) return;
  if (wanted) return OpenAllocator();
  if (allocator_ != 0) Close({allocator_, absl::OkStatus()});
}

void MasterNode::OpenAllocator() {
  if (!wants_allocator_ || allocator_ != 0) return;
  allocator_ = context().Open(Cluster::kAllocator);
  Post(master::AllocatorConnected{allocator_});
}

void MasterNode::RedialAllocatorLater() {
  if (std::exchange(is_redialing_, true)) return;
  context().After(backoff_.Next(&rng_), [this] {
    is_redialing_ = false;
    OpenAllocator();
  });
}

// Ends a stream after what was written on it; the core hears of it as of any other end.
void MasterNode::Close(const master::CloseStream& closing) {
  context().Close(closing.stream, closing.status);
  OnStreamClosed(closing.stream, closing.status);
}

// Ends the stream of a call; whoever called may have gone.
void MasterNode::Answer(const master::Reply& reply) {
  if (peers_.erase(reply.call) == 0) return;
  context().Write(reply.call, EncodeAnswer(reply.status));
  context().Close(reply.call, absl::OkStatus());
}

std::string MasterNode::Describe(const Effect& effect) const {
  return master::testing::TraceEffect(effect);
}

}  // namespace meros::simulation

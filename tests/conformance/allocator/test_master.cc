#include "tests/conformance/allocator/test_master.h"

#include <chrono>
#include <utility>

#include "libs/base/check.h"
#include "libs/resources/parse.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status.h"
#include "libs/testing/process.h"
#include "libs/wire/resources_proto.h"

namespace meros::allocator_conformance {

resources::Resources Text(absl::string_view text) { return *resources::ParseResourcesText(text); }

proto::Delta Framework(const std::string& id, const std::vector<std::string>& roles) {
  proto::Delta delta;
  auto* state = delta.mutable_upsert_framework();
  state->set_framework_id(id);
  for (const std::string& role : roles) state->add_roles(role);
  state->set_active(true);
  return delta;
}

proto::Delta Agent(const std::string& id, absl::string_view total) {
  proto::Delta delta;
  auto* state = delta.mutable_upsert_agent();
  state->set_agent_id(id);
  state->mutable_info()->set_hostname(id);
  wire::ResourcesToProto(Text(total), state->mutable_total());
  state->set_active(true);
  return delta;
}

namespace {

void Fill(const std::string& framework, const std::string& role, const std::string& agent,
          const resources::Resources& resources, proto::Allocation* allocation) {
  allocation->set_framework_id(framework);
  allocation->set_role(role);
  allocation->set_agent_id(agent);
  wire::ResourcesToProto(resources, allocation->mutable_resources());
}

}  // namespace

proto::Delta Allocate(const std::string& framework, const std::string& role,
                      const std::string& agent, const resources::Resources& resources,
                      uint64_t proposal_id) {
  proto::Delta delta;
  Fill(framework, role, agent, resources, delta.mutable_allocate());
  delta.mutable_allocate()->set_proposal_id(proposal_id);
  return delta;
}

proto::Delta Recover(const std::string& framework, const std::string& role,
                     const std::string& agent, const resources::Resources& resources,
                     absl::Duration refuse) {
  proto::Delta delta;
  Fill(framework, role, agent, resources, delta.mutable_recover()->mutable_allocation());
  delta.mutable_recover()->set_refuse_ms(absl::ToInt64Milliseconds(refuse));
  return delta;
}

proto::Delta Suppress(const std::string& framework) {
  proto::Delta delta;
  delta.mutable_suppress()->set_framework_id(framework);
  return delta;
}

proto::Delta Revive(const std::string& framework) {
  proto::Delta delta;
  delta.mutable_revive()->set_framework_id(framework);
  return delta;
}

TestMaster::TestMaster(const std::string& address) {
  // A connection of its own for every master; channels to one address would share theirs, also one
  // that an allocator which was killed left broken.
  static int group = 0;
  channel_ = *rpc::MakeChannel(address, {.insecure = true}, {.connection_group = ++group});
  stub_ = proto::AllocatorService::NewStub(channel_);
  stream_ = rpc::BidiClientStream<proto::MasterFrame, proto::AllocatorFrame>::Create();
  stub_->async()->Session(stream_->context(), stream_->reactor());
  stream_->Start(
      {.on_frame = [inbox = inbox_](
                       proto::AllocatorFrame frame) { Receive(inbox.get(), std::move(frame)); },
       .on_closed =
           [inbox = inbox_](const absl::Status& status) {
             MutexLock lock(&inbox->mutex);
             inbox->closed = true;
             inbox->status = status;
           }});
}

TestMaster::~TestMaster() {
  stream_->Cancel();
  testing::Eventually(kLimit, [this] {
    MutexLock lock(&inbox_->mutex);
    return inbox_->closed;
  });
}

void TestMaster::Receive(Inbox* inbox, proto::AllocatorFrame frame) {
  MutexLock lock(&inbox->mutex);
  for (proto::AllocatorMessage& message : *frame.mutable_messages()) {
    inbox->out_of_order |= !inbox->welcome.has_value() && !message.has_welcome();
    if (message.has_welcome()) inbox->welcome = std::move(*message.mutable_welcome());
    if (message.has_proposal()) inbox->proposals.push_back(std::move(*message.mutable_proposal()));
    if (message.has_need_snapshot()) {
      inbox->need_snapshot.push_back(message.need_snapshot().reason());
    }
  }
}

void TestMaster::Send(proto::MasterMessage message) {
  proto::MasterFrame frame;
  *frame.add_messages() = std::move(message);
  (void)stream_->Send(std::move(frame));
}

void TestMaster::SendDelta(proto::Delta delta, uint64_t version) {
  proto::MasterMessage message;
  delta.set_version(version);
  *message.mutable_delta() = std::move(delta);
  Send(std::move(message));
}

void TestMaster::Hello(const std::string& master_id, uint64_t epoch) {
  proto::MasterMessage message;
  message.mutable_hello()->set_master_id(master_id);
  message.mutable_hello()->set_epoch(epoch);
  Send(std::move(message));
}

void TestMaster::Snapshot(const std::vector<proto::Delta>& objects, uint64_t version) {
  version_ = version;
  {
    // What was proposed on older books is void.
    MutexLock lock(&inbox_->mutex);
    inbox_->proposals.clear();
  }
  proto::MasterFrame frame;
  frame.add_messages()->mutable_snapshot_begin()->set_version(version);
  for (const proto::Delta& object : objects) *frame.add_messages()->mutable_delta() = object;
  frame.add_messages()->mutable_snapshot_end()->set_version(version);
  (void)stream_->Send(std::move(frame));
}

void TestMaster::Apply(proto::Delta delta) { SendDelta(std::move(delta), ++version_); }

void TestMaster::Accept(const proto::Proposal& proposal) {
  proto::MasterMessage result;
  result.mutable_result()->set_proposal_id(proposal.proposal_id());
  Send(std::move(result));
  Apply(Allocate(proposal.framework_id(), proposal.role(), proposal.agent_id(),
                 *wire::ResourcesFromProto(proposal.resources()), proposal.proposal_id()));
}

void TestMaster::Reject(const proto::Proposal& proposal, proto::RejectReason reason) {
  proto::MasterMessage result;
  result.mutable_result()->set_proposal_id(proposal.proposal_id());
  result.mutable_result()->set_reject_reason(reason);
  Send(std::move(result));
}

void TestMaster::Cancel() { stream_->Cancel(); }

std::optional<proto::Welcome> TestMaster::WaitWelcome(absl::Duration limit) {
  std::optional<proto::Welcome> welcome;
  testing::Eventually(limit, [&] {
    MutexLock lock(&inbox_->mutex);
    MEROS_CHECK(!inbox_->out_of_order) << "something came before the welcome";
    welcome = inbox_->welcome;
    return welcome.has_value() || inbox_->closed;
  });
  return welcome;
}

std::optional<proto::Proposal> TestMaster::WaitProposal(absl::Duration limit) {
  std::optional<proto::Proposal> proposal;
  testing::Eventually(limit, [&] {
    MutexLock lock(&inbox_->mutex);
    if (inbox_->proposals.empty()) return inbox_->closed;
    proposal = std::move(inbox_->proposals.front());
    inbox_->proposals.erase(inbox_->proposals.begin());
    return true;
  });
  return proposal;
}

std::optional<std::string> TestMaster::WaitNeedSnapshot(absl::Duration limit) {
  std::optional<std::string> reason;
  testing::Eventually(limit, [&] {
    MutexLock lock(&inbox_->mutex);
    if (inbox_->need_snapshot.empty()) return inbox_->closed;
    reason = std::move(inbox_->need_snapshot.front());
    inbox_->need_snapshot.erase(inbox_->need_snapshot.begin());
    return true;
  });
  return reason;
}

absl::Status TestMaster::WaitClosed(absl::Duration limit) {
  absl::Status status;
  testing::Eventually(limit, [&] {
    MutexLock lock(&inbox_->mutex);
    status = inbox_->status;
    return inbox_->closed;
  });
  return status;
}

absl::StatusOr<proto::ExplainResponse> TestMaster::Explain(const proto::ExplainRequest& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoSeconds(kLimit));
  proto::ExplainResponse response;
  const grpc::Status status = stub_->Explain(&context, request, &response);
  if (!status.ok()) return rpc::FromGrpc(status);
  return response;
}

}  // namespace meros::allocator_conformance

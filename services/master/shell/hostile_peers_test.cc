// Goal: peers that lie, leak, flood or fall silent harm nobody but themselves: beside them an
// honest framework's tasks are launched on an honest agent, one after another, and the master's
// memory stays bounded. Method: a whole master over gRPC on loopback, with raw sockets and streams
// that do what no driver does. How long the honest launches took is printed, and decides nothing.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/rpc/channel.h"
#include "services/master/shell/test_master.h"

namespace meros::master {
namespace {

namespace link = ::meros::agent_link::v1;
namespace sched = ::meros::v1::scheduler;
namespace ops = ::meros::v1::master;

using testing::AgentPeer;
using testing::MasterOverGrpc;
using testing::SchedulerPeer;
using ::testing::HasSubstr;

// Resident memory of this process, bytes: the master's, its neighbours' and its peers'.
size_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  unsigned long pages = 0;  // NOLINT(google-runtime-int): what scanf knows
  if (file == nullptr || std::fscanf(file, "%*u %lu", &pages) != 1) pages = 0;
  if (file != nullptr) std::fclose(file);
  return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// A TCP connection to the master that speaks no HTTP/2 of its own accord.
class RawConnection {
 public:
  explicit RawConnection(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~RawConnection() { close(fd_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  void Write(const std::string& bytes) {
    (void)send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

 private:
  const int fd_;
};

class HostilePeers : public MasterOverGrpc {
 protected:
  void SetUp() override {
    ASSERT_EQ(AwaitState("LEADING"), "LEADING");
    agent_ = Agent();
    agent_id_ = Register(agent_.get(), "honest-key");
    scheduler_ = Scheduler();
    framework_ = Subscribe(scheduler_.get());
    ASSERT_FALSE(framework_.empty());
  }

  // The honest framework launches a task on the honest agent, hears that it runs and that it ends.
  // How long it took.
  absl::Duration LaunchOne() {
    const std::string id = absl::StrCat("t", ++launches_);
    const absl::Time begin = meros::testing::PollNow();
    const v1::Offer offer = AwaitOffer(scheduler_.get());
    EXPECT_EQ(offer.agent_id().value(), agent_id_);
    sched::Calls frame;
    *frame.add_calls() = LaunchOf(framework_, offer, id, 1);
    frame.mutable_calls(0)->mutable_accept()->mutable_filters()->set_refuse_seconds(0);
    EXPECT_TRUE(scheduler_->Write(frame));
    EXPECT_TRUE(agent_->Await([](const auto& m) { return m.has_run_tasks(); }).has_value());
    for (v1::TaskState state : {v1::TASK_RUNNING, v1::TASK_FINISHED}) {
      agent_->Write(UpdateOf(framework_, id, state));
      const auto update = scheduler_->Await([](const auto& e) { return e.has_update(); });
      EXPECT_TRUE(update.has_value());
      if (!update.has_value()) break;
      EXPECT_EQ(update->update().status().task_id().value(), id);
      EXPECT_EQ(update->update().status().state(), state);
      Acknowledge(id);
      EXPECT_TRUE(agent_->Await([](const auto& m) { return m.has_acknowledge(); }).has_value());
    }
    return meros::testing::PollNow() - begin;
  }

  // Effects are counted when they are applied, which may be after their reader has seen them.
  bool Counted(const std::string& line) {
    return meros::testing::Eventually(absl::Seconds(60), [&] {
      return absl::StrContains(metrics_->Serialize(), absl::StrCat(line, "\n"));
    });
  }

  size_t Frameworks() {
    size_t count = 0;
    ops::ListFrameworksRequest request;
    do {
      ops::ListFrameworksResponse listed;
      grpc::ClientContext context;
      if (!operators_->ListFrameworks(&context, request, &listed).ok()) return 0;
      count += listed.frameworks_size();
      request.set_page_token(listed.next_page_token());
    } while (!request.page_token().empty());
    return count;
  }

  void Acknowledge(const std::string& task) {
    sched::Calls frame;
    sched::Call* call = frame.add_calls();
    call->set_type(sched::Call::ACKNOWLEDGE);
    call->mutable_framework_id()->set_value(framework_);
    call->mutable_acknowledge()->mutable_agent_id()->set_value(agent_id_);
    call->mutable_acknowledge()->mutable_task_id()->set_value(task);
    call->mutable_acknowledge()->set_uuid("0123456789abcdef");
    EXPECT_TRUE(scheduler_->Write(frame));
  }

  static link::AgentFrame ReturnOf(const std::string& id, const std::string& key) {
    link::AgentFrame frame;
    link::Register* agent = frame.add_messages()->mutable_reregister()->mutable_agent();
    agent->set_registration_key(key);
    agent->mutable_info()->set_hostname("host");
    agent->mutable_info()->mutable_id()->set_value(id);
    testing::AddScalar("cpus", 4, agent->mutable_info()->mutable_resources());
    testing::AddScalar("mem", 4096, agent->mutable_info()->mutable_resources());
    return frame;
  }

  std::unique_ptr<AgentPeer> agent_;
  std::unique_ptr<SchedulerPeer> scheduler_;
  std::string agent_id_;
  std::string framework_;
  int launches_ = 0;
};

TEST_F(HostilePeers, AnAgentThatTakesAnothersIdLosesItsStreamAndTheOtherKeepsIt) {
  LaunchOne();

  auto liar = Agent();
  liar->Write(ReturnOf(agent_id_, "liar-key"));

  const grpc::Status end = liar->End();
  EXPECT_EQ(end.error_code(), grpc::StatusCode::PERMISSION_DENIED) << end.error_message();
  EXPECT_TRUE(Counted("meros_master_agent_disputes_total{what=\"id\"} 1"));
  LaunchOne();
}

TEST_F(HostilePeers, AnAgentDoesNotSpeakForAnothersTask) {
  LaunchOne();
  auto liar = Agent();
  ASSERT_FALSE(Register(liar.get(), "liar-key").empty());
  const v1::Offer offer = AwaitOffer(scheduler_.get());
  sched::Calls frame;
  *frame.add_calls() = LaunchOf(framework_, offer, "long", 1);
  scheduler_->Write(frame);
  const bool runs_at_liar = offer.agent_id().value() != agent_id_;
  AgentPeer* owner = runs_at_liar ? liar.get() : agent_.get();
  AgentPeer* other = runs_at_liar ? agent_.get() : liar.get();
  ASSERT_TRUE(owner->Await([](const auto& m) { return m.has_run_tasks(); }).has_value());

  other->Write(UpdateOf(framework_, "long", v1::TASK_FAILED));
  ASSERT_TRUE(other->Await([](const auto& m) { return m.has_acknowledge(); }).has_value());
  owner->Write(UpdateOf(framework_, "long", v1::TASK_RUNNING));

  const auto heard = scheduler_->Await([](const auto& e) { return e.has_update(); });
  ASSERT_TRUE(heard.has_value());
  EXPECT_EQ(heard->update().status().state(), v1::TASK_RUNNING);
  EXPECT_TRUE(Counted("meros_master_agent_disputes_total{what=\"task\"} 1"));
}

TEST_F(HostilePeers, OversizedMessagesAndMetadataAreRefused) {
  // A connection of its own, which they may cost.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel = grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", shell_->port()),
                                                 grpc::InsecureChannelCredentials(), arguments);
  const auto operators = ops::MasterService::NewStub(channel);
  const auto schedulers = sched::SchedulerService::NewStub(channel);
  grpc::ClientContext context;
  context.AddMetadata("x-large", std::string(200 << 10, 'x'));
  ops::GetVersionResponse version;
  EXPECT_FALSE(operators->GetVersion(&context, {}, &version).ok());

  SchedulerPeer scheduler([&](grpc::ClientContext* c) { return schedulers->Connect(c); },
                          [](sched::Events* f) { return f->mutable_events(); });
  sched::Calls frame;
  frame.add_calls()->mutable_message()->set_data(std::string(rpc::kMessageBytesMax + 1, 'x'));
  scheduler.Write(frame);
  EXPECT_FALSE(scheduler.End().ok());

  LaunchOne();
}

TEST_F(HostilePeers, WhoCannotBeSubscribedIsToldWhyInAnEvent) {
  const auto schedulers = sched::SchedulerService::NewStub(channel_);
  SchedulerPeer scheduler([&](grpc::ClientContext* c) { return schedulers->Connect(c); },
                          [](sched::Events* f) { return f->mutable_events(); });
  sched::Calls frame;
  frame.add_calls()->set_type(sched::Call::SUBSCRIBE);
  auto* info = frame.mutable_calls(0)->mutable_subscribe()->mutable_framework_info();
  info->set_name("f");
  info->set_user("u");
  info->set_role("a//b");
  scheduler.Write(frame);

  const auto error = scheduler.Await([](const auto& e) { return e.has_error(); });
  ASSERT_TRUE(error.has_value());
  EXPECT_THAT(error->error().message(), HasSubstr("framework_info.role"));
  EXPECT_EQ(scheduler.End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(HostilePeers, AFrameThatIsNoneEndsItsStreamAndSaysWhy) {
  using Stream = grpc::ClientReaderWriter<v1::TaskID, sched::Events>;
  const grpc::internal::RpcMethod method("/meros.v1.scheduler.SchedulerService/Connect",
                                         grpc::internal::RpcMethod::BIDI_STREAMING);
  grpc::ClientContext context;
  const std::unique_ptr<Stream> stream(
      grpc::internal::ClientReaderWriterFactory<v1::TaskID, sched::Events>::Create(
          channel_.get(), method, &context));
  v1::TaskID frame;
  frame.set_value("\x0a\x7f");  // where a call should be: a field that is longer than the frame
  ASSERT_TRUE(stream->Write(frame));

  sched::Events events;
  EXPECT_FALSE(stream->Read(&events));
  const grpc::Status end = stream->Finish();
  EXPECT_EQ(end.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(end.error_message(), "a frame is not a meros.v1.scheduler.Calls");
  EXPECT_TRUE(Counted("meros_master_frames_malformed_total 1"));
  LaunchOne();
}

TEST_F(HostilePeers, HalfOpenAndMalformedConnectionsLieThere) {
  std::vector<std::unique_ptr<RawConnection>> connections;
  for (int i = 0; i < 200; ++i) {
    connections.push_back(std::make_unique<RawConnection>(shell_->port()));
    switch (i % 4) {
      case 0:
        break;  // says nothing
      case 1:
        connections.back()->Write("PRI * HTTP/2.0\r\n\r\nSM\r\n");  // and stops in the middle
        break;
      case 2:
        connections.back()->Write(std::string(1000, '\xff'));
        break;
      case 3:  // settings, then a frame that claims 16 MiB
        connections.back()->Write(
            std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                        "\0\0\0\4\0\0\0\0\0\xff\xff\xff\0\0\0\0\0\1",
                        42));
        break;
    }
  }

  for (int i = 0; i < 5; ++i) LaunchOne();
}

TEST_F(HostilePeers, StreamsThatAreOpenedAndResetAtOnceLeaveNothing) {
  LaunchOne();
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 100; ++i) {
      sched::Calls frame;
      frame.add_calls()->set_type(sched::Call::SUBSCRIBE);
      auto scheduler = Scheduler();
      scheduler->Write(frame);  // Peer cancels as it goes
    }
    LaunchOne();
  }
}

// A thousand frameworks that subscribe, keep every offer, and never read what they are sent.
TEST_F(HostilePeers, AThousandSlowReadersCostBoundedMemory) {
  std::vector<absl::Duration> alone;
  for (int i = 0; i < 5; ++i) alone.push_back(LaunchOne());
  const size_t before = ResidentBytes();

  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReaderWriter<sched::Calls, sched::Events>>> streams;
  for (int i = 0; i < 1000; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(schedulers_->Connect(contexts.back().get()));
    sched::Calls frame;
    sched::Call* call = frame.add_calls();
    call->set_type(sched::Call::SUBSCRIBE);
    call->mutable_subscribe()->mutable_framework_info()->set_name("slow");
    call->mutable_subscribe()->mutable_framework_info()->set_user("nobody");
    ASSERT_TRUE(streams.back()->Write(frame));
  }
  ASSERT_TRUE(meros::testing::Eventually(absl::Seconds(90), [&] { return Frameworks() == 1001u; }));
  std::vector<absl::Duration> beside;
  for (int i = 0; i < 20; ++i) beside.push_back(LaunchOne());

  const size_t after = ResidentBytes();
  EXPECT_LT(after - std::min(before, after), size_t{512} << 20);
  std::sort(alone.begin(), alone.end());
  std::sort(beside.begin(), beside.end());
  std::printf("a launch alone: %s, beside 1,000 slow readers: median %s, longest %s; +%zu MiB\n",
              absl::FormatDuration(alone[2]).c_str(), absl::FormatDuration(beside[10]).c_str(),
              absl::FormatDuration(beside.back()).c_str(), (after - std::min(before, after)) >> 20);
  for (auto& context : contexts) context->TryCancel();
}

}  // namespace
}  // namespace meros::master

// Goal: peers that lie, leak, flood or fall silent harm nobody but themselves: beside them an
// honest framework's tasks are launched on an honest agent, one after another, and the master's
// books keep nothing of them. Method: a whole master over gRPC on loopback, with raw sockets and
// streams that do what no driver does. Those who do not read: slow_readers_test.cc.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/rpc/channel.h"
#include "services/master/shell/test_honest_pair.h"

namespace meros::master {
namespace {

namespace link = ::meros::agent_link::v1;
namespace sched = ::meros::v1::scheduler;
namespace ops = ::meros::v1::master;

using testing::AgentPeer;
using ::testing::HasSubstr;
using testing::SchedulerPeer;

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

using HostilePeers = testing::HonestPair;

link::AgentFrame ReturnOf(const std::string& id, const std::string& key) {
  link::AgentFrame frame;
  link::Register* agent = frame.add_messages()->mutable_reregister()->mutable_agent();
  agent->set_registration_key(key);
  agent->mutable_info()->set_hostname("host");
  agent->mutable_info()->mutable_id()->set_value(id);
  testing::AddScalar("cpus", 4, agent->mutable_info()->mutable_resources());
  testing::AddScalar("mem", 4096, agent->mutable_info()->mutable_resources());
  return frame;
}

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
  const auto channel = OwnChannel();  // which they may cost
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

// From connections of their own: streams that are reset before anything is said, and others that
// are reset as soon as they have asked to be subscribed.
TEST_F(HostilePeers, StreamsThatAreOpenedAndResetAtOnceLeaveNothing) {
  constexpr int kConnections = 5;
  constexpr int kStreams = 200;  // of each kind, on each connection, in each round
  LaunchOne();
  std::vector<std::unique_ptr<sched::SchedulerService::Stub>> stubs;
  for (int i = 0; i < kConnections; ++i) {
    stubs.push_back(sched::SchedulerService::NewStub(OwnChannel()));
  }

  for (int round = 0; round < 3; ++round) {
    for (const auto& stub : stubs) {
      for (int i = 0; i < kStreams; ++i) {
        grpc::ClientContext silent;
        const auto unused = stub->Connect(&silent);
        silent.TryCancel();
        grpc::ClientContext subscribing;
        const auto stream = stub->Connect(&subscribing);
        EXPECT_TRUE(stream->Write(SubscriptionOf("short")));
        subscribing.TryCancel();
      }
    }
    LaunchOne();
  }

  EXPECT_TRUE(meros::testing::Eventually(absl::Seconds(60), [&] {
    return Frameworks().size() == 1u;
  })) << Frameworks().size();
  EXPECT_FALSE(Frameworks(ops::FrameworkView::COMPLETED).empty()) << "nobody was subscribed";
  EXPECT_TRUE(Counted("meros_master_streams{of=\"scheduler\"} 1"));
  EXPECT_TRUE(Counted("meros_master_streams_cut_total{of=\"scheduler\"} 0"));
  LaunchOne();
}

}  // namespace
}  // namespace meros::master

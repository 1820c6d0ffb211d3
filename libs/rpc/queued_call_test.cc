// Goal: streams on queues of their own deliver in order and end once with the right status from
// either side, with frames in arenas, and a server that ends leaves none behind. Method: a real
// server on a unix socket and our own client streams.
#include "libs/rpc/queued_call.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/base/mutex.h"
#include "libs/rpc/arena_frame.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/bidi_server_stream.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "meros/rpc_test/v1/echo.grpc.pb.h"

namespace meros::rpc {
namespace {

using rpc_test::v1::EchoService;
using rpc_test::v1::Frame;
using FrameIn = ArenaFrame<Frame>;
using ServerCall = QueuedCall<FrameIn, Frame>;
using ServerStream = BidiServerStream<FrameIn, Frame, QueuedReactor<FrameIn, Frame>>;
using ClientStream = BidiClientStream<Frame, Frame>;

Frame FrameOf(std::string text) {
  Frame frame;
  frame.add_texts(std::move(text));
  return frame;
}

// Says how streams ended.
class Endings {
 public:
  void Add(const absl::Status& status) {
    MutexLock lock(&mutex_);
    endings_.push_back(status);
    changed_.SignalAll();
  }
  // Those of now, once there are n.
  std::vector<absl::Status> Await(size_t n) {
    MutexLock lock(&mutex_);
    while (endings_.size() < n) changed_.Wait(&mutex_);
    return endings_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<absl::Status> endings_ MEROS_GUARDED_BY(mutex_);
};

// Echoes; "bye" ends the stream.
class QueuedEcho final : public QueuedService {
 public:
  grpc::Service* service() override { return &service_; }
  void Accept(StreamQueue* queue) override {
    AcceptCalls<FrameIn, Frame>(
        queue, [this](auto... call) { service_.Request(call...); },
        [this](std::unique_ptr<ServerCall> call) { Open(std::move(call)); });
  }

  Endings endings;

 private:
  class Service final : public EchoService::WithAsyncMethod_Connect<EchoService::Service> {
   public:
    void Request(grpc::ServerContext* context, ServerCall::Io* io, grpc::CompletionQueue* queue,
                 grpc::ServerCompletionQueue* calls, void* tag) {
      RequestAsyncBidiStreaming(0, context, io, queue, calls, tag);
    }
  };

  void Open(std::unique_ptr<ServerCall> call) {
    auto stream = ServerStream::Create(&call->context);
    stream->Bind(std::move(call));
    ServerStream* raw = stream.get();
    stream->Start({.on_frame =
                       [raw](FrameIn frame) {
                         EXPECT_NE(frame->GetArena(), nullptr);
                         const bool bye = frame->texts(0) == "bye";
                         raw->Send(Frame(std::move(*frame)));
                         if (bye) raw->Close(absl::NotFoundError("asked to end"));
                       },
                   .on_closed = [this](const absl::Status& status) { endings.Add(status); }});
  }

  Service service_;
};

// One client stream, and what it hears.
class Client {
 public:
  explicit Client(EchoService::Stub* stub) : stream_(ClientStream::Create()) {
    stub->async()->Connect(stream_->context(), stream_->reactor());
    stream_->Start({.on_frame =
                        [this](Frame frame) {
                          MutexLock lock(&mutex_);
                          texts_.push_back(frame.texts(0));
                          changed_.SignalAll();
                        },
                    .on_closed = [this](const absl::Status& status) { ending_.Add(status); }});
  }
  ~Client() {
    stream_->Cancel();
    (void)End();
  }

  ClientStream* operator->() { return stream_.get(); }
  std::vector<std::string> AwaitTexts(size_t n) {
    MutexLock lock(&mutex_);
    while (texts_.size() < n) changed_.Wait(&mutex_);
    return texts_;
  }
  absl::Status End() { return ending_.Await(1)[0]; }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> texts_ MEROS_GUARDED_BY(mutex_);
  Endings ending_;
  std::shared_ptr<ClientStream> stream_;
};

class QueuedStreams : public ::testing::Test {
 protected:
  QueuedStreams() {
    static int servers = 0;
    address_ = absl::StrCat("unix:/tmp/meros-queued-test-", getpid(), "-", ++servers, ".sock");
    auto server = Server::Start({.addresses = {address_}}, {}, {&echo_});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = EchoService::NewStub(*MakeChannel(address_, {}));
  }
  ~QueuedStreams() override {
    server_.reset();
    unlink(address_.substr(5).c_str());
  }

  QueuedEcho echo_;
  std::string address_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<EchoService::Stub> stub_;
};

TEST_F(QueuedStreams, DeliverEveryFrameInOrder) {
  Client client(stub_.get());
  std::vector<std::string> sent;
  for (int i = 0; i < 2000; ++i) {
    sent.push_back(absl::StrCat(i));
    EXPECT_TRUE(client->Send(FrameOf(sent.back())));
  }
  EXPECT_EQ(client.AwaitTexts(2000), sent);

  client->Close(absl::OkStatus());
  EXPECT_TRUE(client.End().ok());
  EXPECT_TRUE(echo_.endings.Await(1)[0].ok());
}

TEST_F(QueuedStreams, TheServersStatusArrivesAfterItsLastFrame) {
  Client client(stub_.get());
  client->Send(FrameOf("bye"));

  EXPECT_EQ(client.End(), absl::NotFoundError("asked to end"));
  EXPECT_EQ(client.AwaitTexts(1), std::vector<std::string>{"bye"});
  EXPECT_EQ(echo_.endings.Await(1)[0], absl::NotFoundError("asked to end"));
}

TEST_F(QueuedStreams, AClientThatCancelsEndsBothSides) {
  Client client(stub_.get());
  client->Send(FrameOf("a"));
  client.AwaitTexts(1);

  client->Cancel();

  EXPECT_TRUE(absl::IsCancelled(client.End()));
  EXPECT_EQ(echo_.endings.Await(1).size(), 1u);
}

TEST_F(QueuedStreams, ManyMoreThanThereAreQueuesRunAtOnceAndEndOnce) {
  constexpr size_t kStreams = 20 * StreamQueues::kQueues;
  std::vector<std::unique_ptr<Client>> clients;
  for (size_t i = 0; i < kStreams; ++i) {
    clients.push_back(std::make_unique<Client>(stub_.get()));
    (*clients.back())->Send(FrameOf("a"));
  }
  for (auto& client : clients) client->AwaitTexts(1);

  for (size_t i = 0; i < kStreams; ++i) {
    if (i % 3 == 0) (*clients[i])->Cancel();
    if (i % 3 == 1) (*clients[i])->Close(absl::OkStatus());
    if (i % 3 == 2) (*clients[i])->Send(FrameOf("bye"));
  }
  for (auto& client : clients) (void)client->End();
  const auto endings = echo_.endings.Await(kStreams);
  const auto byes = std::count_if(endings.begin(), endings.end(),
                                  [](const auto& status) { return absl::IsNotFound(status); });
  EXPECT_EQ(static_cast<size_t>(byes), kStreams / 3);
  server_->Shutdown(absl::ZeroDuration());
  EXPECT_EQ(echo_.endings.Await(0).size(), kStreams);  // none ends twice
}

TEST_F(QueuedStreams, AServerThatEndsEndsItsStreamsAndAcceptsNoOther) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<Client>(stub_.get()));
    (*clients.back())->Send(FrameOf("a"));
    clients.back()->AwaitTexts(1);
  }

  server_->Shutdown(absl::Milliseconds(10));

  EXPECT_EQ(echo_.endings.Await(0).size(), 50u);  // it does not return before
  for (auto& client : clients) EXPECT_FALSE(client->End().ok());
  Client late(stub_.get());
  EXPECT_FALSE(late.End().ok());
}

TEST(QueuedServer, OneThatCannotListenSaysSo) {
  QueuedEcho first, second;
  auto server =
      Server::Start({.addresses = {"127.0.0.1:0"}, .tls = {.insecure = true}}, {}, {&first});
  ASSERT_TRUE(server.ok()) << server.status();

  const auto refused = Server::Start(
      {.addresses = {absl::StrCat("127.0.0.1:", (*server)->port(0))}, .tls = {.insecure = true}},
      {}, {&second});

  EXPECT_TRUE(absl::IsUnavailable(refused.status())) << refused.status();
}

}  // namespace
}  // namespace meros::rpc

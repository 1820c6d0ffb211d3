// Goal: streams deliver in order, end once with the right status from either side, and cut a reader
// that does not read. Method: a real server on a unix socket and our own client streams.
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/base/mutex.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/bidi_server_stream.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/rpc/server_writer.h"
#include "libs/rpc/unary.h"
#include "meros/rpc_test/v1/echo.grpc.pb.h"

namespace meros::rpc {
namespace {

using rpc_test::v1::EchoService;
using rpc_test::v1::Frame;
using ServerStream = BidiServerStream<Frame, Frame>;
using ClientStream = BidiClientStream<Frame, Frame>;

Frame FrameOf(std::string text) {
  Frame frame;
  frame.add_texts(std::move(text));
  return frame;
}

class EchoServer : public EchoService::CallbackService {
 public:
  grpc::ServerBidiReactor<Frame, Frame>* Connect(grpc::CallbackServerContext* context) override {
    auto stream = ServerStream::Create(context, options);
    {
      MutexLock lock(&mutex);  // streams open on several threads at once
      last = stream;
    }
    return stream->Start({.on_frame =
                              [stream](Frame frame) {
                                if (frame.texts(0) == "bye") {
                                  stream->Send(FrameOf("last"));
                                  stream->Close(absl::NotFoundError("asked to end"));
                                } else if (frame.texts(0) == "flood") {
                                  while (stream->Send(FrameOf(std::string(1 << 20, 'x')))) {
                                  }
                                } else {
                                  stream->Send(std::move(frame));
                                }
                              },
                          .on_closed = [this](const absl::Status& status) { Closed(status); }},
                         [this](const Frame& frame) { return Wait(frame); });
  }

  // A frame "hold ..." waits.
  absl::Duration Wait(const Frame& frame) {
    if (!absl::StartsWith(frame.texts(0), "hold")) return absl::ZeroDuration();
    MutexLock lock(&mutex);
    ++held;
    changed.SignalAll();
    return hold;
  }
  void WaitHeld(int n) {
    MutexLock lock(&mutex);
    while (held < n) changed.Wait(&mutex);
  }

  grpc::ServerWriteReactor<Frame>* Listen(grpc::CallbackServerContext* context,
                                          const Frame* request) override {
    auto writer = ServerWriter<Frame>::Create(context);
    for (const std::string& text : request->texts()) writer->Send(FrameOf(text));
    writer->Close(absl::OkStatus());
    return writer->Start([this](const absl::Status& status) { Closed(status); },
                         [this](size_t bytes) { written += bytes; });
  }

  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const Frame* request,
                                 Frame* response) override {
    return AnswerLater<Frame>(context, response, [&](UnaryReply<Frame> reply) {
      if (request->texts().empty()) {
        reply.Finish(absl::InvalidArgumentError("texts: must not be empty"));
        reply.Finish(*request);  // only the first answer counts
      } else if (request->texts(0) != "drop") {
        reply.Finish(*request);
      }
    });
  }

  void Closed(const absl::Status& status) {
    MutexLock lock(&mutex);
    closed.push_back(status);
    changed.SignalAll();
  }

  absl::Status WaitClosed() {
    MutexLock lock(&mutex);
    while (closed.empty()) changed.Wait(&mutex);
    return closed[0];
  }

  size_t ClosedCount() {
    MutexLock lock(&mutex);
    return closed.size();
  }

  std::shared_ptr<ServerStream> LastOpened() {
    MutexLock lock(&mutex);
    return last.lock();
  }

  OutboxOptions options;
  std::atomic<size_t> written{0};  // on streams that only the server writes
  absl::Duration hold = absl::Milliseconds(2);
  Mutex mutex;
  CondVar changed;
  int held MEROS_GUARDED_BY(mutex) = 0;
  std::weak_ptr<ServerStream> last MEROS_GUARDED_BY(mutex);
  std::vector<absl::Status> closed MEROS_GUARDED_BY(mutex);
};

// Collects what a client stream hears.
struct Listener {
  StreamHandlers<Frame> Handlers() {
    return {.on_frame =
                [this](Frame frame) {
                  MutexLock lock(&mutex);
                  texts.push_back(frame.texts(0));
                  changed.SignalAll();
                },
            .on_closed =
                [this](const absl::Status& status) {
                  MutexLock lock(&mutex);
                  closed.push_back(status);
                  changed.SignalAll();
                }};
  }
  void WaitTexts(size_t n) {
    MutexLock lock(&mutex);
    while (texts.size() < n && closed.empty()) changed.Wait(&mutex);
  }
  absl::Status WaitClosed() {
    MutexLock lock(&mutex);
    while (closed.empty()) changed.Wait(&mutex);
    return closed[0];
  }
  Mutex mutex;
  CondVar changed;
  std::vector<std::string> texts;
  std::vector<absl::Status> closed;
};

class StreamsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // A name of its own for every test: channels of one process share connections by address, so
    // the next test could be handed the one that the last test's server is just closing.
    static int servers = 0;
    address_ = absl::StrCat("unix:/tmp/meros-streams-test-", getpid(), "-", ++servers, ".sock");
    auto server = Server::Start({.addresses = {address_}}, {&echo_});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = EchoService::NewStub(*MakeChannel(address_, {}));
  }
  void TearDown() override {
    server_.reset();
    unlink(address_.substr(5).c_str());
  }

  std::shared_ptr<ClientStream> Connect(Listener* listener) {
    auto stream = ClientStream::Create();
    stub_->async()->Connect(stream->context(), stream->reactor());
    stream->Start(listener->Handlers());
    return stream;
  }

  EchoServer echo_;
  std::string address_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<EchoService::Stub> stub_;
};

TEST_F(StreamsTest, DeliversEveryFrameInOrder) {
  Listener listener;
  auto stream = Connect(&listener);

  for (int i = 0; i < 2000; ++i) EXPECT_TRUE(stream->Send(FrameOf(absl::StrCat(i))));
  listener.WaitTexts(2000);

  ASSERT_EQ(listener.texts.size(), 2000u);
  for (int i = 0; i < 2000; ++i) EXPECT_EQ(listener.texts[i], absl::StrCat(i));
  stream->Close(absl::OkStatus());
  EXPECT_TRUE(listener.WaitClosed().ok());
  EXPECT_TRUE(echo_.WaitClosed().ok());
}

TEST_F(StreamsTest, FramesThatAreHeldBackKeepTheirPlace) {
  Listener listener;
  auto stream = Connect(&listener);

  std::vector<std::string> sent;
  for (int i = 0; i < 100; ++i) {
    sent.push_back(absl::StrCat(i % 3 == 0 ? "hold " : "", i));
    EXPECT_TRUE(stream->Send(FrameOf(sent.back())));
  }
  listener.WaitTexts(sent.size());

  EXPECT_EQ(listener.texts, sent);
  stream->Close(absl::OkStatus());
  EXPECT_TRUE(listener.WaitClosed().ok());
  EXPECT_TRUE(echo_.WaitClosed().ok());
}

TEST_F(StreamsTest, WhileAFrameIsHeldBackNoneIsReadAndAllAreWritten) {
  echo_.hold = absl::Hours(1);
  Listener listener;
  auto stream = Connect(&listener);
  stream->Send(FrameOf("hold"));
  stream->Send(FrameOf("next"));
  echo_.WaitHeld(1);

  echo_.LastOpened()->Send(FrameOf("news"));
  listener.WaitTexts(1);

  EXPECT_EQ(listener.texts, std::vector<std::string>{"news"});
  stream->Cancel();  // and does not wait for the hour to end
  EXPECT_TRUE(absl::IsCancelled(listener.WaitClosed()));
  EXPECT_FALSE(echo_.WaitClosed().ok());
  EXPECT_EQ(listener.texts.size(), 1u);
}

TEST_F(StreamsTest, TheServerEndsAStreamWhoseFrameItHoldsBack) {
  echo_.hold = absl::Hours(1);
  Listener listener;
  auto stream = Connect(&listener);
  stream->Send(FrameOf("hold"));
  echo_.WaitHeld(1);

  echo_.LastOpened()->Close(absl::ResourceExhaustedError("enough"));

  EXPECT_EQ(listener.WaitClosed(), absl::ResourceExhaustedError("enough"));
  EXPECT_EQ(echo_.WaitClosed(), absl::ResourceExhaustedError("enough"));
}

TEST_F(StreamsTest, ServersStatusArrivesAfterItsLastFrame) {
  Listener listener;
  auto stream = Connect(&listener);

  stream->Send(FrameOf("bye"));

  EXPECT_EQ(listener.WaitClosed(), absl::NotFoundError("asked to end"));
  EXPECT_EQ(listener.texts, std::vector<std::string>{"last"});
  EXPECT_FALSE(stream->Send(FrameOf("too late")));
  EXPECT_EQ(listener.closed.size(), 1u);
}

TEST_F(StreamsTest, CancellingEndsBothSides) {
  Listener listener;
  auto stream = Connect(&listener);
  stream->Send(FrameOf("a"));
  listener.WaitTexts(1);

  stream->Cancel();

  EXPECT_TRUE(absl::IsCancelled(listener.WaitClosed()));
  (void)echo_.WaitClosed();
  EXPECT_EQ(echo_.ClosedCount(), 1u);
}

TEST_F(StreamsTest, AReaderThatDoesNotReadIsCutByItsBound) {
  echo_.options.bytes_max = 8 << 20;
  Listener listener;
  Mutex gate;
  gate.Lock();  // the client's reading stops inside its first on_frame
  auto handlers = listener.Handlers();
  handlers.on_frame = [&gate](Frame) {
    gate.Lock();
    gate.Unlock();
  };
  auto stream = ClientStream::Create();
  stub_->async()->Connect(stream->context(), stream->reactor());
  stream->Start(handlers);

  stream->Send(FrameOf("flood"));
  const absl::Status server_saw = echo_.WaitClosed();
  gate.Unlock();

  EXPECT_TRUE(absl::IsResourceExhausted(server_saw)) << server_saw;
  EXPECT_FALSE(listener.WaitClosed().ok());
}

TEST_F(StreamsTest, AStuckWriteIsCutByItsDeadline) {
  echo_.options = {.bytes_max = size_t{1} << 40, .write_deadline = absl::Milliseconds(200)};
  Listener listener;
  Mutex gate;
  gate.Lock();
  auto handlers = listener.Handlers();
  handlers.on_frame = [&gate](Frame) {
    gate.Lock();
    gate.Unlock();
  };
  auto stream = ClientStream::Create();
  stub_->async()->Connect(stream->context(), stream->reactor());
  stream->Start(handlers);
  stream->Send(FrameOf("a"));
  std::shared_ptr<ServerStream> server_stream;
  while ((server_stream = echo_.LastOpened()) == nullptr) usleep(1000);

  for (int i = 0; i < 64; ++i) server_stream->Send(FrameOf(std::string(1 << 20, 'x')));
  const absl::Status server_saw = echo_.WaitClosed();
  gate.Unlock();

  EXPECT_TRUE(absl::IsDeadlineExceeded(server_saw)) << server_saw;
  EXPECT_FALSE(listener.WaitClosed().ok());
}

TEST_F(StreamsTest, ServerShutdownEndsStreams) {
  Listener listener;
  auto stream = Connect(&listener);
  stream->Send(FrameOf("a"));
  listener.WaitTexts(1);

  server_->Shutdown(absl::Milliseconds(10));

  EXPECT_FALSE(listener.WaitClosed().ok());
  EXPECT_EQ(echo_.ClosedCount(), 1u);
}

TEST_F(StreamsTest, ManyStreamsEndingAtOnceLeakNothing) {
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<std::weak_ptr<ClientStream>> streams;
  for (int i = 0; i < 100; ++i) {
    listeners.push_back(std::make_unique<Listener>());
    auto stream = Connect(listeners.back().get());
    stream->Send(FrameOf(i % 2 == 0 ? "bye" : "a"));
    if (i % 3 == 0) stream->Cancel();
    if (i % 3 == 1) stream->Close(absl::OkStatus());
    streams.push_back(stream);
  }
  for (size_t i = 0; i < listeners.size(); ++i) {
    if (i % 3 == 2 && i % 2 == 1) {
      if (auto stream = streams[i].lock()) stream->Cancel();
    }
    (void)listeners[i]->WaitClosed();
    EXPECT_EQ(listeners[i]->closed.size(), 1u);
  }
  // The last owner lets go just after on_closed; one that never does is caught by the test's limit.
  for (auto& stream : streams) {
    while (!stream.expired()) usleep(1000);
  }
}

TEST_F(StreamsTest, WriterSendsWhatWasQueuedBeforeItsStart) {
  grpc::ClientContext context;
  Frame request;
  request.add_texts("a");
  request.add_texts("b");

  auto reader = stub_->Listen(&context, request);
  Frame frame;
  std::vector<std::string> texts;
  while (reader->Read(&frame)) texts.push_back(frame.texts(0));

  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(texts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(echo_.written, FrameOf("a").ByteSizeLong() + FrameOf("b").ByteSizeLong());
}

TEST_F(StreamsTest, UnaryAnswersOnceAndNeverLeavesACallerWaiting) {
  const auto call = [&](Frame request) {
    Mutex mutex;
    CondVar changed;
    std::optional<absl::StatusOr<Frame>> answer;
    CallUnary<Frame>(
        request, absl::Seconds(60), [&](auto... args) { stub_->async()->Echo(args...); },
        [&](absl::StatusOr<Frame> response) {
          MutexLock lock(&mutex);
          answer = std::move(response);
          changed.Signal();
        });
    MutexLock lock(&mutex);
    while (!answer.has_value()) changed.Wait(&mutex);
    return *answer;
  };

  EXPECT_EQ(call(FrameOf("x"))->texts(0), "x");
  EXPECT_EQ(call(Frame()).status(), absl::InvalidArgumentError("texts: must not be empty"));
  EXPECT_EQ(call(FrameOf("drop")).status(), absl::InternalError("the server gave no answer"));
}

}  // namespace
}  // namespace meros::rpc

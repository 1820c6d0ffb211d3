// bare-streams: what gRPC alone takes of a fail-over. As many streams as there are agents are
// opened at once, and on each two frames go each way, of the sizes that agents and a new leader
// exchange; nobody looks into them. Both ends are in this process, on the same queues that masters
// and simulated agents use, so that `failover` (with streams that are not open before) can not be
// faster on the same machine.
#include <grpcpp/generic/generic_stub.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/bidi_server_stream.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/packed.h"
#include "libs/rpc/queued_call.h"
#include "libs/rpc/server.h"
#include "meros/agent_link/v1/agent_link.grpc.pb.h"
#include "tests/bench/benchmark.h"
#include "tests/bench/queued_client.h"

namespace meros::bench {
namespace {

using grpc::ByteBuffer;
using ServerStream =
    rpc::BidiServerStream<ByteBuffer, ByteBuffer, rpc::QueuedReactor<ByteBuffer, ByteBuffer>>;
using ClientStream =
    rpc::BidiClientStream<ByteBuffer, ByteBuffer, QueuedClientReactor<ByteBuffer, ByteBuffer>>;

constexpr int kStreamsPerConnection = 100;
constexpr absl::Duration kLimit = absl::Minutes(5);

// What agents and leaders say to each other, bytes: a description with a digest, the question for
// the report, and the welcome.
constexpr size_t kDigestBytes = 400;
constexpr size_t kQuestionBytes = 8;
constexpr size_t kWelcomeBytes = 250;

ByteBuffer FrameOf(size_t bytes) { return rpc::BufferOf(std::string(bytes, 'x')); }

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// Answers the first frame of each stream as if it asked, and the second as if it welcomed.
class BareServer final : public rpc::QueuedService {
 public:
  grpc::Service* service() override { return &service_; }
  void Accept(rpc::StreamQueue* queue) override {
    rpc::AcceptCalls<ByteBuffer, ByteBuffer>(
        queue, [this](auto... call) { service_.Request(call...); },
        [](std::unique_ptr<Call> call) { Open(std::move(call)); });
  }

 private:
  using Call = rpc::QueuedCall<ByteBuffer, ByteBuffer>;
  using Generated = agent_link::v1::AgentLinkService;
  class Service final : public Generated::WithAsyncMethod_Connect<Generated::Service> {
   public:
    void Request(grpc::ServerContext* context, Call::Io* io, grpc::CompletionQueue* queue,
                 grpc::ServerCompletionQueue* calls, void* tag) {
      RequestAsyncBidiStreaming(0, context, io, queue, calls, tag);
    }
  };

  static void Open(std::unique_ptr<Call> call) {
    auto stream = ServerStream::Create(&call->context);
    stream->Bind(std::move(call));
    ServerStream* raw = stream.get();
    stream->Start(
        {.on_frame =
             [raw](const ByteBuffer& frame) {
               raw->Send(FrameOf(frame.Length() == kDigestBytes ? kQuestionBytes : kWelcomeBytes));
             },
         .on_closed = [](const absl::Status&) {}});
  }

  Service service_;
};

// The other ends of the streams.
class BareClients {
 public:
  BareClients(int streams, size_t report_bytes) : streams_(streams), report_bytes_(report_bytes) {}
  ~BareClients() {
    for (const auto& stream : open_) stream->Cancel();
    while (living_ > 0) usleep(1000);
  }

  absl::Status Connect(const std::string& address) {
    const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(60);
    for (int i = 0; i < streams_; i += kStreamsPerConnection) {
      MEROS_ASSIGN_OR_RETURN(auto channel,
                             rpc::MakeChannel(address, {.insecure = true},
                                              {.connection_group = 1 + i / kStreamsPerConnection}));
      if (!channel->WaitForConnected(deadline)) {
        return absl::UnavailableError("no connection to this process's own server");
      }
      channels_.push_back(std::move(channel));
    }
    return absl::OkStatus();
  }

  // Returns when each stream has heard its last frame.
  absl::Status Run() {
    for (int i = 0; i < streams_; ++i) Open(i);
    const absl::Time deadline = Now() + kLimit;
    while (welcomed_ < streams_) {
      if (Now() > deadline) {
        return absl::DeadlineExceededError(
            absl::StrCat(welcomed_.load(), " of ", streams_, " streams were welcomed"));
      }
      usleep(1000);
    }
    return absl::OkStatus();
  }

 private:
  void Open(int i) {
    auto stream = ClientStream::Create();
    stream->context()->set_initial_metadata_corked(true);
    grpc::GenericStub stub(channels_[i / kStreamsPerConnection]);
    stream->Bind(stub.PrepareCall(stream->context(), kMethod, queues_.queue(i)));
    ++living_;
    ClientStream* raw = stream.get();
    stream->Start({.on_frame =
                       [this, raw](const ByteBuffer& frame) {
                         if (frame.Length() == kWelcomeBytes) {
                           ++welcomed_;
                         } else {
                           raw->Send(FrameOf(report_bytes_));
                         }
                       },
                   .on_closed = [this](const absl::Status&) { --living_; }});
    stream->Send(FrameOf(kDigestBytes));
    open_.push_back(std::move(stream));
  }

  static constexpr char kMethod[] = "/meros.agent_link.v1.AgentLinkService/Connect";

  const int streams_;
  const size_t report_bytes_;
  ClientQueues queues_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::shared_ptr<ClientStream>> open_;
  std::atomic<int> welcomed_{0};
  std::atomic<int> living_{0};
};

}  // namespace

absl::StatusOr<Report> RunBareStreams(Options* options) {
  const int streams = static_cast<int>(options->Get("agents", 10000));
  const auto report_bytes = static_cast<size_t>(options->Get("report_bytes", 5000));
  if (report_bytes == kDigestBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("--report_bytes must not be ", kDigestBytes, ": that is a digest"));
  }
  BareServer service;
  const std::string address = "127.0.0.1:0";
  MEROS_ASSIGN_OR_RETURN(
      auto server,
      rpc::Server::Start({.addresses = {address}, .tls = {.insecure = true}}, {}, {&service}));
  Report report;
  {
    BareClients clients(streams, report_bytes);
    MEROS_RETURN_IF_ERROR(clients.Connect(absl::StrCat("127.0.0.1:", server->port(0))));
    const double cpu_before = CpuSeconds();
    const absl::Time start = Now();
    MEROS_RETURN_IF_ERROR(clients.Run());
    report.value = absl::ToDoubleSeconds(Now() - start);
    report.notes["cpu_seconds"] = absl::StrCat(CpuSeconds() - cpu_before);
  }
  report.unit = "s";
  report.n = static_cast<size_t>(streams);
  report.notes["counted"] = "gRPC streams of which both ends are in this process, plaintext";
  return report;
}

}  // namespace meros::bench

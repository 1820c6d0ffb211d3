// Goal: connections to all peers are open before there is a call, and again after each was lost,
// without more attempts than gRPC's back-off allows. Method: servers that count who connects, and
// one of gRPC that is restarted; no test makes a call but the one about calls.
#include "libs/rpc/warm_channels.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/rpc/server.h"
#include "libs/rpc/testing/silent_server.h"
#include "libs/rpc/unary.h"
#include "libs/testing/certificates.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "meros/rpc_test/v1/echo.grpc.pb.h"

namespace meros::rpc {
namespace {

using rpc_test::v1::EchoService;
using rpc_test::v1::Frame;

constexpr TlsOptions kPlaintext = {.insecure = true};

template <typename Done>
bool Eventually(Done done) {
  return testing::Eventually(absl::Seconds(60), done);
}

// Looks often, so that tests need not wait.
WarmChannelsOptions To(std::vector<std::string> addresses) {
  return {.addresses = std::move(addresses),
          .tls = {.insecure = true},
          .check_interval = absl::Milliseconds(20)};
}

// Answers with the caller's authenticated name.
class CallerNameService : public EchoService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const Frame*,
                                 Frame* response) override {
    Frame frame;
    frame.add_texts(PeerPrincipal(*context));
    return AnswerNow<Frame>(context, response, frame);
  }
};

absl::StatusOr<std::string> CallerName(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  Frame response;
  const grpc::Status status = EchoService::NewStub(channel)->Echo(&context, Frame(), &response);
  if (!status.ok()) return FromGrpc(status);
  return response.texts(0);
}

TEST(WarmChannels, AreConnectedToAllBeforeAnyIsAskedFor) {
  SilentServer first, second;
  first.Listen();
  second.Listen();

  WarmChannels channels(To({first.address(), second.address()}));
  channels.Start();

  EXPECT_TRUE(Eventually([&] { return first.open() == 1 && second.open() == 1; }));
}

TEST(WarmChannels, ConnectAgainWhenTheConnectionIsLost) {
  SilentServer server;
  server.Listen();
  WarmChannels channels(To({server.address()}));
  channels.Start();
  ASSERT_TRUE(Eventually([&] { return server.open() == 1; }));

  server.Drop();

  EXPECT_TRUE(Eventually([&] { return server.open() == 1; }));
}

TEST(WarmChannels, ConnectWhenAPeerThatWasDownIsThere) {
  SilentServer server;
  WarmChannels channels(To({server.address()}));
  channels.Start();
  const auto channel = *channels.Get(server.address());
  const auto has_failed = [&] {
    return channel->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_TRANSIENT_FAILURE;
  };
  ASSERT_TRUE(Eventually(has_failed));

  server.Listen();

  EXPECT_TRUE(Eventually([&] { return server.open() == 1; }));
}

// A host that vanished closes nothing, and no call is there to miss its answers.
TEST(WarmChannels, NoticeAPeerThatDoesNotAnswerProbes) {
  SilentServer server;
  server.Listen();
  WarmChannelsOptions options = To({server.address()});
  options.channel.keepalive_time = absl::Milliseconds(50);
  options.channel.keepalive_timeout = absl::Milliseconds(50);

  WarmChannels channels(std::move(options));
  channels.Start();

  EXPECT_TRUE(Eventually([&] { return server.accepted() >= 2; }));
}

TEST(WarmChannels, WhoAsksForAChannelDoesNotWaitForItsBackOff) {
  SilentServer server;
  WarmChannelsOptions options = To({server.address()});
  options.channel.reconnect_initial = absl::Hours(1);
  options.channel.reconnect_maximum = absl::Hours(1);
  WarmChannels channels(std::move(options));
  channels.Start();
  const auto channel = *channels.Get(server.address());
  const auto has_failed = [&] {
    return channel->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_TRANSIENT_FAILURE;
  };
  ASSERT_TRUE(Eventually(has_failed));
  server.Listen();

  EXPECT_EQ(*channels.Get(server.address()), channel);

  EXPECT_TRUE(Eventually([&] { return server.open() == 1; }));
}

TEST(WarmChannels, AreReadyForCallsAgainAfterTheServerRestarted) {
  CallerNameService service;
  auto server = Server::Start({.addresses = {"127.0.0.1:0"}, .tls = kPlaintext}, {&service});
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string address = absl::StrCat("127.0.0.1:", (*server)->port(0));
  WarmChannels channels(To({address}));
  channels.Start();
  const auto channel = *channels.Get(address);
  const auto is_ready = [&] {
    return channel->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY;
  };
  ASSERT_TRUE(Eventually(is_ready));

  (*server)->Shutdown(absl::ZeroDuration());
  ASSERT_TRUE(Eventually([&] { return !is_ready(); }));
  ASSERT_TRUE(Eventually([&] {
    server = Server::Start({.addresses = {address}, .tls = kPlaintext}, {&service});
    return server.ok();
  }));

  EXPECT_TRUE(Eventually(is_ready));
  EXPECT_TRUE(CallerName(channel).ok());
}

TEST(WarmChannels, KeepLearnedAddressesUpToALimitAndConfiguredOnesAlways) {
  SilentServer configured, learned_first, learned_last;
  for (SilentServer* server : {&configured, &learned_first, &learned_last}) server->Listen();
  WarmChannelsOptions options = To({configured.address()});
  options.learned_max = 1;
  WarmChannels channels(std::move(options));
  channels.Start();
  const auto is_ready_to_first = [&] {
    return (*channels.Get(learned_first.address()))->GetState(/*try_to_connect=*/false) ==
           GRPC_CHANNEL_READY;
  };
  // Ready, not only accepted: gRPC 1.51 forgets to close what is let go of while it connects.
  ASSERT_TRUE(Eventually(is_ready_to_first));
  ASSERT_TRUE(Eventually([&] { return configured.open() == 1; }));
  ASSERT_EQ(learned_first.open(), 1);

  ASSERT_TRUE(channels.Get(learned_last.address()).ok());

  EXPECT_TRUE(Eventually([&] { return learned_last.open() == 1; }));
  EXPECT_TRUE(Eventually([&] { return learned_first.open() == 0; }));
  EXPECT_EQ(configured.accepted(), 1);
}

TEST(WarmChannels, TakeUpCertificatesThatWereRenewed) {
  const testing::TempDir directory;
  ASSERT_TRUE(testing::MakeCertificates(directory.path(), "server").ok());
  ASSERT_TRUE(testing::MakeCertificates(directory.path(), "old").ok());
  const auto replace = [&](const std::string& from, const std::string& to) {
    std::filesystem::rename(directory / from, directory / to);
  };
  // The server trusts one authority, who has signed two certificates: its own and the old one.
  replace("server.ca.pem", "ca.pem");
  CallerNameService service;
  const auto server = Server::Start({.addresses = {"127.0.0.1:0"},
                                     .tls = {.ca_file = directory / "ca.pem",
                                             .cert_file = directory / "server.pem",
                                             .key_file = directory / "server.key"}},
                                    {&service});
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string address = absl::StrCat("127.0.0.1:", (*server)->port(0));
  WarmChannelsOptions options = To({address});
  options.tls = {.ca_file = directory / "ca.pem",
                 .cert_file = directory / "old.pem",
                 .key_file = directory / "old.key"};
  WarmChannels channels(std::move(options));
  channels.Start();
  // It has a certificate of an authority that the server does not know.
  ASSERT_FALSE(CallerName(*channels.Get(address)).ok());

  replace("server.key", "old.key");  // between the two renames the files do not match
  ASSERT_TRUE(channels.Get(address).ok());
  replace("server.pem", "old.pem");

  EXPECT_EQ(CallerName(*channels.Get(address)).value_or("refused"), "server");
}

TEST(WarmChannels, WhyNoChannelCanBeMadeIsToldToWhoAsks) {
  WarmChannelsOptions options = To({"127.0.0.1:1"});
  options.tls = {.ca_file = "/none", .cert_file = "/none", .key_file = "/none"};
  WarmChannels channels(std::move(options));
  channels.Start();

  EXPECT_TRUE(absl::IsNotFound(channels.Get("127.0.0.1:1").status()));
}

}  // namespace
}  // namespace meros::rpc

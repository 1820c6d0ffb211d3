// Goal: a server listens where it is told, refuses what it cannot serve with an error that says why,
// and demands certificates. Method: real servers, certificates made by openssl in a temporary folder.
#include "libs/rpc/server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include <grpcpp/create_channel.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/unary.h"
#include "libs/rpc/unix_socket.h"
#include "meros/rpc_test/v1/echo.grpc.pb.h"

namespace meros::rpc {
namespace {

using rpc_test::v1::EchoService;
using rpc_test::v1::Frame;

// Answers with the caller's authenticated name.
class WhoAmI : public EchoService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const Frame*,
                                 Frame* response) override {
    Frame frame;
    frame.add_texts(PeerPrincipal(*context));
    return AnswerNow<Frame>(context, response, frame);
  }
};

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/meros-server-test-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    dir_ = name;
  }
  void TearDown() override { Run(absl::StrCat("rm -rf ", dir_)); }

  void Run(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; }

  // A CA, and a key pair signed by it for each of server and client.
  void MakeCertificates() {
    Run(absl::StrCat("cd ", dir_, R"( && exec 2>/dev/null &&
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.pem &&
      for n in server client; do
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$n -keyout $n.key -out $n.csr &&
        printf 'subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1' $n > $n.ext &&
        openssl x509 -req -in $n.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile $n.ext -out $n.pem || exit 1
      done)"));
  }
  TlsOptions Tls(const std::string& who) {
    return {.ca_file = dir_ + "/ca.pem",
            .cert_file = absl::StrCat(dir_, "/", who, ".pem"),
            .key_file = absl::StrCat(dir_, "/", who, ".key")};
  }

  static absl::StatusOr<std::string> Ask(std::shared_ptr<grpc::Channel> channel) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    Frame response;
    const grpc::Status status = EchoService::NewStub(channel)->Echo(&context, Frame(), &response);
    if (!status.ok()) return FromGrpc(status);
    return response.texts(0);
  }

  std::string dir_;
  WhoAmI service_;
};

TEST_F(ServerTest, PlaintextOnlyWhenAskedFor) {
  EXPECT_TRUE(absl::StrContains(
      Server::Start({.addresses = {"127.0.0.1:0"}}, {&service_}).status().message(),
      "--tls_ca is required"));

  auto server =
      Server::Start({.addresses = {"127.0.0.1:0"}, .tls = {.insecure = true}}, {&service_});
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string address = absl::StrCat("127.0.0.1:", (*server)->port(0));
  EXPECT_EQ(*Ask(*MakeChannel(address, {.insecure = true})), "");
}

TEST_F(ServerTest, MutualTlsNamesTheClientAndRefusesStrangers) {
  MakeCertificates();
  auto server =
      Server::Start({.addresses = {"127.0.0.1:0"}, .tls = Tls("server")}, {&service_});
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string address = absl::StrCat("127.0.0.1:", (*server)->port(0));

  EXPECT_EQ(*Ask(*MakeChannel(address, Tls("client"))), "client");
  EXPECT_FALSE(Ask(*MakeChannel(address, {.insecure = true})).ok());
  grpc::SslCredentialsOptions anonymous;  // trusts us, but shows no certificate of its own
  anonymous.pem_root_certs = "";
  EXPECT_FALSE(Ask(grpc::CreateChannel(address, grpc::SslCredentials(anonymous))).ok());
}

TEST_F(ServerTest, UnreadableKeyFileIsNamed) {
  MakeCertificates();
  TlsOptions tls = Tls("server");
  tls.key_file = dir_ + "/none.key";

  const auto server = Server::Start({.addresses = {"127.0.0.1:0"}, .tls = tls}, {&service_});

  EXPECT_TRUE(absl::IsNotFound(server.status()));
  EXPECT_TRUE(absl::StrContains(server.status().message(), "--tls_key: cannot read"))
      << server.status();
}

TEST_F(ServerTest, FilesThatDoNotFitAreNamed) {
  MakeCertificates();
  const auto message = [this](const TlsOptions& tls) {
    return std::string(
        Server::Start({.addresses = {"127.0.0.1:0"}, .tls = tls}, {&service_}).status().message());
  };
  TlsOptions tls = Tls("server");
  tls.key_file = dir_ + "/client.key";
  EXPECT_TRUE(absl::StrContains(message(tls), "is not the key of")) << message(tls);
  tls.key_file = dir_ + "/server.pem";
  EXPECT_TRUE(absl::StrContains(message(tls), "no private key")) << message(tls);
  tls = Tls("server");
  tls.cert_file = tls.key_file;
  EXPECT_TRUE(absl::StrContains(message(tls), "--tls_cert")) << message(tls);
  tls = Tls("server");
  tls.ca_file = tls.key_file;
  EXPECT_TRUE(absl::StrContains(message(tls), "--tls_ca")) << message(tls);
  tls.ca_file = dir_;
  EXPECT_TRUE(absl::StrContains(message(tls), "directory")) << message(tls);
}

TEST_F(ServerTest, ARefusedConnectionSaysWhatToLookAt) {
  MakeCertificates();
  auto secure = Server::Start({.addresses = {"127.0.0.1:0"}, .tls = Tls("server")}, {&service_});
  auto plain =
      Server::Start({.addresses = {"127.0.0.1:0"}, .tls = {.insecure = true}}, {&service_});
  ASSERT_TRUE(secure.ok() && plain.ok());
  const auto refusal = [](const Server& server, const TlsOptions& tls) {
    const std::string address = absl::StrCat("127.0.0.1:", server.port(0));
    return std::string(Ask(*MakeChannel(address, tls)).status().message());
  };

  EXPECT_TRUE(absl::StrContains(refusal(**secure, {.insecure = true}), "wants TLS"));
  EXPECT_TRUE(absl::StrContains(refusal(**plain, Tls("client")), "speaks plaintext"));
  const TlsOptions theirs = Tls("client");
  MakeCertificates();  // by a new authority
  EXPECT_TRUE(absl::StrContains(refusal(**secure, theirs), "--tls_ca"));
}

TEST_F(ServerTest, APortInUseIsAnErrorThatNamesIt) {
  auto first =
      Server::Start({.addresses = {"127.0.0.1:0"}, .tls = {.insecure = true}}, {&service_});
  ASSERT_TRUE(first.ok());
  const std::string address = absl::StrCat("127.0.0.1:", (*first)->port(0));

  const auto second =
      Server::Start({.addresses = {address}, .tls = {.insecure = true}}, {&service_});

  EXPECT_TRUE(absl::IsUnavailable(second.status()));
  EXPECT_TRUE(absl::StrContains(second.status().message(), address)) << second.status();
}

TEST_F(ServerTest, UnixSocketReplacesAStaleOneAndNothingElse) {
  const std::string path = dir_ + "/s.sock";
  ASSERT_EQ(mkdir((dir_ + "/d.sock").c_str(), 0700), 0);
  EXPECT_TRUE(absl::StrContains(
      Server::Start({.addresses = {"unix:" + dir_ + "/d.sock"}}, {&service_}).status().message(),
      "is a directory"));
  EXPECT_TRUE(absl::IsNotFound(PrepareUnixSocket(dir_ + "/none/s.sock")));
  EXPECT_TRUE(absl::IsInvalidArgument(PrepareUnixSocket("relative.sock")));
  EXPECT_TRUE(absl::IsInvalidArgument(PrepareUnixSocket("/tmp/" + std::string(120, 'x'))));

  // A socket file whose owner is gone.
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {.sun_family = AF_UNIX};
  std::memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  close(fd);
  auto server = Server::Start({.addresses = {"unix:" + path}}, {&service_});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_TRUE(Ask(*MakeChannel("unix:" + path, {})).ok());

  EXPECT_TRUE(absl::IsAlreadyExists(
      Server::Start({.addresses = {"unix:" + path}}, {&service_}).status()));
}

}  // namespace
}  // namespace meros::rpc

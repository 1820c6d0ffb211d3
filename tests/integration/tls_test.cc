// Goal: with mutual TLS on every TCP link a cluster works as it does without, and who does not
// belong to it is refused and told why. Method: real services; two authorities made by openssl, of
// which the cluster trusts one.
#include <grpcpp/create_channel.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "libs/rpc/status.h"
#include "libs/testing/certificates.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "meros/v1/master/master_service.grpc.pb.h"

namespace meros::integration {
namespace {

using meros::v1::master::MasterService;

class TlsTest : public ::testing::Test {
 protected:
  static std::vector<std::string> Flags(const std::string& directory, const std::string& authority,
                                        const std::string& name) {
    return {absl::StrCat("--tls_ca=", directory, "/", authority, ".ca.pem"),
            absl::StrCat("--tls_cert=", directory, "/", name, ".pem"),
            absl::StrCat("--tls_key=", directory, "/", name, ".key")};
  }

  TlsTest()
      : cluster_({.directory = directory_.path(),
                  .security_flags = Flags(directory_.path(), "ours", "ours")}) {}

  void SetUp() override {
    const absl::Status made = testing::MakeCertificates(directory_.path(), "ours");
    ASSERT_TRUE(made.ok()) << made;
    const absl::Status others = testing::MakeCertificates(directory_.path(), "theirs");
    ASSERT_TRUE(others.ok()) << others;
    const absl::Status status = cluster_.Start();
    ASSERT_TRUE(status.ok()) << status;
  }

  // `meros ps` with the flags: its exit code must be 1 and its message hold `words`.
  void ExpectRefused(const std::vector<std::string>& security, const std::string& words) {
    const auto refused = cluster_.CliSecuredBy(security, {"ps", "--timeout=1"});
    EXPECT_EQ(refused.exit_code, 1) << absl::StrJoin(security, " ");
    EXPECT_TRUE(absl::StrContains(refused.err, words)) << absl::StrJoin(security, " ") << "\n"
                                                       << refused.err;
    EXPECT_EQ(refused.out, "");
  }

  testing::TempDir directory_;
  testing::LocalCluster cluster_;
};

TEST_F(TlsTest, ATaskRunsWithMutualTlsOnAllLinks) {
  const auto run = cluster_.Cli({"run", "-f", "--name=hello", "--command", "echo hello; exit 7"});

  EXPECT_EQ(run.exit_code, 7) << run.err;
  EXPECT_EQ(run.out, "hello\n") << run.err;
  // The command line dials the agent too, for what the task wrote.
  const auto tasks = cluster_.Cli({"ps", "--all"});
  EXPECT_TRUE(absl::StrContains(tasks.out, "hello")) << tasks.out << tasks.err;
}

TEST_F(TlsTest, StrangersAreRefusedAndToldWhy) {
  const std::string directory = directory_.path();
  ExpectRefused({"--insecure"}, "wants TLS");
  // Trusts us, but shows another authority's certificate.
  ExpectRefused(Flags(directory, "ours", "theirs"), "does not accept our certificate");
  ExpectRefused(Flags(directory, "theirs", "theirs"), "not of the authority in --tls_ca");
  ExpectRefused({Flags(directory, "ours", "ours")[0]}, "--tls_cert is required");

  // No certificate at all, which our own programs do not even try.
  grpc::SslCredentialsOptions anonymous;
  std::stringstream authority;
  authority << std::ifstream(directory + "/ours.ca.pem").rdbuf();
  anonymous.pem_root_certs = authority.str();
  for (const std::string& address : {cluster_.master_address(), cluster_.registry().address(),
                                     cluster_.allocator().address(), cluster_.agent().address()}) {
    auto stub =
        MasterService::NewStub(grpc::CreateChannel(address, grpc::SslCredentials(anonymous)));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    meros::v1::master::GetVersionResponse response;
    const absl::Status status = rpc::FromGrpc(
        stub->GetVersion(&context, meros::v1::master::GetVersionRequest(), &response));
    // Not even that the method does not exist is said to strangers.
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << address << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "certificate")) << status;
  }

  // All of that did nothing to those who belong here.
  EXPECT_EQ(cluster_.Cli({"run", "-f", "--command", "echo fine"}).out, "fine\n");
}

TEST_F(TlsTest, FilesThatDoNotFitEndTheStartWithTheirName) {
  const std::vector<std::string> good = Flags(directory_.path(), "ours", "ours");
  const std::string missing = "--tls_key=" + directory_.path() + "/no-such.key";
  const std::string other = Flags(directory_.path(), "ours", "theirs")[2];
  for (const char* binary : {"meros-registry", "meros-allocator", "meros-master", "meros-agent"}) {
    for (const auto& [flag, words] : {std::pair<std::string, std::string>(missing, "no-such.key"),
                                      {other, "is not the key of the certificate"}}) {
      auto process = testing::Process::Start(
          {.name = absl::StrCat(binary, "-", words.size()),
           .program = testing::BinaryPath(binary),
           .arguments = {good[0], good[1], flag, "--address=127.0.0.1:0", "--metrics_port=0"},
           .environment = {{"MEROS_REGISTRY_STORE", "sqlite:" + directory_.path() + "/other.db"},
                           {"MEROS_AGENT_WORK_DIR", directory_.path() + "/other"},
                           {"MEROS_AGENT_MASTER", "127.0.0.1:1"},
                           {"MEROS_MASTER_REGISTRY", "127.0.0.1:1"},
                           {"MEROS_MASTER_ALLOCATOR", "127.0.0.1:1"}},
           .log_dir = directory_.path()});
      ASSERT_TRUE(process.ok());
      const auto status = (*process)->Wait(absl::Seconds(60));
      ASSERT_TRUE(status.ok()) << binary << " " << flag << ": " << status.status();
      EXPECT_NE(*status, 0) << binary;
      EXPECT_TRUE(absl::StrContains((*process)->Log(), words)) << binary << (*process)->Log();
    }
  }
}

}  // namespace
}  // namespace meros::integration

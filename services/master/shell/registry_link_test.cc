// Goal: of several registries the link finds the one that serves, and leaves one that refuses or
// does not answer. Method: fakes of the registry over real gRPC; time is the caller's.
#include "services/master/shell/registry_link.h"

#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "libs/rpc/server.h"
#include "libs/testing/process.h"
#include "services/master/shell/testing_neighbours.h"

namespace meros::master {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(60);

// Takes every request and answers none, as a process that is stopped.
class SilentRegistry final : public registry::v1::RegistryService::CallbackService {
 public:
  grpc::ServerBidiReactor<registry::v1::SessionRequest, registry::v1::SessionResponse>* Session(
      grpc::CallbackServerContext* c) override {
    auto stream =
        rpc::BidiServerStream<registry::v1::SessionRequest, registry::v1::SessionResponse>::Create(
            c);
    return stream->Start(
        {.on_frame = [](registry::v1::SessionRequest) {}, .on_closed = [](const absl::Status&) {}});
  }
};

class RegistryLinkTest : public ::testing::Test {
 protected:
  // Its address.
  std::string Serve(grpc::Service* service) {
    auto server =
        rpc::Server::Start({.addresses = {"127.0.0.1:0"}, .tls = {.insecure = true}}, {service});
    EXPECT_TRUE(server.ok()) << server.status();
    servers_.push_back(*std::move(server));
    return absl::StrCat("127.0.0.1:", servers_.back()->port(0));
  }

  void Dial(std::vector<std::string> addresses) {
    auto link = RegistryLink::Make(
        {.addresses = std::move(addresses),
         .tls = {.insecure = true},
         .exchange = {.candidate_id = "m"}},
        [this](Input input) { Take(std::move(input)); }, &metrics_);
    ASSERT_TRUE(link.ok()) << link.status();
    link_ = *std::move(link);
  }
  void TearDown() override { link_.reset(); }

  void Take(Input input) {
    MutexLock lock(&mutex_);
    if (auto* answer = std::get_if<LeaseAnswer>(&input)) answers_[answer->attempt] = *answer;
  }
  // Asks for the lease and waits for the answer.
  LeaseAnswer::Kind Ask() {
    Send();
    return Await(attempt_);
  }
  void Send() { link_->Send(now_, {AcquireLease{++attempt_, absl::Seconds(10)}}); }
  LeaseAnswer::Kind Await(uint64_t attempt) {
    LeaseAnswer answer;
    EXPECT_TRUE(meros::testing::Eventually(kLimit, [&] {
      MutexLock lock(&mutex_);
      if (answers_.count(attempt) == 0) return false;
      answer = answers_[attempt];
      return true;
    }));
    return answer.kind;
  }
  bool EventuallyGranted() {
    return meros::testing::Eventually(kLimit,
                                      [this] { return Ask() == LeaseAnswer::Kind::kGranted; });
  }

  telemetry::MetricRegistry registry_{"master"};
  MasterMetrics metrics_{&registry_};
  std::vector<std::unique_ptr<rpc::Server>> servers_;
  Mutex mutex_;
  std::map<uint64_t, LeaseAnswer> answers_ MEROS_GUARDED_BY(mutex_);
  absl::Time now_ = absl::UnixEpoch();
  uint64_t attempt_ = 0;
  std::unique_ptr<RegistryLink> link_;
};

TEST_F(RegistryLinkTest, LeavesOneThatRefusesForOneThatServes) {
  testing::FakeRegistry first, second;
  Dial({Serve(&first), Serve(&second)});
  EXPECT_EQ(Ask(), LeaseAnswer::Kind::kGranted);

  first.SetAway(true);
  EXPECT_EQ(Ask(), LeaseAnswer::Kind::kUnknown);

  EXPECT_TRUE(EventuallyGranted());
  EXPECT_TRUE(meros::testing::Eventually(kLimit, [this] { return link_->connected(); }));
}

TEST_F(RegistryLinkTest, LeavesOneThatDoesNotAnswer) {
  SilentRegistry silent;
  testing::FakeRegistry second;
  Dial({Serve(&silent), Serve(&second)});
  Send();
  const uint64_t unanswered = attempt_;

  now_ += absl::Seconds(10);

  EXPECT_EQ(Ask(), LeaseAnswer::Kind::kGranted);
  EXPECT_EQ(Await(unanswered), LeaseAnswer::Kind::kUnknown);
}

TEST_F(RegistryLinkTest, StaysWithTheOnlyOne) {
  testing::FakeRegistry only;
  Dial({Serve(&only)});
  only.SetAway(true);
  EXPECT_EQ(Ask(), LeaseAnswer::Kind::kUnknown);
  EXPECT_TRUE(link_->connected());

  only.SetAway(false);

  EXPECT_EQ(Ask(), LeaseAnswer::Kind::kGranted);
}

}  // namespace
}  // namespace meros::master
